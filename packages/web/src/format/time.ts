/**
 * Moments as people read them, in the time zone of the browser unless another is given.
 */

export interface TimeOptions {
  /** Default: now. */
  readonly now?: Date;
  /** IANA name; default: the browser's. */
  readonly timeZone?: string;
}

/** For a list: `09:12:44` today, `Nov 23 09:12` this year, `2025 Nov 23` before. */
export function formatListTime(date: Date, { now = new Date(), timeZone }: TimeOptions = {}): string {
  const then = parts(date, timeZone);
  const today = parts(now, timeZone);
  if (then.year !== today.year) return `${then.year} ${then.month} ${then.day}`;
  const clock = `${then.hour}:${then.minute}`;
  if (then.month === today.month && then.day === today.day) return `${clock}:${then.second}`;
  return `${then.month} ${then.day} ${clock}`;
}

/** Everything: `Tue Nov 24 2026 09:12:44.717 UTC+1`. */
export function formatFullTime(date: Date, { timeZone }: TimeOptions = {}): string {
  const then = parts(date, timeZone);
  const millis = String(date.getMilliseconds()).padStart(3, "0");
  const zone = then.timeZoneName.replace("GMT", "UTC");
  return `${then.weekday} ${then.month} ${then.day} ${then.year} ${then.hour}:${then.minute}:${then.second}.${millis} ${zone}`;
}

const relative = new Intl.RelativeTimeFormat("en-US", { numeric: "auto", style: "long" });
const STEPS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
] as const;

/** `3 minutes ago`, `yesterday`. */
export function formatRelativeTime(date: Date, { now = new Date() }: TimeOptions = {}): string {
  const ms = date.getTime() - now.getTime();
  for (const [unit, size] of STEPS) {
    if (Math.abs(ms) >= size) return relative.format(Math.round(ms / size), unit);
  }
  return "just now";
}

type PartName = "year" | "month" | "day" | "weekday" | "hour" | "minute" | "second" | "timeZoneName";
const formats = new Map<string, Intl.DateTimeFormat>();

function parts(date: Date, timeZone = ""): Record<PartName, string> {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      year: "numeric",
      month: "short",
      day: "2-digit",
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      timeZoneName: "short",
      hourCycle: "h23",
      ...(timeZone && { timeZone }),
    });
    formats.set(timeZone, format);
  }
  // The format asks for exactly these parts.
  return Object.fromEntries(format.formatToParts(date).map((part) => [part.type, part.value])) as Record<
    PartName,
    string
  >;
}
