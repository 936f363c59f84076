/**
 * What ingest counts: plain numbers since the start, for `GET /metrics` and for tests.
 */
import type { JournalStats } from "@sightline/store/journal/journal";
import { SightlineError } from "@sightline/wire/errors";

/** Upper bounds of the buckets of a histogram, in seconds; the last bucket has none. */
export const LATENCY_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

export interface Histogram {
  /** Values in each bucket (not cumulative), one more than {@link LATENCY_BOUNDS}. */
  readonly buckets: readonly number[];
  readonly count: number;
  /** Seconds. */
  readonly sum: number;
}

export interface IngestNumbers {
  /** Export requests by outcome: `accepted`, or the code of the error that was answered. */
  readonly requests: Readonly<Record<string, number>>;
  /** Body bytes of accepted requests, as sent. */
  readonly requestBytes: number;
  /** Spans that were acknowledged. */
  readonly acceptedSpans: number;
  /** Spans refused in partial success. */
  readonly refusedSpans: number;
  /** Reports of SDK processes in accepted requests. */
  readonly sdkReports: {
    readonly taken: number;
    /** Could not be read. */
    readonly malformed: number;
    /** Could not be kept. */
    readonly lost: number;
  };
  /** Time from the first byte to the answer of accepted requests. */
  readonly acknowledgement: Histogram;
  /** Write and sync of a group of requests in the journal. */
  readonly journalCommits: Histogram;
  /** Absent without a journal. */
  readonly journal?: JournalStats;
  readonly drain: {
    /** Batches written to the telemetry store. */
    readonly batches: Histogram;
    readonly spans: number;
    /** Batches that failed; they are tried again. */
    readonly failures: number;
    /** Requests that the telemetry store refused for good and that were set aside as files. */
    readonly setAside: number;
    /** Acknowledged requests that are not in the telemetry store yet. */
    readonly pendingRequests: number;
    /** Bytes of bodies whose spans wait in memory. */
    readonly heldBytes: number;
  };
  /** Reads that had to wait until something acknowledged was readable. */
  readonly barrier: Histogram;
  /** Bytes of bodies that are being read or wait for the acknowledgement. */
  readonly inFlightBytes: number;
}

/** Where numbers are asked for when they are read. */
export interface IngestGauges {
  readonly journal?: () => JournalStats;
  readonly pendingRequests?: () => number;
  readonly heldBytes?: () => number;
  readonly inFlightBytes?: () => number;
  readonly lostSdkReports?: () => number;
}

export class IngestMetrics {
  readonly #requests = new Map<string, number>();
  readonly #acknowledgement = new LatencyHistogram();
  readonly #commits = new LatencyHistogram();
  readonly #batches = new LatencyHistogram();
  readonly #barrier = new LatencyHistogram();
  #requestBytes = 0;
  #acceptedSpans = 0;
  #refusedSpans = 0;
  #sdkReports = { taken: 0, malformed: 0 };
  #drainedSpans = 0;
  #drainFailures = 0;
  #setAside = 0;
  #gauges: IngestGauges = {};

  /** Adds sources of current values. */
  watch(gauges: IngestGauges): void {
    this.#gauges = { ...this.#gauges, ...gauges };
  }

  accepted(request: { bytes: number; spans: number; refused: number; ms: number }): void {
    this.#count("accepted");
    this.#requestBytes += request.bytes;
    this.#acceptedSpans += request.spans;
    this.#refusedSpans += request.refused;
    this.#acknowledgement.add(request.ms);
  }

  failed(error: unknown): void {
    this.#count(error instanceof SightlineError ? error.code : "INTERNAL_ERROR");
  }

  sdkReports(sent: { readonly reports: readonly unknown[]; readonly malformed: number }): void {
    this.#sdkReports.taken += sent.reports.length;
    this.#sdkReports.malformed += sent.malformed;
  }

  committed(ms: number): void {
    this.#commits.add(ms);
  }

  drained(batch: { spans: number; ms: number }): void {
    this.#batches.add(batch.ms);
    this.#drainedSpans += batch.spans;
  }

  drainFailed(): void {
    this.#drainFailures += 1;
  }

  setAside(): void {
    this.#setAside += 1;
  }

  waited(ms: number): void {
    this.#barrier.add(ms);
  }

  /** All numbers as they are now. */
  read(): IngestNumbers {
    const { journal, pendingRequests, heldBytes, inFlightBytes, lostSdkReports } = this.#gauges;
    return {
      requests: Object.fromEntries(this.#requests),
      requestBytes: this.#requestBytes,
      acceptedSpans: this.#acceptedSpans,
      refusedSpans: this.#refusedSpans,
      sdkReports: { ...this.#sdkReports, lost: lostSdkReports?.() ?? 0 },
      acknowledgement: this.#acknowledgement.read(),
      journalCommits: this.#commits.read(),
      ...(journal && { journal: journal() }),
      drain: {
        batches: this.#batches.read(),
        spans: this.#drainedSpans,
        failures: this.#drainFailures,
        setAside: this.#setAside,
        pendingRequests: pendingRequests?.() ?? 0,
        heldBytes: heldBytes?.() ?? 0,
      },
      barrier: this.#barrier.read(),
      inFlightBytes: inFlightBytes?.() ?? 0,
    };
  }

  #count(outcome: string): void {
    this.#requests.set(outcome, (this.#requests.get(outcome) ?? 0) + 1);
  }
}

class LatencyHistogram {
  readonly #buckets = new Array<number>(LATENCY_BOUNDS.length + 1).fill(0);
  #count = 0;
  #sum = 0;

  add(ms: number): void {
    const seconds = ms / 1000;
    const bucket = LATENCY_BOUNDS.findIndex((bound) => seconds <= bound);
    const index = bucket === -1 ? LATENCY_BOUNDS.length : bucket;
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#count += 1;
    this.#sum += seconds;
  }

  read(): Histogram {
    return { buckets: [...this.#buckets], count: this.#count, sum: this.#sum };
  }
}
