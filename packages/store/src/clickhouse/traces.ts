/**
 * Reading the rows of traces by their ids, and counting.
 */
import { readsSpans } from "@sightline/wire/filter/shape";
import type { TraceInfo } from "@sightline/wire/model/trace";
import type { CallOptions, TraceSelection } from "../telemetry-store.ts";
import { readAssessments } from "./assessments.ts";
import { type Cell, propertiesOf, rowReader } from "./columns.ts";
import type { Queries } from "./queries.ts";
import { type TraceRow, toTraceInfo, traceMappings } from "./rows.ts";
import { selectionConditions } from "./selection.ts";
import { and, param, raw, type Sql, sql } from "./sql.ts";
import { overlayEdits, readEdits } from "./tags.ts";
import { windowsOf, withinSeconds } from "./trace-windows.ts";

const rowOfTrace = rowReader(traceMappings, propertiesOf(traceMappings));

/** @see TelemetryStore.getTraceInfos */
export async function getTraceInfos(
  queries: Queries,
  traceIds: readonly string[],
  options: CallOptions,
): Promise<TraceInfo[]> {
  const found = await readTraces(queries, traceIds, raw("1"), options);
  return [...new Set(traceIds)].flatMap((traceId) => found.get(traceId)?.info ?? []);
}

/** A trace row, and as the API shows it. */
export interface FoundTrace {
  readonly row: TraceRow;
  /** With what people edited and the assessments. */
  readonly info: TraceInfo;
}

/**
 * Traces by id.
 *
 * @param where  a condition on `traces` that they must satisfy too
 */
export async function readTraces(
  queries: Queries,
  traceIds: readonly string[],
  where: Sql,
  options: CallOptions,
): Promise<ReadonlyMap<string, FoundTrace>> {
  const rows: TraceRow[] = [];
  const readRows = queries.eachOfIds(
    traceIds,
    (ids) => sql`SELECT ${rowOfTrace.select} FROM ${queries.table("traces")} FINAL
      WHERE trace_id IN ${param(ids, "Array(String)")} AND (${where})`,
    (cells) => rows.push(rowOfTrace.read(cells)),
    options,
  );
  const [tags, metadata, assessments] = await Promise.all([
    readEdits(queries, "trace_tags", traceIds, options),
    readEdits(queries, "trace_metadata", traceIds, options),
    readAssessments(queries, traceIds, options),
    readRows,
  ]);
  const infoOf = (row: TraceRow): TraceInfo =>
    toTraceInfo(row, {
      tags: overlayEdits(row.tags, tags.get(row.traceId)),
      metadata: overlayEdits(row.metadata, metadata.get(row.traceId)),
      assessments: assessments.get(row.traceId) ?? [],
    });
  return new Map(rows.map((row) => [row.traceId, { row, info: infoOf(row) }]));
}

/** Time that counting may take: it is shown beside a list, which should not wait for it. */
const MAX_COUNT_SECONDS = 30;

/** @see TelemetryStore.countTraces */
export async function countTraces(
  queries: Queries,
  { limit, ...selection }: TraceSelection & { readonly limit: number },
  options: CallOptions,
): Promise<{ total: number; errors: number }> {
  const readOptions = withinSeconds(MAX_COUNT_SECONDS, options);
  const inWindows = selection.filter !== undefined && readsSpans(selection.filter);
  const windows = inWindows ? windowsOf(queries, selection, "DESC", readOptions) : [selection];
  let [total, errors] = [0, 0];
  for await (const window of windows) {
    const [counts] = await queries.rows(
      sql`SELECT count(), countIf(state = 'ERROR') FROM (
          SELECT state FROM ${queries.table("traces")} FINAL
          WHERE ${and(selectionConditions(window, queries))}
          LIMIT ${param(limit - total, "UInt32")}
        )`,
      readOptions(),
    );
    total += Number(counts?.[0] ?? 0);
    errors += Number(counts?.[1] ?? 0);
    if (total >= limit) break;
  }
  return { total, errors };
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
