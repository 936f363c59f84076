/**
 * A span as far as the row of its trace is concerned.
 */
import type { SpanRow } from "./rows.ts";

/** The properties of a span that the row of its trace is made from. */
export const SUMMARY_PROPERTIES = [
  "traceId",
  "spanId",
  "parentSpanId",
  "name",
  "service",
  "startTimeUnixNano",
  "endTimeUnixNano",
  "statusCode",
  "model",
  "usage",
  "costUsd",
  "sessionId",
  "userId",
  "traceTags",
  "traceMetadata",
  "requestPreview",
  "responsePreview",
  "failure",
] as const satisfies readonly (keyof SpanRow)[];

export type SummarySpan = Pick<SpanRow, (typeof SUMMARY_PROPERTIES)[number]>;

/** Only the summary properties of a span: what may be kept in memory when the payloads may not. */
export function toSummarySpan(span: SummarySpan): SummarySpan {
  // Written out: objects made of one literal have one shape, which a loop over names would not give.
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    service: span.service,
    startTimeUnixNano: span.startTimeUnixNano,
    endTimeUnixNano: span.endTimeUnixNano,
    statusCode: span.statusCode,
    model: span.model,
    ...(span.usage !== undefined && { usage: span.usage }),
    ...(span.costUsd !== undefined && { costUsd: span.costUsd }),
    sessionId: span.sessionId,
    userId: span.userId,
    traceTags: span.traceTags,
    traceMetadata: span.traceMetadata,
    requestPreview: span.requestPreview,
    responsePreview: span.responsePreview,
    failure: span.failure,
  };
}
