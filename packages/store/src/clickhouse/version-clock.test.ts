import { expect, test } from "vitest";
import { VersionClock } from "./version-clock.ts";

test("versions rise, also within a millisecond and when the clock goes back", () => {
  const times = [5000, 5000, 4000, 5001, 6000];
  const clock = new VersionClock(0, () => times.shift() ?? 0);
  const versions = [1, 2, 3, 4, 5].map(() => clock.next());
  expect(versions).toEqual([5_000_000, 5_000_001, 5_000_002, 5_001_000, 6_000_000]);
});

test("versions are above the newest in the store", () => {
  const clock = new VersionClock(9_000_000, () => 5);
  expect(clock.next()).toBe(9_000_001);
});

test("what is being written is not settled, and nothing after it", () => {
  const clock = new VersionClock(0, () => 1);
  const first = clock.begin();
  const second = clock.begin();
  expect(clock.settled()).toBe(first - 1);
  clock.end(first);
  expect(clock.settled()).toBe(second - 1);
  const third = clock.next();
  clock.end(second);
  expect(clock.settled()).toBe(third);
});
