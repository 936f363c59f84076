/**
 * Time ranges: as they stand in the URL, as people write them, as the API takes them.
 *
 * In the URL `from` and `to` are each absent (no bound), relative (`24h`: that long before now) or absolute (RFC 3339). Relative
 * ranges stay relative: the link of "last hour" shows the last hour of whoever opens it.
 */

export interface TimeRange {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Ranges of the menu; the key is the relative `from` of the URL. */
export const presetRanges = [
  { from: "15m", label: "Last 15 minutes" },
  { from: "1h", label: "Last hour" },
  { from: "24h", label: "Last 24 hours" },
  { from: "7d", label: "Last 7 days" },
  { from: "30d", label: "Last 30 days" },
  { from: undefined, label: "All time" },
] as const;

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const UNIT_NAMES = { m: "minute", h: "hour", d: "day", w: "week" } as const;
const RELATIVE = /^(\d{1,4})([mhdw])$/;

/** Whether a bound as it stands in the URL can be read. */
export function isBound(text: string): boolean {
  return RELATIVE.test(text) || (/^\d{4}-\d{2}-\d{2}T/.test(text) && !Number.isNaN(Date.parse(text)));
}

/** Milliseconds since the epoch of a readable bound. */
function boundTime(text: string, now: number): number {
  const match = RELATIVE.exec(text);
  if (!match) return Date.parse(text);
  return now - Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}

/** The range as the search API takes it, RFC 3339; relative bounds count from `now`. */
export function resolveRange(range: TimeRange, now: Date): { from?: string; to?: string } {
  const resolve = (bound: string) => new Date(boundTime(bound, now.getTime())).toISOString();
  return {
    ...(range.from !== undefined && { from: resolve(range.from) }),
    ...(range.to !== undefined && { to: resolve(range.to) }),
  };
}

/** `Last 24 hours`, `Last 3 days`, `Nov 03 14:00 – 15:00`, `Until Nov 03 15:00`, `All time`. */
export function rangeLabel(range: TimeRange, options: { timeZone?: string } = {}): string {
  const { from, to } = range;
  const relative = from !== undefined && to === undefined ? RELATIVE.exec(from) : undefined;
  if (relative) {
    const [, count = "", unit = ""] = relative;
    const preset = presetRanges.find((candidate) => candidate.from === from);
    return preset?.label ?? `Last ${count} ${UNIT_NAMES[unit as keyof typeof UNIT_NAMES]}${count === "1" ? "" : "s"}`;
  }
  if (from === undefined && to === undefined) return "All time";
  if (from === undefined) return `Until ${boundLabel(to ?? "", options)}`;
  if (to === undefined) return `Since ${boundLabel(from, options)}`;
  const start = boundLabel(from, options);
  const end = boundLabel(to, options);
  // "Nov 03 14:00 – 15:00": the day is said once.
  return start.slice(0, 6) === end.slice(0, 6) ? `${start} – ${end.slice(7)}` : `${start} – ${end}`;
}

function boundLabel(bound: string, { timeZone }: { timeZone?: string }): string {
  if (RELATIVE.test(bound)) return `${bound} ago`;
  const text = new Intl.DateTimeFormat("en-US", {
    month: "short",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(timeZone !== undefined && { timeZone }),
  }).format(new Date(bound));
  return text.replace(",", "");
}

const CLOCK = /(?:^|[\sT])(\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/**
 * Reads one bound as a person types it, in local time: `3h`, `2026-11-24 09:30`, `nov 3 14:00`, `14:00`, `today`, `yesterday`,
 * `now`, RFC 3339.
 *
 * @returns the bound for the URL; `""` for blank text and `now`, that is no bound; undefined when it cannot be read
 */
export function parseBound(text: string, now: Date): string | undefined {
  const trimmed = text.trim();
  const lower = trimmed.toLowerCase();
  if (lower === "" || lower === "now") return "";
  const relative = /^(\d{1,4})\s*([mhdw])(?:\s+ago)?$/.exec(lower);
  if (relative) return `${relative[1]}${relative[2]}`;
  if (/^\d{4}-\d{2}-\d{2}t.*(z|[+-]\d{2}:\d{2})$/.test(lower)) return isBound(trimmed) ? trimmed : undefined;

  const clock = CLOCK.exec(lower);
  const [hour, minute, second] = [clock?.[1] ?? 0, clock?.[2] ?? 0, clock?.[3] ?? 0].map(Number);
  if (hour === undefined || minute === undefined || second === undefined) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const day = parseDay(clock ? lower.slice(0, clock.index).trim() : lower, now);
  return day && new Date(day.year, day.month, day.day, hour, minute, second).toISOString();
}

interface Day {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

function parseDay(text: string, now: Date): Day | undefined {
  if (text === "" || text === "today") return dayOf(now, 0);
  if (text === "yesterday") return dayOf(now, -1);
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text);
  if (iso) return existing({ year: Number(iso[1]), month: Number(iso[2]) - 1, day: Number(iso[3]) });
  const named = /^([a-z]{3,9})\.?\s+(\d{1,2})(?:,?\s+(\d{4}))?$/.exec(text);
  if (!named) return undefined;
  const month = MONTHS.indexOf((named[1] ?? "").slice(0, 3));
  if (month === -1) return undefined;
  const day = Number(named[2]);
  if (named[3] !== undefined) return existing({ year: Number(named[3]), month, day });
  // Without a year the day lies in the past: "dec 30" in January is last year's.
  const year = now.getFullYear();
  return existing({ year: new Date(year, month, day) > now ? year - 1 : year, month, day });
}

function dayOf(date: Date, offset: number): Day {
  const day = new Date(date.getFullYear(), date.getMonth(), date.getDate() + offset);
  return { year: day.getFullYear(), month: day.getMonth(), day: day.getDate() };
}

/** Undefined for a day that the calendar does not have, such as 31 June. */
function existing(day: Day): Day | undefined {
  const date = new Date(day.year, day.month, day.day);
  return date.getMonth() === day.month && date.getDate() === day.day ? day : undefined;
}
