/**
 * The part of the telemetry port that hands out everything: whole traces of a selection, as a stream that never holds more than a
 * few of them.
 */
import type { TraceInfo } from "@sightline/wire/model/trace";
import type { StoredSpan } from "./span-record.ts";
import type { CallOptions, TraceSelection } from "./trace-selection.ts";

/** A trace, or a part of one that is too large to be in memory at once. */
export interface TracePart {
  /** The same in all parts of a trace. */
  readonly info: TraceInfo;
  /** In order of start time, then span id, also over the parts. */
  readonly spans: readonly StoredSpan[];
}

/** The tables that can be had as Parquet: one row a span, or one row a trace. */
export const PARQUET_TABLES = ["spans", "traces"] as const;
export type ParquetTable = (typeof PARQUET_TABLES)[number];

export interface ParquetOptions extends CallOptions {
  /** Names of experiments by id, for a column beside the ids, which differ between servers; those without one are NULL. */
  readonly experimentNames?: ReadonlyMap<string, string>;
}

export interface TraceTransfer {
  /**
   * Every trace of the selection with all its spans, newest first; the parts of a trace come one after another.
   *
   * What was written before the call is in it. A trace that changes meanwhile is given as it was at one moment or, if it got an
   * earlier start, a second time. Nothing is read ahead of a slow reader but the next few traces; leaving the loop stops the engine.
   */
  readTraces(selection: TraceSelection, options?: CallOptions): AsyncGenerator<TracePart, void>;

  /**
   * One Parquet file of the selection, piece by piece: every row once, times as timestamps in UTC, counts as Int64.
   *
   * @see docs/operations.md for the columns
   */
  readParquet(
    selection: TraceSelection,
    table: ParquetTable,
    options?: ParquetOptions,
  ): AsyncGenerator<Uint8Array, void>;
}
