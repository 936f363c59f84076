/**
 * The export request as messages ⇄ as groups of spans. The codecs share it.
 */
import type { Message } from "./messages.ts";
import type { ExportTraceRequest, OtlpSpan, OtlpSpanGroup, PartialSuccess } from "./span.ts";

/** One group for each (resource, scope), in wire order. */
export function toSpanGroups(request: Message<"ExportTraceServiceRequest">): ExportTraceRequest {
  const groups: OtlpSpanGroup[] = [];
  for (const { resource, scopeSpans } of request.resourceSpans) {
    const resourceAttributes = resource?.attributes ?? {};
    for (const { scope, spans } of scopeSpans) {
      groups.push({
        resource: resourceAttributes,
        scope: { name: scope?.name ?? "", version: scope?.version ?? "" },
        spans: spans.map(toSpan),
      });
    }
  }
  return groups;
}

/** Consecutive groups that share the resource object share a `ResourceSpans`. */
export function toRequestMessage(groups: ExportTraceRequest): Message<"ExportTraceServiceRequest"> {
  const resourceSpans: { resource: Message<"Resource">; scopeSpans: Message<"ScopeSpans">[] }[] = [];
  for (const { resource, scope, spans } of groups) {
    const scopeSpans = { scope, spans: spans.map(toSpanMessage) };
    const last = resourceSpans.at(-1);
    if (last?.resource.attributes === resource) last.scopeSpans.push(scopeSpans);
    else resourceSpans.push({ resource: { attributes: resource }, scopeSpans: [scopeSpans] });
  }
  return { resourceSpans };
}

/** Undefined when everything was accepted without a warning. */
export function toPartialSuccess(response: Message<"ExportTraceServiceResponse">): PartialSuccess | undefined {
  const partial = response.partialSuccess;
  if (!partial) return undefined;
  const rejectedSpans = Number(partial.rejectedSpans);
  if (rejectedSpans === 0 && partial.errorMessage === "") return undefined;
  return { rejectedSpans, errorMessage: partial.errorMessage };
}

/** A span as it is in the message. */
export function toSpan(span: Message<"Span">): OtlpSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: span.startTimeUnixNano,
    endTimeUnixNano: span.endTimeUnixNano,
    statusCode: span.status?.code ?? 0,
    statusMessage: span.status?.message ?? "",
    attributes: span.attributes,
    events: span.events,
    links: span.links,
  };
}

/** A span as the message has it. */
export function toSpanMessage(span: OtlpSpan): Message<"Span"> {
  const isUnset = span.statusCode === 0 && span.statusMessage === "";
  // Member by member: a spread with exceptions takes longer than to write the message.
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: span.startTimeUnixNano,
    endTimeUnixNano: span.endTimeUnixNano,
    attributes: span.attributes,
    events: span.events,
    links: span.links,
    status: isUnset ? undefined : { code: span.statusCode, message: span.statusMessage },
  };
}
