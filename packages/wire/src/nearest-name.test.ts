import { expect, test } from "vitest";
import { nearestName } from "./nearest-name.ts";

test("a misspelled name is recognised, in any case", () => {
  const names = ["latency", "input_tokens", "output_tokens", "cost"];
  expect(nearestName("latencey", names)).toBe("latency");
  expect(nearestName("Input_Token", names)).toBe("input_tokens");
  expect(nearestName("cots", names)).toBe("cost");
});

test("a word that is far from all names has no nearest one", () => {
  expect(nearestName("speed", ["latency", "cost"])).toBeUndefined();
  expect(nearestName("", ["x"])).toBeUndefined();
  expect(nearestName("x".repeat(10_000), ["latency"])).toBeUndefined();
});
