/**
 * A span as OTLP carries it: what the codecs produce and consume, before any convention is applied.
 *
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto
 */

/** An OTLP AnyValue, decoded. Integers outside ±2^53 are bigints; an unset value is null; bytes are Uint8Array. */
export type AttributeValue =
  | string
  | number
  | boolean
  | bigint
  | null
  | Uint8Array
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

export type Attributes = Record<string, AttributeValue>;

export interface OtlpEvent {
  readonly name: string;
  /** Nanoseconds since the epoch. */
  readonly timeUnixNano: bigint;
  readonly attributes: Attributes;
}

export interface OtlpLink {
  /** 32 hex digits */
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

export interface OtlpSpan {
  /** 32 lower-case hex digits as sent; may be invalid or empty, ingest checks it. */
  readonly traceId: string;
  readonly spanId: string;
  /** "" on a root span. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  /** Nanoseconds since the epoch. */
  readonly startTimeUnixNano: bigint;
  /** 0n while the span is running. */
  readonly endTimeUnixNano: bigint;
  /** 0 unset, 1 ok, 2 error. */
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly attributes: Attributes;
  readonly events: readonly OtlpEvent[];
  readonly links: readonly OtlpLink[];
}

/** Spans that share a resource and an instrumentation scope. */
export interface OtlpSpanGroup {
  readonly resource: Attributes;
  readonly scope: { readonly name: string; readonly version: string };
  readonly spans: readonly OtlpSpan[];
}

/** The same where spans are decoded one by one: groups and their spans can be walked once, in order, a group before the next. */
export type OtlpSpanGroups = Iterable<
  Omit<OtlpSpanGroup, "spans"> & {
    readonly spans: Iterable<OtlpSpan>;
  }
>;

/** The decoded `ExportTraceServiceRequest`, flattened to one group for each (resource, scope). */
export type ExportTraceRequest = readonly OtlpSpanGroup[];

/** The `ExportTraceServiceResponse`: absent when every span was accepted. */
export interface PartialSuccess {
  readonly rejectedSpans: number;
  readonly errorMessage: string;
}
