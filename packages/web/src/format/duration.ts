/**
 * Durations as people read them: three significant digits and a unit.
 */
import { UNKNOWN } from "./number.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * `840 µs`, `2.34 ms`, `234 ms`, `5.00 s`, `8 m 27 s`, `2 h 5 m`, `3 d 4 h`.
 *
 * @param ms  milliseconds; undefined = not known
 */
export function formatDuration(ms: number | undefined): string {
  if (ms === undefined) return UNKNOWN;
  if (ms <= 0) return "0 ms";
  if (rounded(ms * 1000) < 1000) return `${digits(ms * 1000)} µs`;
  if (rounded(ms) < 1000) return `${digits(ms)} ms`;
  if (rounded(ms / SECOND) < 60) return `${digits(ms / SECOND)} s`;
  // From here on whole units: round the smaller one first, so that 59.6 s carries over.
  if (Math.round(ms / SECOND) * SECOND < HOUR) return two(ms, MINUTE, "m", SECOND, "s");
  if (Math.round(ms / MINUTE) * MINUTE < DAY) return two(ms, HOUR, "h", MINUTE, "m");
  return two(ms, DAY, "d", HOUR, "h");
}

/** A running time by the second: `0:14`, `12:05`, `1:02:33`. */
export function formatElapsed(ms: number): string {
  const seconds = Math.max(Math.floor(ms / SECOND), 0);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

function digits(value: number): string {
  const number = rounded(value);
  return number >= 100 ? String(number) : number.toPrecision(3);
}

function two(ms: number, big: number, bigUnit: string, small: number, smallUnit: string): string {
  const smalls = Math.round(ms / small);
  const perBig = big / small;
  return `${Math.floor(smalls / perBig)} ${bigUnit} ${smalls % perBig} ${smallUnit}`;
}
