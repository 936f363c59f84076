import { afterEach, expect, test, vi } from "vitest";
import { TraceClock } from "./clock.ts";

afterEach(() => vi.useRealTimers());

test("times are those of the wall clock, finer than a millisecond, and never go back", () => {
  const before = Date.now();
  const clock = new TraceClock();
  const times = Array.from({ length: 1000 }, () => clock.now());
  const after = Date.now();
  expect(times[0]!).toBeGreaterThan(before - 51);
  expect(times.at(-1)!).toBeLessThan(after + 51);
  expect(times).toEqual(times.toSorted((one, other) => one - other));
  expect(times.some((time) => time % 1 !== 0)).toBe(true);
});

test("after a change of the wall clock new traces follow it, those under way do not jump", () => {
  const running = new TraceClock();
  const before = running.now();
  vi.useFakeTimers({ now: Date.now() + 3_600_000, toFake: ["Date"] });
  expect(running.now() - before).toBeLessThan(60_000);
  expect(new TraceClock().now() - before).toBeGreaterThan(3_500_000);
});
