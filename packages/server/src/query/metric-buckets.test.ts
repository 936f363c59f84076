import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketCount, fillBuckets, pickInterval } from "./metric-buckets.ts";

const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;
/** 2026-11-24T00:00:00Z */
const MIDNIGHT = 1_795_478_400n * SECOND;

test.each([
  ["15 minutes in 60", { from: MIDNIGHT, to: MIDNIGHT + 900n * SECOND }, 60, 15],
  ["an hour in 60", { from: MIDNIGHT, to: MIDNIGHT + 3600n * SECOND }, 60, 60],
  [
    "an hour in 60 that does not begin with a minute",
    { from: MIDNIGHT + SECOND, to: MIDNIGHT + 3601n * SECOND },
    60,
    120,
  ],
  ["a day in 60", { from: MIDNIGHT, to: MIDNIGHT + DAY }, 60, 1800],
  ["30 days in 60", { from: MIDNIGHT, to: MIDNIGHT + 30n * DAY }, 60, 43_200],
  ["a moment", { from: MIDNIGHT, to: MIDNIGHT + 1n }, 1, 1],
  ["nothing", { from: MIDNIGHT, to: MIDNIGHT }, 60, 1],
  ["more years than there are lengths for", { from: 0n, to: MIDNIGHT }, 2, 365 * 86_400],
])("a round interval is picked for %s", (_, range, count, interval) => {
  expect(pickInterval(range, count)).toBe(interval);
});

test("a range never touches more buckets than asked for, and each moment of it lies in one", () => {
  const anyRange = fc
    .tuple(fc.bigInt({ min: 0n, max: 4_000_000_000n * SECOND }), fc.bigInt({ min: 1n, max: 400n * DAY }))
    .map(([from, length]) => ({ from, to: from + length }));
  fc.assert(
    fc.property(anyRange, fc.integer({ min: 2, max: 1000 }), fc.nat(1_000_000), (range, count, share) => {
      const interval = pickInterval(range, count);
      const buckets = bucketCount(range, interval);
      expect(buckets).toBeLessThanOrEqual(BigInt(count));
      const moment = range.from + ((range.to - range.from) * BigInt(share)) / 1_000_001n;
      const length = BigInt(interval) * SECOND;
      expect(moment / length - range.from / length).toBeLessThan(buckets);
    }),
  );
});

test("empty buckets are filled for every group, the others stay as they are", () => {
  const point = (time: bigint, group: string | null, count: number) => ({ time, group: [group], values: { count } });
  const points = [point(0n, "b", 1), point(2n * SECOND, "a", 2), point(2n * SECOND, null, 3)];
  const range = { from: 0n, to: 3n * SECOND };
  expect(
    fillBuckets([...points, { time: 2n * SECOND, other: true, values: { count: 4 } }], range, 1, { count: 0 }),
  ).toEqual(
    [0n, SECOND, 2n * SECOND].flatMap((time) => [
      point(time, "a", time === 2n * SECOND ? 2 : 0),
      point(time, "b", time === 0n ? 1 : 0),
      point(time, null, time === 2n * SECOND ? 3 : 0),
      { time, other: true, values: { count: time === 2n * SECOND ? 4 : 0 } },
    ]),
  );
});

test("where nothing is at all, a single line of empty buckets is given", () => {
  const range = { from: 5n * SECOND, to: 20n * SECOND + 1n };
  expect(fillBuckets([], range, 10, { count: 0, avg: null })).toEqual(
    [0n, 10n, 20n].map((seconds) => ({ time: seconds * SECOND, values: { count: 0, avg: null } })),
  );
});
