import { expect, test } from "vitest";
import { isSpanIdHex, isTraceIdHex, newSpanId, newTraceId } from "./ids.ts";

test("ids are hex of their length, and no two are the same, however often the pool is filled", () => {
  const traces = Array.from({ length: 5000 }, newTraceId);
  const spans = Array.from({ length: 5000 }, newSpanId);
  expect(traces.every(isTraceIdHex)).toBe(true);
  expect(spans.every(isSpanIdHex)).toBe(true);
  expect(new Set([...traces, ...spans]).size).toBe(10_000);
});

test("ids of zeros, of another length, in capitals, or no texts are none", () => {
  for (const bad of ["0".repeat(32), "a".repeat(31), "A".repeat(32), `tr-${"a".repeat(32)}`, 7, undefined]) {
    expect(isTraceIdHex(bad)).toBe(false);
  }
  for (const bad of ["0".repeat(16), "a".repeat(17), "g".repeat(16), null]) expect(isSpanIdHex(bad)).toBe(false);
});
