/**
 * Buckets of time: how long, and those in which nothing is.
 */
import type { MetricPoint } from "@sightline/store/telemetry-store";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Lengths that people count in, in seconds. */
const ROUND_INTERVALS: readonly number[] = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 30, 90, 180, 365].map((days) => days * DAY),
];

/** Nanoseconds since the epoch; `to` is exclusive. */
export interface TimeRange {
  readonly from: bigint;
  readonly to: bigint;
}

/** The shortest round length, in seconds, that cuts a range into at most `count` buckets; the longest if none does. */
export function pickInterval(range: TimeRange, count: number): number {
  const fits = (interval: number) => bucketCount(range, interval) <= BigInt(count);
  return ROUND_INTERVALS.find(fits) ?? 365 * DAY;
}

/** How many buckets of this length a range touches. */
export function bucketCount({ from, to }: TimeRange, intervalSeconds: number): bigint {
  if (to <= from) return 0n;
  const length = BigInt(intervalSeconds) * 1_000_000_000n;
  return (to - 1n) / length - from / length + 1n;
}

/**
 * The points with one more for each bucket of the range and group that has none: counts are 0 there, all else is not known.
 *
 * @param points  in order of time, with `time`
 * @param empty  values of a point in which nothing is
 */
export function fillBuckets(
  points: readonly MetricPoint[],
  range: TimeRange,
  intervalSeconds: number,
  empty: MetricPoint["values"],
): MetricPoint[] {
  const length = BigInt(intervalSeconds) * 1_000_000_000n;
  const groups = groupsOf(points);
  const byKey = new Map(points.map((point) => [keyOf(point), point]));
  const filled: MetricPoint[] = [];
  const first = range.from / length;
  for (let bucket = first; bucket < first + bucketCount(range, intervalSeconds); bucket++) {
    for (const group of groups) {
      const point = { time: bucket * length, ...group };
      filled.push(byKey.get(keyOf(point)) ?? { ...point, values: empty });
    }
  }
  return filled;
}

type Group = Pick<MetricPoint, "group" | "other">;

/** The groups of the points, each once, `other` last; a single one without a name when there are no points. */
export function groupsOf(points: readonly MetricPoint[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { group, other } of points) {
    const key = JSON.stringify([other, group]);
    groups.set(key, { ...(group && { group }), ...(other && { other }) });
  }
  if (groups.size === 0) return [{}];
  return [...groups.values()].sort(byGroup);
}

/** As the store orders them: by text, nothing behind everything, `other` last. */
function byGroup(left: Group, right: Group): number {
  if (left.other !== right.other) return left.other ? 1 : -1;
  for (const [index, value] of (left.group ?? []).entries()) {
    const compared = right.group?.[index] ?? null;
    if (value === compared) continue;
    if (value === null) return 1;
    return compared === null || Buffer.compare(Buffer.from(value), Buffer.from(compared)) < 0 ? -1 : 1;
  }
  return 0;
}

function keyOf({ time, group, other }: Omit<MetricPoint, "values">): string {
  return JSON.stringify([String(time), other, group]);
}
