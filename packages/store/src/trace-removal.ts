/**
 * The part of the telemetry port that takes things away: deleting by selection, giving space back, and looking at what is there.
 */
import type { CallOptions, TraceSelection } from "./trace-selection.ts";

/** Which traces are to be deleted. */
export interface RemovalSelection extends TraceSelection {
  /** Only these; absent = all of the selection. */
  readonly traceIds?: readonly string[];
  /** Only this many, those that started first; absent = all. */
  readonly oldest?: number;
}

export interface RemovalStep {
  /** Traces deleted by this step, with the spans that their rows counted. Both 0 = nothing is left to delete. */
  readonly traces: number;
  readonly spans: number;
  /** Attachments that went with them, and the bytes that this gave back; absent = none. */
  readonly attachments?: number;
  readonly bytesFreed?: number;
}

export interface PurgeOptions extends CallOptions {
  /**
   * Share of the rows of a partition that must be dead before the partition is written anew; default 0.2. Rewriting a month to drop a
   * thousandth of it would cost more than it gives. 0 = whenever there is a dead row.
   */
  readonly minDeadShare?: number;
  /** Called after each partition: how many of how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface PurgeResult {
  /** Partitions written anew without their dead rows. */
  readonly rewritten: number;
  /** Parts dropped whole, because nothing in their partition was alive. */
  readonly dropped: number;
  /** Bytes on disk that are no longer used; the files go about eight minutes later. */
  readonly bytesFreed: number;
}

export interface TableSize {
  /** Name of the table. */
  readonly table: string;
  /** Rows on disk, dead ones and replaced versions included. */
  readonly rows: number;
  readonly bytesOnDisk: number;
}

export interface ExperimentSize {
  readonly traces: number;
  readonly spans: number;
  /** Starts in nanoseconds. */
  readonly oldestTraceUnixNano: bigint;
  readonly newestTraceUnixNano: bigint;
}

/** What does not fit together in the store. All empty in a healthy one. */
export interface Inconsistency {
  /**
   * `spans-without-trace`, `traces-without-spans`, `doubled-traces`, `wrong-span-counts`, or `<table>-without-trace` for what is
   * said of traces.
   */
  readonly name: string;
  readonly count: number;
  /** Up to ten trace ids. */
  readonly examples: readonly string[];
}

export interface TraceRemoval {
  /**
   * Fixes which traces a removal deletes: those of the selection that are there now. Kept on disk: called again with the same id, also
   * after a crash, it changes nothing.
   *
   * @param removalId  letters, digits and `-`
   * @returns traces that are still to be deleted; 0 for a removal that was ended
   */
  beginRemoval(removalId: string, selection: RemovalSelection, options?: CallOptions): Promise<number>;

  /**
   * Deletes the next traces of a removal, those that started first, with every span that has arrived for them by then. Reads see it
   * at once; writes go on meanwhile. Spans that come later begin a new trace.
   *
   * @param beforeDeleting  called with the ids of these traces; if it fails nothing is deleted. After a crash it is called with them
   *   again, until they are deleted
   */
  continueRemoval(
    removalId: string,
    limit: number,
    beforeDeleting?: (traceIds: readonly string[]) => Promise<void>,
  ): Promise<RemovalStep>;

  /** Ends a removal, done or not: under its id nothing is deleted any more. */
  endRemoval(removalId: string): Promise<void>;

  /**
   * Gives the space of deleted rows back: partitions in which nothing is alive are dropped part by part, others are written anew.
   * Writes and reads go on meanwhile; what is written meanwhile is kept.
   *
   * @throws STORAGE_FULL if there is no room to write a partition anew
   */
  purge(options?: PurgeOptions): Promise<PurgeResult>;

  /** Every table with its size, the largest first. */
  tableSizes(): Promise<TableSize[]>;

  /** What each experiment holds, by id; experiments without traces are absent. */
  experimentSizes(): Promise<Map<string, ExperimentSize>>;

  /** Which of these ids no trace has, in their order. */
  findMissingTraces(traceIds: readonly string[], options?: CallOptions): Promise<string[]>;

  /** Looks for what is orphaned, doubled or miscounted. Reads every key of the store: for tests and for operators, not for requests. */
  findInconsistencies(options?: CallOptions): Promise<Inconsistency[]>;
}
