/**
 * What a benchmark needs of a system: Sightline and its peers are driven through this interface alone.
 */
import type { HttpRequest } from "../measure/http.ts";
import type { Dialect } from "../workload/span-template.ts";

/** Things that are asked for; a system that has no such endpoint leaves it out. */
export const queryTitles = {
  newest: "newest 50 traces",
  deepPage: "page 20 of 50 traces",
  tag: "tag of 10 %",
  rareTag: "tag of 0.1 %",
  status: "status ERROR, 5 %",
  combined: "status, tag and duration",
  count: "count of a filter by state",
  skeleton: "tree of a trace of 8 spans",
  trace: "whole trace of 8 spans",
  trace2000: "whole trace of 2,000 spans",
  skeleton2000: "tree of 2,000 spans",
  skeleton10000: "tree of 10,000 spans",
  skeleton50000: "tree of 50,000 spans",
  percentilesDay: "latency percentiles by hour, last day",
  percentilesAll: "latency percentiles by hour, all time",
  counts: "traces by state, all time",
  tokens: "tokens by model and hour, last day",
  topValues: "top 20 names with counts",
  topUsers: "top 20 of thousands of users with counts",
  sessions: "newest 50 sessions",
  rareWordDay: "text: rare word, last day",
  rareWordAll: "text: rare word, all time",
  absentWordDay: "text: absent word, last day",
  absentWordAll: "text: absent word, all time",
  commonWordAll: "text: common word, all time",
  zhWordAll: "text: rare Chinese word, all time",
} as const;
export type QueryName = keyof typeof queryTitles;

export interface Query {
  readonly request: HttpRequest;
  /**
   * How many things the answer holds (traces, spans, points, values), so that a fast wrong answer is seen.
   *
   * @throws if the answer is an error in disguise
   */
  readonly count: (answer: unknown) => number;
  /** The request for the rest, where one answer does not hold everything; times and counts add up. */
  readonly next?: (answer: unknown) => HttpRequest | undefined;
  /** How many there must be; absent = not known beforehand. */
  readonly expected?: number;
}

/** What was seeded, which queries ask about. */
export interface Seeded {
  /** Ordinary traces, numbers 0 to `traces` - 1. */
  readonly traces: number;
  /** Start of the newest trace, milliseconds since the epoch. */
  readonly newestMs: number;
  /** Span counts of the large traces there are. */
  readonly largeTraces: readonly number[];
}

export interface RunningSystem {
  /** No slash at the end. */
  readonly url: string;
  /** Processes whose trees are the whole system. */
  readonly roots: readonly number[];
  readonly otlp: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
  /** Spans that can be read now, counted by the system itself. */
  storedSpans(): Promise<number>;
  /** Traces that can be read now. */
  storedTraces(): Promise<number>;
  /** The queries this system can answer. May ask the system (page tokens, ids). */
  queries(seeded: Seeded): Promise<Partial<Record<QueryName, Query>>>;
  /** Everything the system wrote, in bytes. */
  bytesOnDisk(): Promise<number>;
  /**
   * The part of it that holds data, as the system counts it: without files that were merged away and wait for their removal
   * (eight minutes in ClickHouse). Absent where there is no such difference.
   */
  liveBytes?(): Promise<number>;
  /** The normal end. */
  stop(): Promise<void>;
}

export interface System {
  readonly name: string;
  /** With versions of engines. */
  readonly title: string;
  readonly dialect: Dialect;
  /** Installs what is missing; a second call does nothing. */
  prepare(): Promise<void>;
  /**
   * Starts the system on a folder of its own, empty or left by a former start.
   *
   * @returns once it answered a read that needs its store
   */
  start(folder: string): Promise<RunningSystem>;
}

export interface Bytes {
  /** Files on the disk. */
  readonly all: number;
  /** Those that hold data: `all` where the system makes no difference. */
  readonly live: number;
}

export async function bytesOf(running: RunningSystem): Promise<Bytes> {
  const all = await running.bytesOnDisk();
  return { all, live: (await running.liveBytes?.()) ?? all };
}

/** Growth from `before` to `after` for each of `spans` spans. */
export function bytesPerSpan(before: Bytes, after: Bytes, spans: number): Bytes {
  return { all: (after.all - before.all) / spans, live: (after.live - before.live) / spans };
}

/** Those that search in payloads. */
export const textQueries: readonly QueryName[] = [
  "rareWordDay",
  "rareWordAll",
  "absentWordDay",
  "absentWordAll",
  "commonWordAll",
  "zhWordAll",
];

/** The part of `queries` with these names. */
export function queriesNamed(
  queries: Partial<Record<QueryName, Query>>,
  names: readonly QueryName[],
): Partial<Record<QueryName, Query>> {
  return Object.fromEntries(Object.entries(queries).filter(([name]) => names.includes(name as QueryName)));
}
