/**
 * What happens to an export request that was checked, until it may be acknowledged.
 *
 * With a data directory: it is appended to the journal and waits in the queue for its batch. Without one (both engines external):
 * it is written to the telemetry store at once, together with others that come at the same time.
 */
import { type EntryRef, Journal } from "@sightline/store/journal/journal";
import type { SdkProcesses } from "@sightline/store/sdk-processes";
import type { PreparedSpan, SpanRecord, TelemetryStore } from "@sightline/store/telemetry-store";
import { IngestBuffer } from "./buffer.ts";
import {
  EXPORT_ENTRY,
  type ExportContent,
  type ExportRequest,
  encodeExportEntry,
  readExportEntry,
} from "./export-entry.ts";
import type { IngestMetrics } from "./ingest-metrics.ts";
import { withReadBarrier } from "./read-barrier.ts";
import { keepRefusedRequest } from "./refused-requests.ts";
import { sdkReportsFile } from "./sdk-reports-file.ts";
import { SdkReportsKeeper } from "./sdk-reports-keeper.ts";
import { SpanQueue } from "./span-queue.ts";
import { isStorageFull } from "./store-errors.ts";

/** Its spans are made by {@link Intake.prepare}. */
export interface IntakeRequest extends ExportRequest, ExportContent<PreparedSpan> {
  /** Of the body, decompressed. */
  readonly bytes: number;
}

export interface Intake {
  /** The telemetry store in which everything acknowledged is readable. */
  readonly telemetry: TelemetryStore;
  /** A span in the form in which it waits; its record is not needed any more. */
  readonly prepare: (span: SpanRecord) => PreparedSpan;
  /**
   * Resolves when the request is kept and every read of {@link telemetry} that starts afterwards will show it.
   *
   * @throws INGEST_OVERLOADED, STORAGE_FULL, STORE_UNAVAILABLE, SHUTTING_DOWN; then nothing is promised, sending it again is safe
   */
  accept(request: IntakeRequest): Promise<void>;
  /**
   * Resolves when every report of an SDK process that was acknowledged can be read.
   *
   * @throws STORE_UNAVAILABLE, STORAGE_FULL; the signal's reason
   */
  sdkReportsSettled(signal?: AbortSignal): Promise<void>;
  /** Resolves when everything that was accepted is written, or lies in the journal for the next start. */
  close(): Promise<void>;
}

export interface IntakeOptions {
  readonly telemetry: TelemetryStore;
  readonly sdkProcesses: Pick<SdkProcesses, "mergeSdkProcesses">;
  readonly metrics: IngestMetrics;
  /** Told of spans that have just become readable. */
  readonly onReadable: (spans: readonly PreparedSpan[]) => void;
  /** Told in a sentence what a user should know. */
  readonly onEvent: (sentence: string) => void;
}

export interface JournalSettings {
  /** Folder of the journal. */
  readonly dir: string;
  /** Keeps reports of SDK processes while they cannot be written. */
  readonly sdkReportsFile: string;
  readonly maxBytes: number;
  /** Bytes of bodies whose spans may wait in memory, at most 24 MiB. */
  readonly maxHeldBytes: number;
}

/**
 * Three batches: one that the engine works on, one that is encoded, one that fills. More would not make writing faster, only the wait of
 * readers longer and the memory larger.
 */
const MAX_HELD_BYTES = 24 * 1024 * 1024;

/** Writes to the telemetry store before it answers. */
export function openDirectIntake({ telemetry, sdkProcesses, metrics, onReadable, onEvent }: IntakeOptions): Intake {
  let started = 0;
  const reports = new SdkReportsKeeper({ merge: (facts) => sdkProcesses.mergeSdkProcesses(facts), onEvent });
  metrics.watch({ lostSdkReports: () => reports.lost });
  const buffer = new IngestBuffer<PreparedSpan>({
    write: async (spans) => {
      started = performance.now();
      await telemetry.writePrepared(spans);
    },
    onCommitted: (spans) => {
      metrics.drained({ spans: spans.length, ms: performance.now() - started });
      onReadable(spans);
    },
  });
  return {
    telemetry,
    prepare: prepareOne(telemetry),
    async accept({ spans, sdkReports, bytes }) {
      await buffer.write(spans, bytes);
      if (sdkReports.length === 0) return;
      reports.add(sdkReports);
      // There is no journal that would keep them; PostgreSQL takes a tenth of the time that the spans took.
      await reports.tried();
    },
    sdkReportsSettled: () => reports.settled(),
    async close() {
      await buffer.drain();
      await reports.close();
    },
  };
}

/**
 * Opens the journal and brings what earlier processes left in it into the telemetry store, before anything is read or taken.
 *
 * @throws the journal's errors; STORE_UNAVAILABLE if the telemetry store cannot take what is left. With a full disk the server starts
 *   and tries on.
 */
export async function openJournaledIntake(options: IntakeOptions, settings: JournalSettings): Promise<Intake> {
  const { telemetry, sdkProcesses, metrics, onEvent } = options;
  const journal = await Journal.open({
    dir: settings.dir,
    maxBytes: settings.maxBytes,
    onEvent,
    onCommit: ({ ms }) => metrics.committed(ms),
  });
  const reports = new SdkReportsKeeper({
    merge: (facts) => sdkProcesses.mergeSdkProcesses(facts),
    file: sdkReportsFile(settings.sdkReportsFile),
    onEvent,
  });
  await reports.open();
  const queue = new SpanQueue({
    // A request may hold reports alone.
    write: async (spans) => {
      if (spans.length > 0) await telemetry.writePrepared(spans);
    },
    load: async (refs) => {
      const requests = await Promise.all((await journal.read(refs)).map(readExportEntry));
      return requests.map(({ spans, sdkReports }) => ({ spans: telemetry.prepareSpans(spans), sdkReports }));
    },
    release: (seq) => reports.whenKept(() => journal.release(seq)),
    setAside: async (ref, error) => {
      const [payload] = await journal.read([ref]);
      const path = await keepRefusedRequest(settings.dir, ref.seq, payload ?? Buffer.alloc(0));
      metrics.setAside();
      onEvent(`The telemetry engine refuses a request for good (${String(error)}); its body is kept as ${path}.`);
    },
    onWritten: ({ spans, sdkReports, ms }) => {
      metrics.drained({ spans: spans.length, ms });
      reports.add(sdkReports);
      options.onReadable(spans);
    },
    onFailure: () => metrics.drainFailed(),
    maxHeldBytes: Math.min(settings.maxHeldBytes, MAX_HELD_BYTES),
  });
  metrics.watch({
    journal: () => journal.stats(),
    pendingRequests: () => queue.size,
    heldBytes: () => queue.heldBytes,
    lostSdkReports: () => reports.lost,
  });
  try {
    await replay(journal, queue, onEvent);
  } catch (error) {
    await queue.close();
    await reports.close();
    await journal.close();
    throw error;
  }
  return {
    telemetry: withReadBarrier({
      telemetry,
      settled: (traceIds, signal) => queue.settled(traceIds, signal),
      async checkpoint() {
        await reports.kept();
        await journal.checkpoint();
      },
      metrics,
    }),
    prepare: prepareOne(telemetry),
    async accept(request) {
      const { spans, sdkReports } = request;
      if (spans.length === 0 && sdkReports.length === 0) return;
      const hasRoom = await queue.admit(request.bytes);
      let ref: EntryRef;
      try {
        ref = await journal.append(EXPORT_ENTRY, encodeExportEntry(request));
      } catch (error) {
        if (hasRoom) queue.giveBack(request.bytes);
        throw error;
      }
      queue.add({ ref, bytes: request.bytes, content: { spans, sdkReports } }, hasRoom);
    },
    async sdkReportsSettled(signal) {
      try {
        await queue.settled(undefined, signal);
      } catch (error) {
        // What waits for room on the disk is not there yet; what is there can be read.
        if (!isStorageFull(error)) throw error;
      }
      await reports.settled();
    },
    async close() {
      await queue.close();
      await reports.close();
      await journal.close();
    },
  };
}

function prepareOne(telemetry: TelemetryStore): Intake["prepare"] {
  return (span) => {
    const [prepared] = telemetry.prepareSpans([span]);
    if (prepared === undefined) throw new RangeError("The store prepared nothing of a span.");
    return prepared;
  };
}

/** Writes the entries of earlier processes; says so only if there are any. */
async function replay(journal: Journal, queue: SpanQueue, onEvent: (sentence: string) => void): Promise<void> {
  const refs = journal.unreleased;
  if (refs.length === 0) return;
  const bytes = refs.reduce((sum, { length }) => sum + length, 0);
  const megabytes = (bytes / 1e6).toFixed(1);
  onEvent(`Replaying ${refs.length} requests (${megabytes} MB) that were acknowledged before the last stop.`);
  const started = performance.now();
  for (const ref of refs) queue.add({ ref, bytes: ref.length }, false);
  const report = setInterval(() => onEvent(`${refs.length - queue.size} of ${refs.length} requests replayed.`), 2000);
  try {
    await queue.settled();
  } catch (error) {
    if (!isStorageFull(error)) throw error;
    onEvent(`The disk is full: ${queue.size} requests stay in the journal until there is room.`);
    return;
  } finally {
    clearInterval(report);
  }
  onEvent(`Replayed ${refs.length} requests in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
}
