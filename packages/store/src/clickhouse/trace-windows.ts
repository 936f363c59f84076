/**
 * Cuts the traces of a selection into windows of time, so that questions about the texts of spans stay bounded: memory by the
 * window, time by stopping as soon as there is an answer.
 */
import { SightlineError } from "@sightline/wire/errors";
import { TOO_SLOW } from "../engines/clickhouse.ts";
import type { CallOptions, TraceSelection } from "../telemetry-store.ts";
import { experimentConditions, startConditions } from "./filter-scope.ts";
import type { Queries, ReadOptions } from "./queries.ts";
import { and, param, raw, sql } from "./sql.ts";

/** Traces in the first window: of eight spans each they take 40 ms to read without an index. */
const FIRST_TRACES = 5_000;
/** Each window has this many times the traces of the one before, so that a large store takes few of them. */
const GROWTH = 6;

/**
 * The windows of a selection: together they cover its time range, each trace is in one.
 *
 * @param direction  `DESC` gives the newest first
 */
export async function* windowsOf(
  queries: Queries,
  selection: TraceSelection,
  direction: "ASC" | "DESC",
  readOptions: () => ReadOptions,
): AsyncGenerator<TraceSelection, void> {
  const { filter: _, ...range } = selection;
  const newestFirst = direction === "DESC";
  let rest: Pick<TraceSelection, "from" | "to"> = range;
  for (let traces = FIRST_TRACES; ; traces *= GROWTH) {
    const scope = { ...range, ...rest, table: (name: string) => queries.table(name) };
    // Replaced rows count too: a window may have fewer traces.
    const [row] = await queries.rows(
      sql`SELECT toString(toUnixTimestamp64Micro(start_time)) FROM ${queries.table("traces")}
        WHERE ${and([...experimentConditions(scope), ...startConditions(scope)])}
        ORDER BY start_time ${raw(direction)} LIMIT 1 OFFSET ${param(traces, "UInt32")}`,
      readOptions(),
    );
    if (row === undefined) break;
    // The border is a moment that a trace starts in; all traces of that moment come into one window.
    const border = BigInt(String(row[0])) * 1000n;
    const next = newestFirst ? border : border + 1000n;
    yield { ...selection, ...rest, ...(newestFirst ? { from: next } : { to: next }) };
    rest = newestFirst ? { ...rest, to: next } : { ...rest, from: next };
  }
  yield { ...selection, ...rest };
}

/** Options for the queries of one question: they are given up with its signal, and together after so many seconds. */
export function withinSeconds(seconds: number, { signal }: CallOptions): () => ReadOptions {
  const endsAt = performance.now() + seconds * 1000;
  return () => {
    const left = endsAt - performance.now();
    if (left <= 0) throw new SightlineError("QUERY_TOO_SLOW", TOO_SLOW);
    return { ...(signal && { signal }), maxSeconds: left / 1000 };
  };
}
