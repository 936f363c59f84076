/**
 * Pages of traces.
 *
 * FINAL over a whole experiment costs time in proportion to its traces, for a page of fifty (59 ms at 200,000, measured). So the
 * order is read without FINAL, straight from the sort key, and only what could be on the page is then read with FINAL: rows that
 * were replaced, moved or deleted fall out there, and the next candidates take their places. Where such rows lie thick, as after
 * a large deletion, the order is read with FINAL after all.
 */
import { SightlineError } from "@sightline/wire/errors";
import type { TraceInfo } from "@sightline/wire/model/trace";
import type { CallOptions, TraceCursor, TraceOrder, TracePage, TraceQuery } from "../telemetry-store.ts";
import { earliest, latest, momentUs } from "./moments.ts";
import type { Queries } from "./queries.ts";
import type { TraceRow } from "./rows.ts";
import { selectionConditions } from "./selection.ts";
import { and, param, raw, type Sql, sql } from "./sql.ts";
import { readTraces } from "./traces.ts";

const ROUNDS_WITHOUT_FINAL = 2;

/** A row that may be the latest of its trace. */
interface Candidate {
  readonly experimentId: string;
  readonly traceId: string;
  readonly startUs: bigint;
  /** What the page is ordered by, in microseconds. */
  readonly value: bigint;
}

/** @see TelemetryStore.searchTraces */
export async function searchTraces(queries: Queries, query: TraceQuery, options: CallOptions): Promise<TracePage> {
  const { order, limit } = query;
  const conditions = selectionConditions(query, queries);
  let rounds = 0;
  const found: { readonly info: TraceInfo; readonly cursor: TraceCursor }[] = [];
  let after = query.after;
  // One more than asked for tells whether there is a next page.
  for (let missing = limit + 1; missing > 0; missing = limit + 1 - found.length) {
    const table = rounds < ROUNDS_WITHOUT_FINAL ? queries.table("traces") : sql`${queries.table("traces")} FINAL`;
    rounds += 1;
    const next = { table, conditions, order, after, count: missing };
    const { candidates, isEnd } = await findCandidates(queries, next, options);
    for (const candidate of await confirm(queries, conditions, order, candidates, options)) found.push(candidate);
    const last = candidates.at(-1);
    if (isEnd || last === undefined) break;
    after = { value: String(last.value), traceId: last.traceId };
  }
  const traces = found.slice(0, limit).map(({ info }) => info);
  const last = found[limit - 1];
  return found.length > limit && last !== undefined ? { traces, next: last.cursor } : { traces };
}

/** Which rows come next. */
interface Next {
  readonly table: Sql;
  readonly conditions: readonly Sql[];
  readonly order: TraceOrder;
  readonly after: TraceCursor | undefined;
  readonly count: number;
}

/**
 * The next rows in the order of the page, replaced ones among them.
 *
 * @returns up to `count` candidates, and whether there is none after them
 */
async function findCandidates(
  queries: Queries,
  { table, conditions, order, after, count }: Next,
  options: CallOptions,
): Promise<{ candidates: readonly Candidate[]; isEnd: boolean }> {
  const column = raw(order.key === "timestamp_ms" ? "start_time" : "duration_us");
  const value = order.key === "timestamp_ms" ? raw("toUnixTimestamp64Micro(start_time)") : column;
  const direction = raw(order.direction === "ASC" ? "ASC" : "DESC");
  const where = after === undefined ? conditions : [...conditions, ...afterConditions(order, column, after)];
  // A trace that came in several batches has a row of each until they are merged. They lie side by side.
  const rowLimit = 2 * count + 10;
  const rows = await queries.rows(
    sql`SELECT experiment_id, trace_id, toString(toUnixTimestamp64Micro(start_time)), toString(${value})
      FROM ${table}
      WHERE ${and([raw("is_deleted = 0"), ...where])}
      ORDER BY ${column} ${direction}, trace_id ${direction}
      LIMIT ${param(rowLimit, "UInt32")}`,
    options,
  );
  const distinct = new Map<string, Candidate>();
  for (const [experimentId, traceId, startUs, orderedBy] of rows) {
    const key = `${orderedBy} ${traceId}`;
    if (distinct.size === count && !distinct.has(key)) return { candidates: [...distinct.values()], isEnd: false };
    distinct.set(key, {
      experimentId: String(experimentId),
      traceId: String(traceId),
      startUs: BigInt(String(startUs)),
      value: BigInt(String(orderedBy)),
    });
  }
  return { candidates: [...distinct.values()], isEnd: rows.length < rowLimit };
}

/** Those candidates that are the latest row of their trace, in their order. */
async function confirm(
  queries: Queries,
  conditions: readonly Sql[],
  order: TraceOrder,
  candidates: readonly Candidate[],
  options: CallOptions,
): Promise<{ info: TraceInfo; cursor: TraceCursor }[]> {
  const [first] = candidates;
  if (first === undefined) return [];
  const starts = candidates.map((candidate) => candidate.startUs);
  const experimentIds = [...new Set(candidates.map((candidate) => candidate.experimentId))];
  // The window lets the sort key leave out all but the page; the ids alone would need the Bloom filters of all parts.
  const window = sql`experiment_id IN ${param(experimentIds, "Array(String)")}
    AND start_time >= ${momentUs(earliest(first.startUs, starts))}
    AND start_time <= ${momentUs(latest(first.startUs, starts))}`;
  const traceIds = candidates.map((candidate) => candidate.traceId);
  const traces = await readTraces(queries, traceIds, and([window, ...conditions]), options);
  return candidates.flatMap(({ traceId, value }) => {
    const trace = traces.get(traceId);
    // Its latest row has another place in the order: it is, or was, a candidate there.
    if (trace === undefined || orderValue(trace.row, order) !== value) return [];
    return [{ info: trace.info, cursor: { value: String(value), traceId } }];
  });
}

function orderValue(row: TraceRow, order: TraceOrder): bigint {
  return order.key === "timestamp_ms" ? row.startUs : row.durationUs;
}

function afterConditions(order: TraceOrder, column: Sql, { value, traceId }: TraceCursor): Sql[] {
  if (!/^\d{1,18}$/.test(value)) {
    throw new SightlineError(
      "BAD_PAGE_TOKEN",
      `"${value}" is no place in a list of traces. Start again from the first page.`,
    );
  }
  const beyond = raw(order.direction === "ASC" ? ">" : "<");
  const last = order.key === "timestamp_ms" ? momentUs(BigInt(value)) : param(BigInt(value), "Int64");
  const id = param(traceId, "String");
  // The first condition alone decides which parts of the sort key are read.
  return [sql`${column} ${beyond}= ${last}`, sql`${column} ${beyond} ${last} OR trace_id ${beyond} ${id}`];
}
