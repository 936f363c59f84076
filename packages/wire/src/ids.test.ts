import { expect, test } from "vitest";
import { isOtelTraceId, isSpanId, isTraceId, toOtelTraceId, toTraceId } from "./ids.ts";

const HEX = "0af7651916cd43dd8448eb211c80319c";

test("a trace id is shown as tr- and its hex digits, and read in both forms", () => {
  expect(toTraceId(HEX)).toBe(`tr-${HEX}`);
  expect(toOtelTraceId(`tr-${HEX}`)).toBe(HEX);
  expect(toOtelTraceId(HEX)).toBe(HEX);
  expect(isTraceId(`tr-${HEX}`)).toBe(true);
});

test.each([HEX, `tr-${HEX.toUpperCase()}`, `tr-${HEX}0`, `tr-${HEX.slice(1)}`, `TR-${HEX}`, "tr-", "", `tr-${HEX}\n`])(
  "%j is not an API trace id",
  (text) => {
    expect(isTraceId(text)).toBe(false);
  },
);

test("OpenTelemetry ids are lower-case hex of their length and not all zero", () => {
  expect(isOtelTraceId(HEX)).toBe(true);
  expect(isOtelTraceId("0".repeat(32))).toBe(false);
  expect(isOtelTraceId(HEX.toUpperCase())).toBe(false);
  expect(isOtelTraceId(HEX.slice(2))).toBe(false);
  expect(isOtelTraceId("")).toBe(false);
  expect(isSpanId("b7ad6b7169203331")).toBe(true);
  expect(isSpanId("0".repeat(16))).toBe(false);
  expect(isSpanId("b7ad6b716920333g")).toBe(false);
  expect(isSpanId("b7ad6b7169203331b")).toBe(false);
});
