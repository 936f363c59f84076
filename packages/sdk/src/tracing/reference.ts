/**
 * Spans named by their ids, as users and other processes hand them in.
 */
import { toOtelTraceId } from "@sightline/wire/ids";
import { isSpanIdHex, isTraceIdHex } from "./ids.ts";
import type { SpanReference } from "./live-span.ts";

/**
 * Ids of a span, the trace's without `tr-`.
 *
 * @returns undefined when one is missing or malformed
 */
export function toReference(value: SpanReference): SpanReference | undefined {
  if (typeof value?.traceId !== "string") return undefined;
  const traceId = toOtelTraceId(value.traceId);
  const { spanId } = value;
  return isTraceIdHex(traceId) && isSpanIdHex(spanId) ? { traceId, spanId } : undefined;
}
