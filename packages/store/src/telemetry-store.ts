/**
 * The port to what agents did: spans and traces; what is said of them beside is in `trace-parts.ts`.
 *
 * Docstrings are promises; `contract/telemetry-store.ts` holds every engine to them.
 */

import type { OrderKey } from "@sightline/wire/filter/order";
import type { Aggregation, DimensionReference, MetricView } from "@sightline/wire/model/metric";
import type { TraceInfo } from "@sightline/wire/model/trace";
import type { PreparedSpan, SpanOutline, SpanRecord, StoredSpan } from "./span-record.ts";
import type { TextMatches } from "./text-matches.ts";
import type { TraceCosts } from "./trace-costs.ts";
import type { TraceParts } from "./trace-parts.ts";
import type { TraceRemoval } from "./trace-removal.ts";
import type { CallOptions, TraceSelection } from "./trace-selection.ts";
import type { TraceTransfer } from "./trace-transfer.ts";
import type { TraceValues } from "./trace-values.ts";

export type { PreparedSpan, SpanOutline, SpanRecord, StoredSpan } from "./span-record.ts";
export type { CallOptions, TraceSelection } from "./trace-selection.ts";

/**
 * One key of an order. Traces that have nothing under it come last, in both directions.
 *
 * @see `parseOrder` of wire
 */
export interface TraceOrder {
  readonly key: OrderKey;
  /** Which tag or metadata entry, with those keys only. */
  readonly name?: string;
  readonly direction: "ASC" | "DESC";
}

/** Where a page ended: what its last trace has under each key of the order, its start and its id. */
export interface TraceCursor {
  /** Decimal digits, numbers and texts as the store prints them; null = nothing. */
  readonly values: readonly (string | null)[];
  /** Microseconds since the epoch, decimal. */
  readonly startUs: string;
  readonly traceId: string;
}

export interface TraceQuery extends TraceSelection {
  /** One key or several; traces that are equal under them come newest first, then by id. */
  readonly order: TraceOrder | readonly TraceOrder[];
  readonly limit: number;
  readonly after?: TraceCursor;
}

export interface TracePage {
  readonly traces: readonly TraceInfo[];
  /** The place of each trace, for a reader who takes only the first of them. */
  readonly places: readonly TraceCursor[];
  /** Absent when this was the last page. */
  readonly next?: TraceCursor;
}

/** What to measure. Names are canonical ones of `metricTable` of wire. */
export interface MetricQuery extends TraceSelection {
  readonly view: MetricView;
  readonly metric: string;
  /** At least one, each once. */
  readonly aggregations: readonly Aggregation[];
  /** Length of a bucket, whole seconds; absent = all time is one. */
  readonly intervalSeconds?: number;
  /** Dimensions, each once. */
  readonly groupBy: readonly DimensionReference[];
  /** Only rows whose dimension has one of the values count; null = has none. All must hold. */
  readonly only?: readonly { readonly dimension: DimensionReference; readonly values: readonly (string | null)[] }[];
  /** Only the so many groups with the most rows are groups of their own; all others are one. */
  readonly top?: number;
  readonly limit: number;
}

export interface MetricPoint {
  /** Start of the bucket in nanoseconds since the epoch; absent without an interval. */
  readonly time?: bigint;
  /** Value of each dimension of `groupBy`, null = the rows have none; absent without dimensions. */
  readonly group?: readonly (string | null)[];
  /** The point is of all groups beyond the largest; it has no `group`. */
  readonly other?: true;
  /** null = no row of the point has a value. */
  readonly values: Readonly<Partial<Record<Aggregation, number | null>>>;
}

export interface TelemetryStore extends TraceParts, TraceCosts, TraceTransfer, TraceRemoval, TextMatches, TraceValues {
  /**
   * Keeps spans and brings the rows of their traces up to date.
   *
   * When the promise resolves the spans are on disk and every read sees them. Writing a span again (same trace id and span id)
   * replaces it. The order in which the spans of a trace arrive does not change the result. Calls may run at once. Texts keep every
   * character but halves of surrogate pairs, which become U+FFFD; times after 2106 become 2106.
   *
   * @throws STORAGE_FULL, STORE_UNAVAILABLE; then nothing is promised, and writing the same spans again is safe
   */
  writeSpans(spans: readonly SpanRecord[]): Promise<void>;

  /**
   * The first half of `writeSpans`, for spans that wait for their writing: what it gives needs less memory than records and no work
   * of the garbage collector.
   */
  prepareSpans(spans: readonly SpanRecord[]): readonly PreparedSpan[];

  /** The second half. @throws as `writeSpans`; writing the same prepared spans again is safe */
  writePrepared(spans: readonly PreparedSpan[]): Promise<void>;

  /**
   * One page of traces in the order asked for; pages neither overlap nor leave a gap, also while traces are written.
   *
   * @throws BAD_PAGE_TOKEN if `after` is no place in this order; QUERY_TOO_SLOW
   */
  searchTraces(query: TraceQuery, options?: CallOptions): Promise<TracePage>;

  /** Number of matching traces and how many of them failed; counting stops at `limit`. */
  countTraces(
    selection: TraceSelection & { readonly limit: number },
    options?: CallOptions,
  ): Promise<{ total: number; errors: number }>;

  /**
   * Aggregates a metric of the selected traces, or of all spans or assessments of the selected traces.
   *
   * Buckets begin at multiples of the interval since the epoch; a trace or span is in the one that it starts in, an assessment in
   * the one that it was made in. A bucket or group is a point if a row is in it. Points come by time, then by group with null
   * last, `other` behind them; at most `limit` of them. Values are exact, percentiles interpolate linearly between the two
   * nearest values. Of assessments only valid ones count, unless `groupBy` or `only` names `valid`.
   *
   * @throws RangeError if there is no such metric or dimension
   */
  aggregate(query: MetricQuery, options?: CallOptions): Promise<MetricPoint[]>;

  /** Rows of the traces with these ids, each once, in the order of the ids; unknown ids are left out. */
  getTraceInfos(traceIds: readonly string[], options?: CallOptions): Promise<TraceInfo[]>;

  /** All spans of the traces, by trace id, each list in order of start time, then span id. Unknown ids are absent. */
  getSpans(traceIds: readonly string[], options?: CallOptions): Promise<Map<string, StoredSpan[]>>;

  /** One span; undefined if there is none. */
  getSpan(traceId: string, spanId: string, options?: CallOptions): Promise<StoredSpan | undefined>;

  /** All spans of a trace without payloads, in order of start time, then span id; empty if the trace is unknown. */
  getSpanOutlines(traceId: string, options?: CallOptions): Promise<SpanOutline[]>;

  /** Deletes traces with everything that was kept of them; unknown ids are ignored. */
  deleteTraces(traceIds: readonly string[]): Promise<void>;

  /** For each experiment that has traces: how many, and the start of the newest in nanoseconds. */
  experimentActivity(): Promise<Map<string, { traces: number; lastTraceUnixNano: bigint }>>;

  /** What is stored and readable now. */
  stats(): Promise<{ traces: number; spans: number; bytesOnDisk: number }>;

  /** Resolves if the engine answers; rejects with STORE_UNAVAILABLE. */
  ping(): Promise<void>;

  close(): Promise<void>;
}
