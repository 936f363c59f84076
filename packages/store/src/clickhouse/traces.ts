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
import type { SeenTraces } from "./seen-traces.ts";
import { selectionConditions } from "./selection.ts";
import { and, param, raw, type Sql, sql } from "./sql.ts";
import { overlayEdits, readEdits } from "./tags.ts";
import { windowsOf, withinSeconds } from "./trace-windows.ts";

const rowOfTrace = rowReader(traceMappings, propertiesOf(traceMappings));

/** @see TelemetryStore.getTraceInfos */
export async function getTraceInfos(
  reader: TraceReader,
  traceIds: readonly string[],
  options: CallOptions,
): Promise<TraceInfo[]> {
  const found = await reader.byId(traceIds, raw("1"), options);
  return [...new Set(traceIds)].flatMap((traceId) => found.get(traceId)?.info ?? []);
}

/** @see TraceRemoval.findMissingTraces */
export async function findMissingTraces(
  queries: Queries,
  traceIds: readonly string[],
  options: CallOptions,
): Promise<string[]> {
  const found = new Set<string>();
  await queries.eachOfIds(
    traceIds,
    (ids) =>
      sql`SELECT trace_id FROM ${queries.table("traces")} FINAL WHERE trace_id IN ${param(ids, "Array(String)")}`,
    ([traceId]) => found.add(String(traceId)),
    options,
  );
  return traceIds.filter((traceId) => !found.has(traceId));
}

/** A trace row, and as the API shows it. */
export interface FoundTrace {
  readonly row: TraceRow;
  /** With what people edited and the assessments. */
  readonly info: TraceInfo;
}

/** Tables of what is said of traces and shown with their rows. */
export const ANNOTATION_TABLES = ["trace_tags", "trace_metadata", "assessments"] as const;

/** Reads traces with what people said of them. */
export class TraceReader {
  readonly queries: Queries;
  readonly #annotated: SeenTraces;

  /** @param annotated  traces that may have rows in {@link ANNOTATION_TABLES}; others are not looked for there */
  constructor(queries: Queries, annotated: SeenTraces) {
    this.queries = queries;
    this.#annotated = annotated;
  }

  /**
   * The latest rows of traces.
   *
   * @param where  a condition on `traces` that they must satisfy too
   */
  async byId(traceIds: readonly string[], where: Sql, options: CallOptions): Promise<ReadonlyMap<string, FoundTrace>> {
    const rows: TraceRow[] = [];
    const read = this.queries.eachOfIds(
      traceIds,
      (ids) => sql`SELECT ${rowOfTrace.select} FROM ${this.queries.table("traces")} FINAL
        WHERE trace_id IN ${param(ids, "Array(String)")} AND (${where})`,
      (cells) => rows.push(rowOfTrace.read(cells)),
      options,
    );
    const [annotate] = await Promise.all([this.#annotations(traceIds, options), read]);
    return new Map(rows.map((row) => [row.traceId, { row, info: annotate(row) }]));
  }

  /**
   * Rows in the order of a sort key, with all that was written at each place: from the sort key alone, without looking for other
   * versions elsewhere. A row that moved or was deleted left a tombstone at its place, so the highest version there tells the truth.
   *
   * @param tail  ORDER BY and LIMIT; the order must begin with start and id, so that versions lie side by side
   * @returns the places in order, and how many rows the engine gave
   */
  async byPlace(where: Sql, tail: Sql, options: CallOptions): Promise<{ places: PlacedRow[]; read: number }> {
    const places = new Map<string, { version: bigint; row: TraceRow | undefined; startUs: bigint; traceId: string }>();
    let read = 0;
    await this.queries.each(
      sql`SELECT toString(version), is_deleted, ${rowOfTrace.select} FROM ${this.queries.table("traces")}
        WHERE ${where} ${tail}`,
      ([version, isDeleted, ...cells]) => {
        read += 1;
        const row = rowOfTrace.read(cells);
        const { experimentId, traceId, startUs } = row;
        const key = `${experimentId} ${startUs} ${traceId}`;
        const before = places.get(key);
        const its = BigInt(String(version));
        if (before !== undefined && before.version >= its) return;
        const place = { version: its, row: Number(isDeleted) === 1 ? undefined : row, startUs, traceId };
        if (before === undefined) places.set(key, place);
        else Object.assign(before, place);
      },
      options,
    );
    return { places: [...places.values()], read };
  }

  /** The API's view of rows, with what people said of their traces. */
  async annotated(rows: readonly TraceRow[], options: CallOptions): Promise<TraceInfo[]> {
    const annotate = await this.#annotations(
      rows.map((row) => row.traceId),
      options,
    );
    return rows.map(annotate);
  }

  async #annotations(traceIds: readonly string[], options: CallOptions): Promise<(row: TraceRow) => TraceInfo> {
    const ids = traceIds.filter((traceId) => this.#annotated.mayHold(traceId));
    const [tags, metadata, assessments] = await Promise.all([
      readEdits(this.queries, "trace_tags", ids, options),
      readEdits(this.queries, "trace_metadata", ids, options),
      readAssessments(this.queries, ids, options),
    ]);
    return (row) =>
      toTraceInfo(row, {
        tags: overlayEdits(row.tags, tags.get(row.traceId)),
        metadata: overlayEdits(row.metadata, metadata.get(row.traceId)),
        assessments: assessments.get(row.traceId) ?? [],
      });
  }
}

/** A place in the order of rows; `row` is undefined where a trace was moved away or deleted. */
export interface PlacedRow {
  readonly row: TraceRow | undefined;
  readonly startUs: bigint;
  readonly traceId: string;
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
