/**
 * The ClickHouse dialect of the telemetry store, put together.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { SightlineError } from "@sightline/wire/errors";
import type { TelemetryStore } from "../telemetry-store.ts";
import { aggregate } from "./metrics.ts";
import { migrateClickHouse } from "./migrate-clickhouse.ts";
import { Queries } from "./queries.ts";
import { RecentTraces } from "./recent-traces.ts";
import { findBrokenTraces, newestVersion } from "./recovery.ts";
import { loadSeenTraces } from "./seen-traces.ts";
import { getSpan, getSpanOutlines, getSpans } from "./spans.ts";
import { searchTraces } from "./trace-pages.ts";
import { TraceWriter } from "./trace-writer.ts";
import { countTraces, experimentActivity, getTraceInfos, telemetryStats } from "./traces.ts";
import { VersionClock } from "./version-clock.ts";

export interface TelemetryStoreOptions {
  /** Closed by `close()` of the store. */
  readonly client: ClickHouseClient;
  /** Where the tables are or will be. */
  readonly database: string;
  /** Spans of traces written lately that are remembered, without payloads; default 50,000 (40 MB). Others are looked up. */
  readonly rememberedSpans?: number;
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
  const seen = await loadSeenTraces(queries, (error) =>
    onEvent?.(`The ids of the stored traces could not be read (${String(error)}); writes look each trace up.`),
  );
  const writer = new TraceWriter({
    queries,
    clock,
    seen: seen.traces,
    recent: new RecentTraces(options.rememberedSpans),
  });
  await writer.repair(await findBrokenTraces(queries));

  let closing: Promise<void> | undefined;
  const whileOpen = async (change: () => Promise<void>): Promise<void> => {
    if (closing !== undefined) throw new SightlineError("STORE_UNAVAILABLE", "The store is closed.");
    await change();
  };

  return {
    writeSpans: (spans) => whileOpen(() => writer.writeSpans(spans)),
    searchTraces: (query, options = {}) => searchTraces(queries, query, options),
    countTraces: (selection, options = {}) => countTraces(queries, selection, options),
    aggregate: (query, options = {}) => aggregate(queries, query, options),
    getTraceInfos: (traceIds, options = {}) => getTraceInfos(queries, traceIds, options),
    getSpans: (traceIds, options = {}) => getSpans(queries, traceIds, options),
    getSpan: (traceId, spanId, options = {}) => getSpan(queries, traceId, spanId, options),
    getSpanOutlines: (traceId, options = {}) => getSpanOutlines(queries, traceId, options),
    setTraceTags: (traceId, tags) => whileOpen(() => writer.editTags(traceId, tags)),
    deleteTraceTag: (traceId, key) => whileOpen(() => writer.editTags(traceId, { [key]: undefined })),
    deleteTraces: (traceIds) => whileOpen(() => writer.deleteTraces(traceIds)),
    experimentActivity: () => experimentActivity(queries),
    stats: () => telemetryStats(queries),
    ping: () => queries.ping(),
    close() {
      closing ??= (async () => {
        await writer.idle();
        await seen.stop();
        await client.close();
      })();
      return closing;
    },
  };
}
