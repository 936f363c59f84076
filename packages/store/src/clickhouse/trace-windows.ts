/**
 * Cuts the traces of a selection into windows of time, so that questions about the texts of spans stay bounded: memory by the
 * window, time by stopping as soon as there is an answer.
 */
import { SightlineError } from "@sightline/wire/errors";
import type { Filter } from "@sightline/wire/filter/ast";
import { conjuncts, readsSpans } from "@sightline/wire/filter/shape";
import { TOO_SLOW } from "../engines/clickhouse.ts";
import type { CallOptions, TraceSelection } from "../telemetry-store.ts";
import { narrowScope } from "./filter-narrow.ts";
import {
  experimentConditions,
  type FilterScope,
  spanScope,
  startConditions,
  type TextBlock,
  type TextPlaces,
} from "./filter-scope.ts";
import type { Queries, ReadOptions } from "./queries.ts";
import { and, param, raw, sql } from "./sql.ts";
import { readTextPlaces, spansThatMayHold } from "./text-search.ts";

/** Traces in the first window: of eight spans each they take 40 ms to read without an index. */
const FIRST_TRACES = 5_000;
/** Each window has this many times the traces of the one before, so that a large store takes few of them. */
const GROWTH = 6;

/** Spans that are read at once, about as many as in the first window. */
const FEW_SPANS = 8 * FIRST_TRACES;
/** Blocks of which it is not worth to count the spans. */
const FEW_BLOCKS = 64;

/** Part of a selection, with what is known of where its texts stand. */
export type Window = TraceSelection & Pick<FilterScope, "textPlaces">;

/**
 * The windows of a selection: together they cover its time range, each trace is in one.
 *
 * When its texts stand in few spans, as the index of words knows, there is one window, or none if they stand nowhere.
 *
 * @param direction  `DESC` gives the newest first
 */
export async function* windowsOf(
  queries: Queries,
  selection: TraceSelection,
  direction: "ASC" | "DESC",
  readOptions: () => ReadOptions,
): AsyncGenerator<Window, void> {
  const { filter } = selection;
  const scope: FilterScope = { ...selection, table: (name) => queries.table(name) };
  const { from, to } = filter === undefined ? scope : narrowScope(filter, scope);
  const narrowed = { ...selection, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  const { spans, textPlaces } = await lookAhead(queries, narrowed, readOptions);
  if (spans === "none") return;
  const window = { ...narrowed, textPlaces };
  if (spans === "few") yield window;
  else yield* growingWindows(queries, window, direction, readOptions);
}

/** How many spans must be read to decide about the traces of a selection, as far as the index of words can tell. */
async function lookAhead(
  queries: Queries,
  { filter, ...range }: TraceSelection,
  readOptions: () => ReadOptions,
): Promise<{ spans: "none" | "few" | "many"; textPlaces: ReadonlyMap<Filter, TextPlaces> }> {
  const textPlaces = new Map<Filter, TextPlaces>();
  const scope: FilterScope = { ...range, textPlaces, table: (name) => queries.table(name) };
  let total = 0;
  for (const term of filter === undefined ? [] : conjuncts(filter)) {
    if (!readsSpans(term)) continue;
    const ofSpan = term.kind === "span" ? term.filter : term;
    const places = await readTextPlaces(queries, ofSpan, scope, readOptions());
    if (places === undefined) {
      total = Number.POSITIVE_INFINITY;
      continue;
    }
    textPlaces.set(ofSpan, places);
    const sources = spansThatMayHold(ofSpan, scope);
    if (sources.length === 0) return { spans: "none", textPlaces };
    total += places.spansBehind;
    if (total > FEW_SPANS || isFew(places.blocks)) continue;
    const indexed = sources[0]?.conditions ?? [];
    const [row] = await queries.rows(
      sql`SELECT count() FROM ${queries.table("spans")} WHERE ${and([...spanScope(scope), ...indexed])}`,
      readOptions(),
    );
    total += Number(row?.[0]);
  }
  return { spans: total <= FEW_SPANS ? "few" : "many", textPlaces };
}

/** Whole hours may hold many spans. */
function isFew(blocks: readonly TextBlock[]): boolean {
  return blocks.reduce((sum, { block }) => sum + (block % 512 === 0 ? 16 : 1), 0) <= FEW_BLOCKS;
}

async function* growingWindows(
  queries: Queries,
  selection: Window,
  direction: "ASC" | "DESC",
  readOptions: () => ReadOptions,
): AsyncGenerator<Window, void> {
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
