/**
 * The port to what agents did: spans and traces; what is said of them beside is in `trace-parts.ts`.
 *
 * Docstrings are promises; `contract/telemetry-store.ts` holds every engine to them.
 */
import type { Payload } from "@sightline/wire/conventions/normalized-span";
import type { Filter } from "@sightline/wire/filter/ast";
import type { Aggregation, DimensionReference, MetricView } from "@sightline/wire/model/metric";
import type { SpanEvent, SpanLink, SpanStatusCode, TokenUsage } from "@sightline/wire/model/span";
import type { TraceInfo } from "@sightline/wire/model/trace";
import type { TraceCosts } from "./trace-costs.ts";
import type { TraceParts } from "./trace-parts.ts";
import type { TraceRemoval } from "./trace-removal.ts";
import type { TraceTransfer } from "./trace-transfer.ts";
import type { TraceValues } from "./trace-values.ts";

/** A span ready to be kept: normalised facts beside the attributes as they came. */
export interface SpanRecord {
  /** Decimal digits. If the trace is already kept in another experiment, that one wins. */
  readonly experimentId: string;
  /** `tr-` + 32 hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** "" on a root span. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly spanType: string;
  readonly service: string;
  /** Nanoseconds since the epoch. */
  readonly startTimeUnixNano: bigint;
  /** 0n while the span is running. */
  readonly endTimeUnixNano: bigint;
  readonly statusCode: SpanStatusCode;
  readonly statusMessage: string;
  readonly model: string;
  readonly provider: string;
  readonly usage?: TokenUsage;
  /** US dollars */
  readonly costUsd?: number;
  /** Whether the cost was counted here from the price table: it is counted again when prices change. Absent = the sender said it. */
  readonly isCostComputed?: boolean;
  readonly sessionId: string;
  readonly userId: string;
  readonly inputs?: Payload;
  readonly outputs?: Payload;
  /** Attribute key → JSON text of its value, as it came, without those that `inputs` and `outputs` were taken from verbatim. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  /** Tags and metadata for the whole trace that this span carries. */
  readonly traceTags: Readonly<Record<string, string>>;
  readonly traceMetadata: Readonly<Record<string, string>>;
  /** Texts for the trace list when this is the root: at most 1,000 characters, "" when there is none. */
  readonly requestPreview: string;
  readonly responsePreview: string;
}

/** A span as it is read back; payloads and attribute values are JSON text. */
export type StoredSpan = Omit<SpanRecord, "traceTags" | "traceMetadata" | "requestPreview" | "responsePreview">;

/** A span without payloads, attributes, events and links. */
export type SpanOutline = Pick<
  StoredSpan,
  | "spanId"
  | "parentSpanId"
  | "name"
  | "spanType"
  | "startTimeUnixNano"
  | "endTimeUnixNano"
  | "statusCode"
  | "statusMessage"
  | "usage"
  | "costUsd"
>;

export const TRACE_SORT_KEYS = ["timestamp_ms", "execution_time_ms"] as const;
export interface TraceOrder {
  readonly key: (typeof TRACE_SORT_KEYS)[number];
  readonly direction: "ASC" | "DESC";
}

/** Where a page ended: the sort value and id of its last trace. */
export interface TraceCursor {
  /** Microseconds since the epoch for `timestamp_ms`, microseconds for `execution_time_ms`; decimal string. */
  readonly value: string;
  readonly traceId: string;
}

export interface TraceSelection {
  /** Absent = all. */
  readonly experimentIds?: readonly string[];
  readonly filter?: Filter;
  /** Earliest start in nanoseconds, inclusive. Starts of traces are kept in microseconds, as the API shows them. */
  readonly from?: bigint;
  /** Latest start in nanoseconds, exclusive. */
  readonly to?: bigint;
}

export interface TraceQuery extends TraceSelection {
  readonly order: TraceOrder;
  readonly limit: number;
  readonly after?: TraceCursor;
}

export interface TracePage {
  readonly traces: readonly TraceInfo[];
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

/** A call may be given up: the engine stops working on it. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface TelemetryStore
  extends TraceParts,
    TraceCosts,
    Pick<TraceTransfer, "readTraces">,
    TraceRemoval,
    TraceValues {
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

  /** One page of traces in the order asked for, ties broken by trace id, so that pages neither overlap nor leave a gap. */
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
