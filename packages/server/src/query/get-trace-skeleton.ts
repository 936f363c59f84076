/**
 * A trace in columns, without payloads: what a page needs to draw the tree and the timeline.
 */
import type { SpanOutline } from "@sightline/store/telemetry-store";
import type { TraceSkeleton } from "@sightline/wire/model/trace";
import { parseRfc3339 } from "@sightline/wire/time";
import { findTrace, readTraceId } from "./find-trace.ts";
import type { Call, Stores } from "./stores.ts";

const ROOT = -1;
const PARENT_NOT_RECEIVED = -2;
const RUNNING = -1;

/** @throws TRACE_NOT_FOUND */
export async function getTraceSkeleton(stores: Stores, traceId: string, call?: Call): Promise<TraceSkeleton> {
  const id = readTraceId(traceId);
  // One after the other, as for a whole trace.
  const info = await findTrace(stores, traceId, call);
  const spans = await stores.telemetry.getSpanOutlines(id, call);
  return { info, spans: toColumns(spans, (parseRfc3339(info.requestTime) ?? 0n) / 1000n) };
}

/**
 * Outlines, in order of start time, as columns.
 *
 * @param originUs  microseconds since the epoch that `startUs` counts from
 */
export function toColumns(spans: readonly SpanOutline[], originUs: bigint): TraceSkeleton["spans"] {
  const indexOf = new Map(spans.map((span, index) => [span.spanId, index]));
  const parentOf = ({ parentSpanId }: SpanOutline) =>
    parentSpanId === "" ? ROOT : (indexOf.get(parentSpanId) ?? PARENT_NOT_RECEIVED);
  return {
    spanId: spans.map((span) => span.spanId),
    parent: spans.map(parentOf),
    name: spans.map((span) => span.name),
    spanType: spans.map((span) => span.spanType),
    startUs: spans.map((span) => Number(span.startTimeUnixNano / 1000n - originUs)),
    durationUs: spans.map(durationUs),
    status: spans.map((span) => span.statusCode),
    statusMessage: spans.map((span) => (span.statusCode === "ERROR" ? span.statusMessage : "")),
    tokens: spans.map((span) => span.usage?.totalTokens ?? 0),
    costUsd: spans.map((span) => span.costUsd ?? 0),
  };
}

function durationUs({ startTimeUnixNano: start, endTimeUnixNano: end }: SpanOutline): number {
  if (end === 0n) return RUNNING;
  return end > start ? Number((end - start) / 1000n) : 0;
}
