/**
 * Times that users give for spans that happened elsewhere or before.
 */
import { sayOnce } from "../diagnostics.ts";

/** A moment: a `Date`, milliseconds since the epoch (fractions are fine), or nanoseconds since the epoch as a bigint. */
export type SpanTime = Date | number | bigint;

/** From here on a number of milliseconds lies in the year 5138: it was meant in microseconds or nanoseconds. */
const MAX_MS = 1e14;

/**
 * Milliseconds since the epoch.
 *
 * @returns undefined for what is no time; said once through `diag`, and the caller takes the present
 */
export function toMillis(time: SpanTime): number | undefined {
  const millis = read(time);
  if (millis !== undefined && millis >= 0 && millis < MAX_MS) return millis;
  sayOnce(
    "bad-time",
    "warn",
    `${String(time)} is no time of a span; give a Date, milliseconds since the epoch, or nanoseconds as a bigint. The present is taken.`,
  );
  return undefined;
}

function read(time: SpanTime): number | undefined {
  if (typeof time === "number") return time;
  // In two parts: nanoseconds of today are beyond the 53 bits of a double.
  if (typeof time === "bigint") return Number(time / 1_000_000n) + Number(time % 1_000_000n) / 1e6;
  return time instanceof Date ? time.getTime() : undefined;
}
