/**
 * Spans → bytes of an OTLP export request. JSON text of inputs and outputs is made here, not on the caller's path.
 */
import { type HrTime, type Attributes as OtelAttributes, SpanStatusCode } from "@opentelemetry/api";
import { encodeExportRequest } from "@sightline/wire/otlp/protobuf";
import type { Attributes, OtlpSpan } from "@sightline/wire/otlp/span";
import { snapshotToJson } from "../capture/serialize.ts";
import type { QueuedSpan } from "./queue.ts";

export interface EncodeOptions {
  /** Attributes of the resource: who sends. */
  readonly resource: Attributes;
  readonly scope: { readonly name: string; readonly version: string };
}

/** The request's protobuf bytes, uncompressed. */
export function encodeSpans(spans: readonly OtlpSpan[], { resource, scope }: EncodeOptions): Uint8Array {
  return encodeExportRequest([{ resource, scope, spans }]);
}

/** A span as OTLP has it. What was captured becomes JSON text. */
export function toOtlpSpan({ span, captured }: QueuedSpan): OtlpSpan {
  const { traceId, spanId } = span.spanContext();
  const attributes = toAttributes(span.attributes);
  for (const [key, snapshot] of captured ?? []) attributes[key] = snapshotToJson(snapshot);
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? "",
    name: span.name,
    // OpenTelemetry's API counts kinds from 0 (internal), OTLP from 1.
    kind: span.kind + 1,
    startTimeUnixNano: toNanos(span.startTime),
    endTimeUnixNano: toNanos(span.endTime),
    statusCode: span.status.code,
    statusMessage: span.status.code === SpanStatusCode.ERROR ? (span.status.message ?? "") : "",
    attributes,
    events: span.events.map((event) => ({
      name: event.name,
      timeUnixNano: toNanos(event.time),
      attributes: toAttributes(event.attributes ?? {}),
    })),
    links: span.links.map((link) => ({
      traceId: link.context.traceId,
      spanId: link.context.spanId,
      attributes: toAttributes(link.attributes ?? {}),
    })),
  };
}

function toAttributes(attributes: OtelAttributes): Attributes {
  const result: Attributes = {};
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    result[key] = Array.isArray(value) ? value.map((item) => item ?? null) : value;
  }
  return result;
}

function toNanos([seconds, nanos]: HrTime): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
}
