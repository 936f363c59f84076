import { afterEach, expect, test, vi } from "vitest";
import { TraceClock } from "./clock.ts";

afterEach(() => vi.useRealTimers());

const millis = ([seconds, nanos]: readonly [number, number]): number => seconds * 1000 + nanos / 1e6;

test("times are those of the wall clock, finer than a millisecond, and never go back", () => {
  const before = Date.now();
  const clock = new TraceClock();
  const times = Array.from({ length: 1000 }, () => clock.now());
  const after = Date.now();
  expect(millis(times[0]!)).toBeGreaterThan(before - 51);
  expect(millis(times.at(-1)!)).toBeLessThan(after + 51);
  expect(times.map(millis)).toEqual(times.map(millis).sort((one, other) => one - other));
  expect(times.some(([, nanos]) => nanos % 1_000_000 !== 0)).toBe(true);
});

test("after a change of the wall clock new traces follow it, those under way do not jump", () => {
  const running = new TraceClock();
  const before = millis(running.now());
  vi.useFakeTimers({ now: Date.now() + 3_600_000, toFake: ["Date"] });
  expect(millis(running.now()) - before).toBeLessThan(60_000);
  expect(millis(new TraceClock().now()) - before).toBeGreaterThan(3_500_000);
});
