/**
 * Reading the rows of traces: pages, counts, single ones.
 */
import type { TraceInfo } from "@sightline/wire/model/trace";
import type { CallOptions, TraceCursor, TracePage, TraceQuery, TraceSelection } from "../telemetry-store.ts";
import { type Cell, propertiesOf, rowReader } from "./columns.ts";
import { compileFilter, momentUs } from "./filter.ts";
import { earliest, latest } from "./moments.ts";
import type { Queries } from "./queries.ts";
import { type TraceRow, toTraceInfo, traceMappings } from "./rows.ts";
import { and, param, raw, type Sql, sql } from "./sql.ts";
import { overlayTags, readTagEdits } from "./tags.ts";

const rowOfTrace = rowReader(traceMappings, propertiesOf(traceMappings));

/** @see TelemetryStore.searchTraces */
export async function searchTraces(queries: Queries, query: TraceQuery, options: CallOptions): Promise<TracePage> {
  const found = await findPage(queries, query, options);
  const page = found.slice(0, query.limit);
  const last = page.at(-1);
  const traces = await readTraces(queries, page, options);
  if (found.length <= query.limit || last === undefined) return { traces };
  const value = query.order.key === "timestamp_ms" ? last.startUs : last.durationUs;
  return { traces, next: { value, traceId: last.traceId } };
}

/** Where a trace row lies: its sort key, and what else pages are ordered by. Numbers as decimal text, in microseconds. */
interface TraceKey {
  readonly experimentId: string;
  readonly startUs: string;
  readonly durationUs: string;
  readonly traceId: string;
}

/** The keys of a page, and of one trace more if there is one. Narrow columns only; the wide ones are read for these alone. */
async function findPage(queries: Queries, query: TraceQuery, options: CallOptions): Promise<TraceKey[]> {
  const { order, limit, after } = query;
  const column = order.key === "timestamp_ms" ? "start_time" : "duration_us";
  const conditions = selectionConditions(query, queries);
  if (after !== undefined) conditions.push(...afterConditions(column, order.direction, after));
  const direction = raw(order.direction === "ASC" ? "ASC" : "DESC");
  const rows = await queries.rows(
    sql`SELECT experiment_id, toString(toUnixTimestamp64Micro(start_time)), toString(duration_us), trace_id
      FROM ${queries.table("traces")} FINAL
      WHERE ${and(conditions)}
      ORDER BY ${raw(column)} ${direction}, trace_id ${direction}
      LIMIT ${param(limit + 1, "UInt32")}`,
    options,
  );
  return rows.map(([experimentId, startUs, durationUs, traceId]) => ({
    experimentId: String(experimentId),
    startUs: String(startUs),
    durationUs: String(durationUs),
    traceId: String(traceId),
  }));
}

function afterConditions(column: string, direction: "ASC" | "DESC", { value, traceId }: TraceCursor): Sql[] {
  const beyond = raw(direction === "ASC" ? ">" : "<");
  const last = column === "start_time" ? momentUs(BigInt(value)) : param(BigInt(value), "Int64");
  const id = param(traceId, "String");
  // The first condition alone decides which parts of the sort key are read.
  return [sql`${raw(column)} ${beyond}= ${last}`, sql`${raw(column)} ${beyond} ${last} OR trace_id ${beyond} ${id}`];
}

/** Experiments, time range and filter as conditions on `traces`. */
export function selectionConditions(selection: TraceSelection, queries: Queries): Sql[] {
  const conditions: Sql[] = [];
  const { experimentIds, from, to, filter } = selection;
  if (experimentIds?.length === 1) {
    // Not IN: only a fixed first column lets ClickHouse read the newest rows in the order of the sort key.
    conditions.push(sql`experiment_id = ${param(experimentIds[0] ?? "", "String")}`);
  } else if (experimentIds !== undefined) {
    conditions.push(sql`experiment_id IN ${param([...experimentIds], "Array(String)")}`);
  }
  // Starts are kept in whole microseconds: t >= from ⟺ floor(t) >= from for such bounds, finer ones are rounded up.
  if (from !== undefined) conditions.push(sql`start_time >= ${momentUs(ceilMicros(from))}`);
  if (to !== undefined) conditions.push(sql`start_time < ${momentUs(ceilMicros(to))}`);
  if (filter !== undefined) conditions.push(compileFilter(filter, (name) => queries.table(name)));
  return conditions;
}

/** 2200: later bounds make no difference, and larger numbers do not fit the column's type. */
const MAX_MICROS = 7_258_118_400_000_000n;

function ceilMicros(nanos: bigint): bigint {
  const micros = (nanos + 999n) / 1000n;
  return micros < MAX_MICROS ? (micros > 0n ? micros : 0n) : MAX_MICROS;
}

/** The whole rows of these keys, in their order, with people's tags laid over. */
async function readTraces(queries: Queries, keys: readonly TraceKey[], options: CallOptions): Promise<TraceInfo[]> {
  const [first] = keys;
  if (first === undefined) return [];
  const some = BigInt(first.startUs);
  const ids = keys.map((key) => key.traceId);
  const experimentIds = [...new Set(keys.map((key) => key.experimentId))];
  const starts = keys.map((key) => BigInt(key.startUs));
  // The window lets the sort key leave out everything but the page; the ids alone would need the Bloom filters of all parts.
  const window = sql`experiment_id IN ${param(experimentIds, "Array(String)")}
    AND start_time >= ${momentUs(earliest(some, starts))} AND start_time <= ${momentUs(latest(some, starts))}`;
  return await readByIds(queries, ids, window, options);
}

/** @see TelemetryStore.getTraceInfos */
export async function getTraceInfos(
  queries: Queries,
  traceIds: readonly string[],
  options: CallOptions,
): Promise<TraceInfo[]> {
  return await readByIds(queries, traceIds, raw("1"), options);
}

async function readByIds(
  queries: Queries,
  traceIds: readonly string[],
  window: Sql,
  options: CallOptions,
): Promise<TraceInfo[]> {
  const rows = new Map<string, TraceRow>();
  const readRows = queries.eachOfIds(
    traceIds,
    (ids) => sql`SELECT ${rowOfTrace.select} FROM ${queries.table("traces")} FINAL
      WHERE ${window} AND trace_id IN ${param(ids, "Array(String)")}`,
    (cells) => {
      const row = rowOfTrace.read(cells);
      rows.set(row.traceId, row);
    },
    options,
  );
  const [edits] = await Promise.all([readTagEdits(queries, traceIds, options), readRows]);
  return [...new Set(traceIds)].flatMap((traceId) => {
    const row = rows.get(traceId);
    return row === undefined ? [] : [toTraceInfo(row, overlayTags(row.tags, edits.get(traceId)))];
  });
}

/** @see TelemetryStore.countTraces */
export async function countTraces(
  queries: Queries,
  selection: TraceSelection & { readonly limit: number },
  options: CallOptions,
): Promise<{ total: number; errors: number }> {
  const [counts] = await queries.rows(
    sql`SELECT count(), countIf(state = 'ERROR') FROM (
        SELECT state FROM ${queries.table("traces")} FINAL
        WHERE ${and(selectionConditions(selection, queries))}
        LIMIT ${param(selection.limit, "UInt32")}
      )`,
    options,
  );
  return { total: Number(counts?.[0] ?? 0), errors: Number(counts?.[1] ?? 0) };
}

/** For each experiment that has traces: how many, and the start of the newest in nanoseconds. */
export async function experimentActivity(
  queries: Queries,
): Promise<Map<string, { traces: number; lastTraceUnixNano: bigint }>> {
  const rows = await queries.rows(
    sql`SELECT experiment_id, count(), toString(toUnixTimestamp64Micro(max(start_time)))
      FROM ${queries.table("traces")} FINAL GROUP BY experiment_id`,
  );
  return new Map(
    rows.map(([experimentId, traces, lastUs]: readonly Cell[]) => [
      String(experimentId),
      { traces: Number(traces), lastTraceUnixNano: BigInt(String(lastUs)) * 1000n },
    ]),
  );
}

/** What is stored and readable now. */
export async function telemetryStats(
  queries: Queries,
): Promise<{ traces: number; spans: number; bytesOnDisk: number }> {
  // The trace rows know how many spans they stand for; counting the spans themselves reads eight times as many rows.
  const [[counts], [size]] = await Promise.all([
    queries.rows(sql`SELECT count(), sum(span_count) FROM ${queries.table("traces")} FINAL`),
    queries.rows(
      sql`SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = ${param(queries.database, "String")}`,
    ),
  ]);
  return {
    traces: Number(counts?.[0] ?? 0),
    spans: Number(counts?.[1] ?? 0),
    bytesOnDisk: Number(size?.[0] ?? 0),
  };
}
