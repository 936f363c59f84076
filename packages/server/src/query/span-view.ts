/**
 * Stored spans as the API shows them. Payloads and attributes are JSON texts and are passed on as they are.
 */
import type { StoredSpan } from "@sightline/store/telemetry-store";
import { restoreAttributes } from "@sightline/wire/conventions/payload";
import { RawJson } from "@sightline/wire/json";
import type { Span } from "@sightline/wire/model/span";

/** A span for an answer; `inputs`, `outputs` and the attributes hold {@link RawJson}. */
export function toSpan(span: StoredSpan): Span {
  return {
    spanId: span.spanId,
    ...(span.parentSpanId !== "" && { parentSpanId: span.parentSpanId }),
    name: span.name,
    spanType: span.spanType,
    startTimeUnixNano: span.startTimeUnixNano.toString(),
    endTimeUnixNano: span.endTimeUnixNano.toString(),
    status: { code: span.statusCode, ...(span.statusMessage !== "" && { message: span.statusMessage }) },
    inputs: span.inputs ? new RawJson(span.inputs.json) : null,
    outputs: span.outputs ? new RawJson(span.outputs.json) : null,
    ...(span.model !== "" && { model: span.model }),
    ...(span.provider !== "" && { provider: span.provider }),
    ...(span.usage && { tokenUsage: span.usage }),
    ...(span.costUsd !== undefined && { costUsd: span.costUsd }),
    ...(span.service !== "" && { service: span.service }),
    attributes: restoreAttributes(
      span.attributes,
      [span.inputs, span.outputs].flatMap((payload) => payload ?? []),
    ),
    events: [...span.events],
    links: [...span.links],
  };
}

/** Characters that the span's payloads and attributes take in an answer, about. */
export function countChars(span: StoredSpan): number {
  let count = (span.inputs?.json.length ?? 0) + (span.outputs?.json.length ?? 0);
  for (const key in span.attributes) count += key.length + (span.attributes[key]?.length ?? 0);
  return count;
}
