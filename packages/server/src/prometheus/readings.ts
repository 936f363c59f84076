/**
 * The table of metrics that are read when somebody asks: ingest, journal, store, engines, jobs, disk.
 */
import { statfs } from "node:fs/promises";
import type { AttachmentStore } from "@sightline/store/attachments/attachment-store";
import type { EngineState } from "@sightline/store/engine-state";
import type { SdkProcessSums } from "@sightline/store/sdk-processes";
import type { TraceRemoval } from "@sightline/store/trace-removal";
import { type Histogram, type IngestMetrics, LATENCY_BOUNDS } from "../ingest/ingest-metrics.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { CountedHistogram, Reading, ReadMetric } from "./server-metrics.ts";

export interface Measured {
  readonly ingest: Pick<IngestMetrics, "read">;
  readonly engines: readonly EngineState[];
  readonly jobs: Pick<Jobs, "list">;
  /** Behind no barrier: being watched must not make the server write earlier. */
  readonly tables: Pick<TraceRemoval, "tableSizes">;
  readonly sdkProcesses: () => Promise<SdkProcessSums>;
  readonly attachments: Pick<AttachmentStore, "measure">;
  /** Folder whose disk is watched; absent with external engines only. */
  readonly dataDir?: string;
}

/** Waiting and running jobs are few; more than this say enough. */
const MAX_JOBS = 1000;

/** All metrics, in the order in which they are printed. */
export function readings({
  ingest,
  engines,
  jobs,
  tables,
  sdkProcesses,
  attachments,
  dataDir,
}: Measured): readonly ReadMetric[] {
  const counter = (name: string, help: string, read: () => readonly Reading[]): ReadMetric => ({
    name: `sightline_${name}`,
    help,
    kind: "counter",
    read,
  });
  const gauge = (
    name: string,
    help: string,
    read: () => readonly Reading[] | Promise<readonly Reading[]>,
  ): ReadMetric => ({ name: `sightline_${name}`, help, kind: "gauge", read });
  const histogram = (name: string, help: string, read: () => Histogram): ReadMetric => ({
    name: `sightline_${name}`,
    help,
    kind: "histogram",
    read: (): CountedHistogram => ({ bounds: LATENCY_BOUNDS, ...read() }),
  });
  const one = (value: number): readonly Reading[] => [{ value }];
  const journal = (read: (stats: NonNullable<ReturnType<IngestMetrics["read"]>["journal"]>) => number) => () => {
    const stats = ingest.read().journal;
    return stats === undefined ? [] : one(read(stats));
  };
  const sdkSums = shared(sdkProcesses);

  return [
    counter("ingest_requests_total", "Export requests by outcome: accepted, or the code of the error.", () =>
      Object.entries(ingest.read().requests).map(([outcome, value]) => ({ labels: { outcome }, value })),
    ),
    counter("ingest_request_bytes_total", "Body bytes of accepted requests, as sent.", () =>
      one(ingest.read().requestBytes),
    ),
    counter("ingest_spans_total", "Spans by outcome: accepted, or refused in partial success.", () => {
      const { acceptedSpans, refusedSpans } = ingest.read();
      return [
        { labels: { outcome: "accepted" }, value: acceptedSpans },
        { labels: { outcome: "refused" }, value: refusedSpans },
      ];
    }),
    counter("sdk_reports_total", "Reports of SDK processes by outcome: taken, malformed, or lost.", () =>
      Object.entries(ingest.read().sdkReports).map(([outcome, value]) => ({ labels: { outcome }, value })),
    ),
    // Of the processes that are remembered, 30 days: gauges, because they fall when one is forgotten or a late span comes.
    gauge(
      "sdk_missing_spans",
      "Spans that ended in SDK processes and never came, by whether drops explain them.",
      async () => {
        const { lost, unexplained } = await sdkSums();
        return [
          { labels: { explained: "yes" }, value: lost - unexplained },
          { labels: { explained: "no" }, value: unexplained },
        ];
      },
    ),
    gauge("sdk_dropped_spans", "Spans that SDK processes say they dropped, by reason.", async () =>
      Object.entries((await sdkSums()).dropped).map(([reason, value]) => ({
        labels: { reason: snakeCase(reason) },
        value,
      })),
    ),
    gauge("sdk_processes", "SDK processes by state: running, or with a problem whether they run or not.", async () => {
      const { running, problems } = await sdkSums();
      return [
        { labels: { state: "running" }, value: running },
        { labels: { state: "with_problem" }, value: problems },
      ];
    }),
    gauge("ingest_in_flight_bytes", "Bodies that are being read or wait for their acknowledgement.", () =>
      one(ingest.read().inFlightBytes),
    ),
    histogram(
      "ingest_acknowledgement_seconds",
      "From the first byte of an accepted request to its answer.",
      () => ingest.read().acknowledgement,
    ),
    histogram(
      "journal_commit_seconds",
      "Write and sync of a group of requests in the journal.",
      () => ingest.read().journalCommits,
    ),
    gauge(
      "journal_bytes",
      "Acknowledged requests that the journal still holds.",
      journal(({ bytes }) => bytes),
    ),
    gauge(
      "journal_entries",
      "The same as a number of requests.",
      journal(({ entries }) => entries),
    ),
    gauge(
      "journal_segments",
      "Files of the journal.",
      journal(({ segments }) => segments),
    ),
    gauge(
      "journal_oldest_seconds",
      "Age of the oldest request in the journal.",
      journal(({ oldestMs }) => oldestMs / 1000),
    ),
    gauge(
      "journal_damaged_bytes",
      "Bytes that could not be read at the start.",
      journal(({ damagedBytes }) => damagedBytes),
    ),
    counter(
      "journal_failures_total",
      "Writes to the journal that failed.",
      journal(({ failures }) => failures),
    ),
    histogram(
      "drain_batch_seconds",
      "Writing a batch of acknowledged spans to the telemetry store.",
      () => ingest.read().drain.batches,
    ),
    counter("drain_spans_total", "Spans written to the telemetry store.", () => one(ingest.read().drain.spans)),
    counter("drain_failures_total", "Batches that failed and are tried again.", () =>
      one(ingest.read().drain.failures),
    ),
    counter("drain_set_aside_total", "Requests that the telemetry store refused for good, kept as files.", () =>
      one(ingest.read().drain.setAside),
    ),
    gauge("drain_pending_requests", "Acknowledged requests that are not in the telemetry store yet.", () =>
      one(ingest.read().drain.pendingRequests),
    ),
    gauge("drain_held_bytes", "Bodies whose spans wait in memory.", () => one(ingest.read().drain.heldBytes)),
    histogram(
      "read_barrier_seconds",
      "Reads that waited until something acknowledged was readable.",
      () => ingest.read().barrier,
    ),
    gauge("store_table_bytes", "Bytes on disk of each telemetry table.", async () =>
      (await tables.tableSizes()).map(({ table, bytesOnDisk }) => ({ labels: { table }, value: bytesOnDisk })),
    ),
    gauge("store_table_rows", "Rows on disk of each telemetry table, replaced and deleted ones included.", async () =>
      (await tables.tableSizes()).map(({ table, rows }) => ({ labels: { table }, value: rows })),
    ),
    gauge("engine_up", "1 while the engine answers.", () =>
      Promise.all(
        engines.map(async ({ engine, ping }) => ({
          labels: { engine },
          value: await ping().then(
            () => 1,
            () => 0,
          ),
        })),
      ),
    ),
    counter("engine_restarts_total", "How often an embedded engine died and was started again.", () =>
      engines.map(({ engine, restarts }) => ({ labels: { engine }, value: restarts() })),
    ),
    gauge("jobs", "Jobs that wait or run, by kind.", async () => {
      const open = await jobs.list({ states: ["queued", "running"], limit: MAX_JOBS });
      const counts = new Map<string, Reading>();
      for (const { kind, state } of open) {
        const key = `${kind} ${state}`;
        counts.set(key, { labels: { kind, state }, value: (counts.get(key)?.value ?? 0) + 1 });
      }
      return [...counts.values()];
    }),
    gauge("attachments", "Attachments of traces.", async () => one((await attachments.measure()).attachments)),
    gauge("attachment_bytes", "Bytes of attachments, those that several share once.", async () =>
      one((await attachments.measure()).bytes),
    ),
    gauge("disk_free_bytes", "Free space on the disk of the data directory.", async () => {
      if (dataDir === undefined) return [];
      const { bavail, bsize } = await statfs(dataDir);
      return one(bavail * bsize);
    }),
  ];
}

/** One question for all who ask before it is answered. */
function shared<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let asked: Promise<Answer> | undefined;
  return () => {
    asked ??= ask().finally(() => {
      asked = undefined;
    });
    return asked;
  };
}

/** `queueFull` → `queue_full`, as Prometheus writes values of labels. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
