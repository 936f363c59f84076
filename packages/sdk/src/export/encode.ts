/**
 * Spans as OTLP has them, and requests made of them.
 */
import {
  type EncodableAttributes,
  type EncodableSpan,
  encodeRequestOf,
  encodeSpanField,
} from "@sightline/wire/otlp/protobuf";
import type { Attributes, AttributeValue } from "@sightline/wire/otlp/span";
import type { Utf8Text } from "@sightline/wire/otlp/utf8-text";
import type { SpanRecord } from "../tracing/span-record.ts";
import type { PreparedSpan } from "./prepared-span.ts";

/** A value that can be written. */
export type EncodedValue = AttributeValue | Utf8Text;
export type EncodedAttributes = Record<string, EncodedValue>;

/** The parts of a span that hold the program's data, masked and encoded. */
export interface EncodedParts {
  readonly name: string;
  readonly statusMessage: string | Utf8Text;
  readonly attributes: EncodedAttributes;
  /** In the order of the record's events. */
  readonly events: readonly { readonly name: string; readonly attributes: EncodedAttributes }[];
  /** In the order of the record's links. */
  readonly links: readonly EncodedAttributes[];
}

/** A span as a `spans` field of `ScopeSpans`, in chunks. */
export function encodeSpan(record: SpanRecord, { attributes, events, links, ...texts }: EncodedParts): Uint8Array[] {
  const span: EncodableSpan = {
    traceId: record.traceId,
    spanId: record.spanId,
    parentSpanId: record.parentSpanId,
    kind: record.kind,
    startTimeUnixNano: toNanos(record.startMs),
    endTimeUnixNano: record.endMs === undefined ? 0n : toNanos(record.endMs),
    statusCode: record.statusCode,
    ...texts,
    attributes,
    events: events.map((event, index) => ({ ...event, timeUnixNano: toNanos(record.events[index]?.timeMs ?? 0) })),
    links: links.map((link, index) => ({
      traceId: record.links[index]?.traceId ?? "",
      spanId: record.links[index]?.spanId ?? "",
      attributes: link as EncodableAttributes,
    })),
  };
  return encodeSpanField(span);
}

/**
 * An export request of spans that go to one experiment.
 *
 * @param resource  attributes of who sends
 * @returns protobuf bytes in chunks, uncompressed
 */
export function requestOf(
  resource: Attributes,
  scope: { readonly name: string; readonly version: string },
  spans: readonly PreparedSpan[],
): Uint8Array[] {
  return encodeRequestOf(
    { resource, scope },
    spans.flatMap(({ bytes }) => bytes),
  );
}

/** In two parts: nanoseconds of today are beyond the 53 bits of a double. */
function toNanos(ms: number): bigint {
  const whole = Math.floor(ms);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6));
}
