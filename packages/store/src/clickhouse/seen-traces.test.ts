import { expect, test } from "vitest";
import { SeenTraces } from "./seen-traces.ts";

const ids = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `tr-${(from + index).toString(16).padStart(32, "0")}`);

test("no trace that was added is ever said to be new, and few new ones are taken for known", () => {
  const seen = new SeenTraces(10_000);
  for (const id of ids(0, 10_000)) seen.add(id);
  seen.complete();
  expect(ids(0, 10_000).every((id) => seen.mayHold(id))).toBe(true);
  const mistaken = ids(10_000, 30_000).filter((id) => seen.mayHold(id)).length;
  expect(mistaken / 20_000).toBeLessThan(0.02);
});

test("until the ids of the store are read, every trace may be in it", () => {
  const seen = new SeenTraces(100);
  expect(seen.mayHold("tr-1")).toBe(true);
  seen.complete();
  expect(seen.mayHold("tr-1")).toBe(false);
});
