import fc from "fast-check";
import { expect, test } from "vitest";
import { durationMs, formatRfc3339Micros, nowUnixNano, parseRfc3339 } from "./time.ts";

test("a time is written in UTC with microseconds, finer digits cut", () => {
  expect(formatRfc3339Micros(1_795_508_709_717_123_999n)).toBe("2026-11-24T08:25:09.717123Z");
  expect(formatRfc3339Micros(0n)).toBe("1970-01-01T00:00:00.000000Z");
  expect(formatRfc3339Micros(-1n)).toBe("1969-12-31T23:59:59.999999Z");
});

test("what is written is read back to the microsecond, in all the years that 64 bits reach", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 60n), max: 2n ** 64n - 1n }), (nanos) => {
      const cut = nanos - (((nanos % 1000n) + 1000n) % 1000n);
      expect(parseRfc3339(formatRfc3339Micros(nanos))).toBe(cut);
    }),
  );
});

test("offsets, fractions, lower case and a missing second are read", () => {
  const start = 1_795_508_709_000_000_000n;
  expect(parseRfc3339("2026-11-24T08:25:09Z")).toBe(start);
  expect(parseRfc3339("2026-11-24t08:25:09.5z")).toBe(start + 500_000_000n);
  expect(parseRfc3339("2026-11-24 08:25:09.123456789Z")).toBe(start + 123_456_789n);
  expect(parseRfc3339("2026-11-24T10:25:09+02:00")).toBe(start);
  expect(parseRfc3339("2026-11-24T08:25Z")).toBe(start - 9_000_000_000n);
  expect(parseRfc3339("1969-12-31T23:59:59.5Z")).toBe(-500_000_000n);
});

test.each([
  "",
  "yesterday",
  "2026-11-24",
  "2026-11-24T08:25:09",
  "2026-02-30T00:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-01-01T24:00:00Z",
  "2026-01-01T00:00:00+25:00",
  "2026-01-01T00:00:00.1234567890Z",
  "1795508709",
])("%j is not a date-time", (text) => {
  expect(parseRfc3339(text)).toBeUndefined();
});

test("a duration is in milliseconds with microseconds, and 0 for a span that ends before it starts", () => {
  expect(durationMs(1_000_000_000n, 1_001_234_999n)).toBe(1.234);
  expect(durationMs(5n, 5n)).toBe(0);
  expect(durationMs(2n, 1n)).toBe(0);
});

test("now is the wall clock", () => {
  const before = Date.now();
  const now = Number(nowUnixNano() / 1_000_000n);
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now());
});
