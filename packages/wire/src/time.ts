/**
 * Times: nanoseconds since the Unix epoch as bigint inside, RFC 3339 at the API, decimal strings on spans.
 */

/** Nanoseconds since 1970-01-01T00:00:00Z. */
export type UnixNano = bigint;

/** The current wall-clock time in nanoseconds (millisecond resolution). */
export function nowUnixNano(): UnixNano {
  return BigInt(Date.now()) * 1_000_000n;
}

/** RFC 3339 in UTC with microseconds: `2026-11-24T08:25:09.717123Z`. Finer digits are cut, not rounded. */
export function formatRfc3339Micros(nanos: UnixNano): string {
  const micros = floorDivide(nanos, 1000n);
  const millis = floorDivide(micros, 1000n);
  const rest = micros - millis * 1000n;
  return `${new Date(Number(millis)).toISOString().slice(0, -1)}${String(rest).padStart(3, "0")}Z`;
}

/** BigInt division rounds towards zero; before 1970 "cut" must still mean "earlier". */
function floorDivide(value: bigint, divisor: bigint): bigint {
  return value % divisor < 0n ? value / divisor - 1n : value / divisor;
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2})[Tt ]((?:[01]\d|2[0-3]):\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/;

/**
 * Reads an RFC 3339 date-time with up to nanoseconds.
 *
 * @returns nanoseconds since the epoch, or undefined if `text` is not such a date-time
 * @see https://www.rfc-editor.org/rfc/rfc3339#section-5.6
 */
export function parseRfc3339(text: string): UnixNano | undefined {
  const match = RFC3339.exec(text);
  if (!match) return undefined;
  const [, date, time, fraction = "", zone = "Z"] = match;
  const millis = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  // Date.parse takes February 30 for March 2.
  const midnight = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(millis) || new Date(midnight).getUTCDate() !== Number(date?.slice(8))) return undefined;
  return BigInt(millis) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** Milliseconds with microsecond digits between two times, never negative. */
export function durationMs(start: UnixNano, end: UnixNano): number {
  return end > start ? Number((end - start) / 1000n) / 1000 : 0;
}
