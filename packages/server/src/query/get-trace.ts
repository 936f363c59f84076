/**
 * A trace with all its spans, or one of its spans.
 */
import { SightlineError } from "@sightline/wire/errors";
import type { Span } from "@sightline/wire/model/span";
import type { Trace } from "@sightline/wire/model/trace";
import { findTrace, readTraceId } from "./find-trace.ts";
import { toSpan } from "./span-view.ts";
import type { Call, Stores } from "./stores.ts";

/** @throws TRACE_NOT_FOUND */
export async function getTrace(stores: Stores, traceId: string, call?: Call): Promise<Trace> {
  const id = readTraceId(traceId);
  // One after the other: the row of the trace, which the store then remembers, says where its spans lie.
  const info = await findTrace(stores, traceId, call);
  const spans = await stores.telemetry.getSpans([id], call);
  return { info, spans: (spans.get(id) ?? []).map(toSpan) };
}

/** @throws TRACE_NOT_FOUND, SPAN_NOT_FOUND */
export async function getSpan(stores: Stores, traceId: string, spanId: string, call?: Call): Promise<Span> {
  const info = await findTrace(stores, traceId, call);
  const span = await stores.telemetry.getSpan(info.traceId, spanId.toLowerCase(), call);
  if (span) return toSpan(span);
  throw new SightlineError("SPAN_NOT_FOUND", `Trace ${info.traceId} has no span "${spanId.slice(0, 50)}".`);
}
