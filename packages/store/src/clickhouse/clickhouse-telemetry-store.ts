/**
 * The ClickHouse dialect of the telemetry store, put together.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { SightlineError } from "@sightline/wire/errors";
import type { TelemetryStore } from "../telemetry-store.ts";
import { readAssessment, readAssessments } from "./assessments.ts";
import { findInconsistencies } from "./consistency.ts";
import { CostWriter } from "./cost-writer.ts";
import { explainTraces } from "./explain.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { LatestRows } from "./latest-rows.ts";
import { readLinks } from "./links.ts";
import { Maintenance } from "./maintenance.ts";
import { aggregate } from "./metrics.ts";
import { migrateClickHouse } from "./migrate-clickhouse.ts";
import { readParquet } from "./parquet.ts";
import { purge } from "./purge.ts";
import { Queries } from "./queries.ts";
import { RecentTraces } from "./recent-traces.ts";
import { findBrokenTraces, newestVersion } from "./recovery.ts";
import { Removals } from "./removals.ts";
import { findLeftovers, findTornTraces } from "./restored-traces.ts";
import { loadSeenTraces } from "./seen-traces.ts";
import { getSpan, getSpanOutlines, getSpans } from "./spans.ts";
import { experimentSizes, tableSizes } from "./storage-sizes.ts";
import { TextIndex } from "./text-index.ts";
import { findTextMatches } from "./text-matches.ts";
import { searchTraceGroups } from "./trace-groups.ts";
import { searchTraces } from "./trace-pages.ts";
import { TracePartsWriter } from "./trace-parts-writer.ts";
import { withinSeconds } from "./trace-windows.ts";
import { TraceWriter } from "./trace-writer.ts";
import {
  ANNOTATION_TABLES,
  countTraces,
  experimentActivity,
  findMissingTraces,
  getTraceInfos,
  TraceReader,
  telemetryStats,
} from "./traces.ts";
import { readTraces } from "./transfer.ts";
import { listValues, startRange } from "./values.ts";
import { VersionClock } from "./version-clock.ts";

/** Metrics and values over millions of traces take seconds; what takes longer than this is not waited for. */
const MAX_ANALYSIS_SECONDS = 60;

export interface TelemetryStoreOptions {
  /** Closed by `close()` of the store. */
  readonly client: ClickHouseClient;
  /** For statements that take minutes; closed with the store. Default: `client`, which hangs up earlier. */
  readonly maintenanceClient?: ClickHouseClient;
  /** Where the tables are or will be. */
  readonly database: string;
  /**
   * Spans of traces written lately that are remembered, without payloads; default 50,000 (100 MB), and 10,000 of short traces whose
   * root has ended. Others are looked up.
   */
  readonly rememberedSpans?: number;
  /** Rows of traces written or read lately that are remembered, 2 KB each; default 2,000. */
  readonly rememberedTraces?: number;
  /**
   * Set once, after a restore: the rows of traces that changed after this version, or do not fit their spans, are made anew, and
   * what belongs to no trace is removed.
   */
  readonly repairSince?: number;
  /** Told in a sentence what went wrong without harm. */
  readonly onEvent?: (sentence: string) => void;
}

/**
 * Opens the store: brings the schema up to date and repairs what a crash left half-written.
 *
 * This process must be the only one that writes; the caller sees to it that no other one migrates at the same time.
 *
 * @throws STORE_UNAVAILABLE if the engine does not answer or its data is of a newer version
 */
export async function openClickHouseTelemetryStore(options: TelemetryStoreOptions): Promise<TelemetryStore> {
  const { client, database, onEvent } = options;
  const queries = new Queries(client, database);
  await migrateClickHouse(queries);
  const clock = new VersionClock(await newestVersion(queries));
  const loadSeen = (tables: readonly string[]) =>
    loadSeenTraces(queries, tables, (error) =>
      onEvent?.(`The ids in ${tables.join(", ")} could not be read (${String(error)}); each trace is looked up there.`),
    );
  const [seen, annotated] = await Promise.all([loadSeen(["traces"]), loadSeen(ANNOTATION_TABLES)]);
  const rows = new LatestRows(options.rememberedTraces);
  const reader = new TraceReader(queries, annotated.traces, rows);
  const shared = { queries, clock, recent: new RecentTraces(options.rememberedSpans), rows, locks: new KeyedLock() };
  const writer = new TraceWriter({ ...shared, seen: seen.traces });
  const parts = new TracePartsWriter({ ...shared, annotated: annotated.traces });
  const costs = new CostWriter(shared);
  const maintenance = new Maintenance(options.maintenanceClient ?? client);
  const removals = new Removals({
    queries,
    maintenance,
    deleteTraces: (ids, range) => writer.deleteTraces(ids, range),
  });
  const broken = await findBrokenTraces(queries);
  await writer.deleteTraces(broken.halfDeleted);
  await writer.repair(broken.torn);
  if (options.repairSince !== undefined) {
    for await (const traceIds of findTornTraces(queries, options.repairSince)) await writer.repair(traceIds);
    for await (const traceIds of findLeftovers(queries)) await writer.deleteTraces(traceIds);
  }

  const textIndex = new TextIndex({
    queries,
    settled: () => clock.settled(),
    onFailure: (error) =>
      onEvent?.(`The index of text search could not go on (${String(error)}); searches read more until it does.`),
  });
  await textIndex.start();

  let closing: Promise<void> | undefined;
  const whileOpen = async <T>(change: () => Promise<T>): Promise<T> => {
    if (closing !== undefined) throw new SightlineError("STORE_UNAVAILABLE", "The store is closed.");
    return await change();
  };

  const writePrepared: TelemetryStore["writePrepared"] = (spans) =>
    whileOpen(async () => {
      await writer.writePrepared(spans);
      textIndex.written(spans.length);
    });

  return {
    writeSpans: (spans) => writePrepared(writer.prepareSpans(spans)),
    prepareSpans: (spans) => writer.prepareSpans(spans),
    writePrepared,
    searchTraces: (query, options = {}) => searchTraces(reader, query, options),
    findTextMatches: (traceIds, texts, options = {}) => findTextMatches(queries, traceIds, texts, options),
    countTraces: (selection, options = {}) => countTraces(queries, selection, options),
    aggregate: (query, options = {}) => aggregate(queries, query, withinSeconds(MAX_ANALYSIS_SECONDS, options)()),
    startRange: (selection, options = {}) => startRange(queries, selection, options),
    listValues: (query, options = {}) => listValues(queries, query, withinSeconds(MAX_ANALYSIS_SECONDS, options)()),
    explainTraces: (query, options = {}) => explainTraces(queries, query, options),
    searchTraceGroups: (query, options = {}) => searchTraceGroups(queries, query, options),
    getTraceInfos: (traceIds, options = {}) => getTraceInfos(reader, traceIds, options),
    getSpans: (traceIds, options = {}) => getSpans(reader, traceIds, options),
    getSpan: (traceId, spanId, options = {}) => getSpan(reader, traceId, spanId, options),
    getSpanOutlines: (traceId, options = {}) => getSpanOutlines(reader, traceId, options),
    readTraces: (selection, options = {}) => readTraces(reader, selection, options),
    readParquet: (selection, table, options = {}) => readParquet(reader, selection, table, options),
    setTraceTags: (traceId, tags) => whileOpen(() => parts.edit("trace_tags", traceId, tags)),
    deleteTraceTag: (traceId, key) => whileOpen(() => parts.edit("trace_tags", traceId, { [key]: undefined })),
    setTraceMetadata: (traceId, metadata) => whileOpen(() => parts.edit("trace_metadata", traceId, metadata)),
    deleteTraceMetadata: (traceId, key) => whileOpen(() => parts.edit("trace_metadata", traceId, { [key]: undefined })),
    putClientInfo: (info) => whileOpen(() => writer.putClientInfo(info)),
    createAssessment: (assessment) => whileOpen(() => parts.createAssessment(assessment)),
    updateAssessment: (traceId, id, changes) => whileOpen(() => parts.updateAssessment(traceId, id, changes)),
    deleteAssessment: (traceId, id) => whileOpen(() => parts.deleteAssessment(traceId, id)),
    getAssessment: (traceId, id, options = {}) => readAssessment(queries, traceId, id, options),
    getAssessments: (traceIds, options = {}) => readAssessments(queries, traceIds, options),
    linkTraces: (kind, target, traceIds) => whileOpen(() => parts.link(kind, target, traceIds)),
    unlinkTraces: (kind, target, traceIds) => whileOpen(() => parts.unlink(kind, target, traceIds)),
    getTraceLinks: (traceIds, options = {}) => readLinks(queries, traceIds, options),
    recomputeCosts: (costOf, options = {}) => whileOpen(() => costs.recompute(costOf, options)),
    deleteTraces: (traceIds) => whileOpen(() => writer.deleteTraces(traceIds)),
    beginRemoval: (id, selection, options = {}) => whileOpen(() => removals.begin(id, selection, options)),
    continueRemoval: (id, limit, beforeDeleting) => whileOpen(() => removals.continue(id, limit, beforeDeleting)),
    endRemoval: (id) => whileOpen(() => removals.end(id)),
    purge: (options = {}) => whileOpen(() => purge(queries, maintenance, options)),
    tableSizes: () => tableSizes(queries),
    experimentSizes: () => experimentSizes(queries),
    findMissingTraces: (traceIds, options = {}) => findMissingTraces(queries, traceIds, options),
    findInconsistencies: (options = {}) => findInconsistencies(queries, options),
    experimentActivity: () => experimentActivity(queries),
    stats: () => telemetryStats(queries),
    ping: () => queries.ping(),
    close() {
      closing ??= (async () => {
        await writer.idle();
        await Promise.all([seen.stop(), annotated.stop()]);
        await textIndex.stop();
        await options.maintenanceClient?.close();
        await client.close();
      })();
      return closing;
    },
  };
}
