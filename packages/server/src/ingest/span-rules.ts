/**
 * What a span must be to be kept. A span that breaks a rule is refused alone; the rest of its request is kept.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#partial-success-1
 */
import { isOtelTraceId, isSpanId } from "@sightline/wire/ids";
import type { OtlpSpan } from "@sightline/wire/otlp/span";

/** What the rules look at. */
export type SpanUnderRules = Pick<
  OtlpSpan,
  "traceId" | "spanId" | "parentSpanId" | "name" | "startTimeUnixNano" | "endTimeUnixNano"
> & {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly unknown[];
  readonly links: readonly unknown[];
};

/** Says why the span is refused; undefined if the rule holds. */
type Rule = (span: SpanUnderRules) => string | undefined;

/** 2106: the telemetry store sorts by 32-bit seconds. Later times are broken clocks or other units. */
const MAX_UNIX_NANO = 4_294_967_295_999_999_999n;
const MAX_NAME_CHARS = 4096;
/** OpenInference writes a message list as thousands of flat attributes; above this it is a defect of the sender. */
const MAX_ATTRIBUTES = 20_000;
/** A streamed answer is one event for each chunk. */
const MAX_EVENTS = 50_000;
const MAX_LINKS = 10_000;

/** The rules, in the order they are tried. */
const rules: readonly Rule[] = [
  (span) =>
    isOtelTraceId(span.traceId) ? undefined : `trace id "${show(span.traceId)}" is not 32 hex digits, not all 0`,
  (span) => (isSpanId(span.spanId) ? undefined : `span id "${show(span.spanId)}" is not 16 hex digits, not all 0`),
  (span) =>
    isRoot(span) || isSpanId(span.parentSpanId)
      ? undefined
      : `parent span id "${show(span.parentSpanId)}" is not 16 hex digits`,
  (span) => (span.parentSpanId === span.spanId ? "it names itself as its parent" : undefined),
  (span) =>
    span.startTimeUnixNano > 0n && span.startTimeUnixNano <= MAX_UNIX_NANO
      ? undefined
      : `start time ${span.startTimeUnixNano} is not in nanoseconds since 1970, or is after 2106`,
  (span) =>
    span.endTimeUnixNano >= 0n && span.endTimeUnixNano <= MAX_UNIX_NANO
      ? undefined
      : `end time ${span.endTimeUnixNano} is not in nanoseconds since 1970, or is after 2106`,
  (span) => overLimit(span.name.length, MAX_NAME_CHARS, "characters in its name"),
  (span) => overLimit(Object.keys(span.attributes).length, MAX_ATTRIBUTES, "attributes"),
  (span) => overLimit(span.events.length, MAX_EVENTS, "events"),
  (span) => overLimit(span.links.length, MAX_LINKS, "links"),
];

/** Why a span cannot be kept, as the end of a sentence; undefined if it can. */
export function refusalOf(span: SpanUnderRules): string | undefined {
  for (const rule of rules) {
    const reason = rule(span);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Whether the span has no parent. Some senders write the absent parent as zeros. */
export function isRoot(span: Pick<OtlpSpan, "parentSpanId">): boolean {
  return span.parentSpanId === "" || span.parentSpanId === "0000000000000000";
}

function overLimit(count: number, limit: number, unit: string): string | undefined {
  return count > limit ? `it has ${count} ${unit}, the limit is ${limit}` : undefined;
}

function show(id: string): string {
  return id.slice(0, 40);
}
