/**
 * Spans of OpenTelemetry's SDK, as records of ours. Structural: versions 1 and 2 of `@opentelemetry/sdk-trace-base` both fit, and
 * neither is needed.
 */
import type { Attributes, HrTime, SpanContext, SpanStatus } from "@opentelemetry/api";
import { putRecordValue, toRecordValue } from "../tracing/record-value.ts";
import { type RecordValue, type Route, SPAN_BASE_BYTES, type SpanRecord } from "../tracing/span-record.ts";

/** What is read of a span of `@opentelemetry/sdk-trace-base`. */
export interface ReadableSpan {
  readonly name: string;
  /** As OpenTelemetry's API counts: 0 internal, 1 server, 2 client, 3 producer, 4 consumer. */
  readonly kind: number;
  /** Ids and flags. */
  spanContext(): SpanContext;
  /** Version 2. */
  readonly parentSpanContext?: Pick<SpanContext, "spanId"> | undefined;
  /** Version 1. */
  readonly parentSpanId?: string | undefined;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly ended: boolean;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly events: readonly {
    readonly name: string;
    readonly time: HrTime;
    readonly attributes?: Attributes | undefined;
  }[];
  readonly links: readonly { readonly context: SpanContext; readonly attributes?: Attributes | undefined }[];
  /** Version 2. */
  readonly instrumentationScope?: Scope | undefined;
  /** Version 1. */
  readonly instrumentationLibrary?: Scope | undefined;
}

interface Scope {
  readonly name: string;
  readonly version?: string | undefined;
}

/** The record of a span that has begun: what is known at its start. */
export function beginRecord(span: ReadableSpan, route: Route): SpanRecord {
  const { traceId, spanId } = span.spanContext();
  const record: SpanRecord = {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? span.parentSpanId ?? "",
    name: span.name,
    kind: span.kind + 1,
    startMs: toMillis(span.startTime),
    endMs: undefined,
    statusCode: 0,
    statusMessage: "",
    attributes: new Map(),
    events: [],
    links: [],
    route,
    sequence: 0,
    bytes: SPAN_BASE_BYTES + span.name.length,
    truncations: 0,
  };
  put(record, record.attributes, span.attributes);
  return record;
}

/** Completes the record of a span that has ended. */
export function endRecord(span: ReadableSpan, record: SpanRecord): void {
  record.name = span.name;
  record.endMs = Math.max(record.startMs, toMillis(span.endTime));
  record.statusCode = span.status.code;
  record.statusMessage = span.status.code === 2 ? (span.status.message ?? "") : "";
  put(record, record.attributes, span.attributes);
  // Which instrumentation made the span; our requests have one scope, the SDK's. Named as in OpenTelemetry's mapping to protocols
  // that have no scopes (specification, common/mapping-to-non-otlp).
  const scope = span.instrumentationScope ?? span.instrumentationLibrary;
  put(record, record.attributes, {
    ...(scope?.name && { "otel.scope.name": scope.name }),
    ...(scope?.version && { "otel.scope.version": scope.version }),
  });
  for (const { name, time, attributes = {} } of span.events) {
    record.events.push({ name, timeMs: toMillis(time), attributes: inner(record, attributes) });
    record.bytes += SPAN_BASE_BYTES;
  }
  for (const { context, attributes = {} } of span.links) {
    const { traceId, spanId } = context;
    record.links.push({ traceId, spanId, attributes: inner(record, attributes) });
    record.bytes += SPAN_BASE_BYTES;
  }
}

function inner(record: SpanRecord, attributes: Attributes): Map<string, RecordValue> {
  const kept = new Map<string, RecordValue>();
  put(record, kept, attributes);
  return kept;
}

/** OpenTelemetry has bounded their number already. */
function put(record: SpanRecord, kept: Map<string, RecordValue>, attributes: Attributes): void {
  for (const key of Object.keys(attributes)) {
    const value = toRecordValue(attributes[key]);
    if (value !== undefined) putRecordValue(record, kept, key, value, Number.POSITIVE_INFINITY);
  }
}

function toMillis([seconds, nanos]: HrTime): number {
  return seconds * 1000 + nanos / 1e6;
}
