/**
 * Span records for tests of what comes after the tracing.
 */
import { newSpanId, newTraceId } from "../tracing/ids.ts";
import type { SpanRecord, SpanSink } from "../tracing/span-record.ts";

/** A span of its own trace that has ended, of about `bytes` bytes. */
export function endedRecord(
  exporter: SpanSink,
  { name = "work", experiment, bytes = 500 }: { name?: string; experiment?: string; bytes?: number } = {},
): SpanRecord {
  const now = Date.now();
  return {
    traceId: newTraceId(),
    spanId: newSpanId(),
    parentSpanId: "",
    name,
    kind: 1,
    startMs: now - 1,
    endMs: now,
    statusCode: 1,
    statusMessage: "",
    attributes: new Map([["text", "x".repeat(Math.max(0, bytes - 500))]]),
    events: [],
    links: [],
    route: { exporter, ...(experiment !== undefined && { experiment }) },
    sequence: 0,
    bytes,
    truncations: 0,
  };
}

/** Hands spans to an exporter as the tracing does. */
export function endSpans(
  exporter: SpanSink,
  count: number,
  options: Parameters<typeof endedRecord>[1] = {},
): SpanRecord[] {
  return Array.from({ length: count }, () => {
    const record = endedRecord(exporter, options);
    exporter.onStart(record);
    exporter.onEnd(record);
    return record;
  });
}
