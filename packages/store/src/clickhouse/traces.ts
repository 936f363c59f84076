/**
 * Reading the rows of traces by their ids, and counting.
 */
import { readsSpans } from "@sightline/wire/filter/shape";
import type { TraceInfo } from "@sightline/wire/model/trace";
import type { CallOptions, TraceSelection } from "../telemetry-store.ts";
import { readAssessments } from "./assessments.ts";
import { type Cell, propertiesOf, rowReader } from "./columns.ts";
import type { LatestRows, VersionedRow } from "./latest-rows.ts";
import type { Queries } from "./queries.ts";
import { type TraceRow, toTraceInfo, traceMappings } from "./rows.ts";
import type { SeenTraces } from "./seen-traces.ts";
import { selectionConditions } from "./selection.ts";
import { and, param, raw, type Sql, sql } from "./sql.ts";
import { overlayEdits, readEdits } from "./tags.ts";
import { nearPlaces } from "./trace-places.ts";
import { windowsOf, withinSeconds } from "./trace-windows.ts";

const rowOfTrace = rowReader(traceMappings, propertiesOf(traceMappings));

/** @see TelemetryStore.getTraceInfos */
export async function getTraceInfos(
  reader: TraceReader,
  traceIds: readonly string[],
  options: CallOptions,
): Promise<TraceInfo[]> {
  const found = await reader.byId(
    traceIds.map((traceId) => ({ traceId })),
    raw("1"),
    options,
  );
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

/** A trace whose row is asked for. */
export interface WantedTrace {
  readonly traceId: string;
  /** Of the row that is known to be there; a row of another version is looked up. */
  readonly version?: number;
}

/** Reads traces with what people said of them. */
export class TraceReader {
  readonly queries: Queries;
  readonly #annotated: SeenTraces;
  readonly #latest: LatestRows;

  /** @param annotated  traces that may have rows in {@link ANNOTATION_TABLES}; others are not looked for there */
  constructor(queries: Queries, annotated: SeenTraces, latest: LatestRows) {
    this.queries = queries;
    this.#annotated = annotated;
    this.#latest = latest;
  }

  /**
   * The latest rows of traces.
   *
   * @param where  a condition on `traces` that they must satisfy too; rows of the wanted version are known to do so
   */
  async byId(
    wanted: readonly WantedTrace[],
    where: Sql,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, FoundTrace>> {
    const traceIds = wanted.map(({ traceId }) => traceId);
    const [annotate, rows] = await Promise.all([
      this.#annotations(traceIds, options),
      this.rows(wanted, where, options),
    ]);
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
    const places = new Map<string, WantedTrace & { startUs: string; experimentId: string; isDeleted: boolean }>();
    let read = 0;
    await this.queries.each(
      sql`SELECT toString(version), is_deleted, experiment_id, trace_id, toString(toUnixTimestamp64Micro(start_time))
        FROM ${this.queries.table("traces")} WHERE ${where} ${tail}`,
      ([version, isDeleted, ...cells]) => {
        read += 1;
        const [experimentId, traceId, startUs] = cells.map(String) as [string, string, string];
        const place = { version: Number(version), isDeleted: Number(isDeleted) === 1, experimentId, traceId, startUs };
        const key = cells.join(" ");
        const before = places.get(key);
        if (before === undefined) places.set(key, place);
        else if ((before.version ?? 0) < place.version) Object.assign(before, place);
      },
      options,
    );
    const found = [...places.values()];
    const live = found.filter(({ isDeleted }) => !isDeleted);
    const rows = await this.rows(live, nearPlaces(live), options);
    // A trace that moved since its place was read is found at its new one.
    const at = new Map(rows.map((row) => [`${row.experimentId} ${row.traceId} ${row.startUs}`, row]));
    const placed = found.map(({ experimentId, traceId, startUs }) => ({
      traceId,
      startUs: BigInt(startUs),
      row: at.get(`${experimentId} ${traceId} ${startUs}`),
    }));
    return { places: placed, read };
  }

  /** The API's view of rows, with what people said of their traces. */
  async annotated(rows: readonly TraceRow[], options: CallOptions): Promise<TraceInfo[]> {
    const annotate = await this.#annotations(
      rows.map((row) => row.traceId),
      options,
    );
    return rows.map(annotate);
  }

  /** The latest rows of traces, without what people said of them; as {@link byId}. */
  async rows(wanted: readonly WantedTrace[], where: Sql, options: CallOptions): Promise<TraceRow[]> {
    const rows = new Map<string, TraceRow>();
    const missing = new Set<string>();
    for (const { traceId, version } of wanted) {
      const row = this.#latest.get(traceId, version);
      if (row === undefined) missing.add(traceId);
      else rows.set(traceId, row);
    }
    const read = await this.#latest.reading(async () => {
      const found: VersionedRow[] = [];
      await this.queries.eachOfIds(
        [...missing],
        (ids) => sql`SELECT toString(version), ${rowOfTrace.select} FROM ${this.queries.table("traces")} FINAL
          WHERE trace_id IN ${param(ids, "Array(String)")} AND (${where})`,
        ([version, ...cells]) => found.push({ version: Number(version), row: rowOfTrace.read(cells) }),
        options,
      );
      return found;
    });
    for (const { row } of read) rows.set(row.traceId, row);
    return [...rows.values()];
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
