/**
 * An OTLP/HTTP protobuf request span by span: each span is decoded when it is asked for, so that it can be garbage before the next
 * one is there. Decoded at once, a request of 512 spans survives several collections of the young generation, and copying it took
 * half of the server's CPU.
 */
import { MAX_MESSAGES, type Message, messages } from "./messages.ts";
import { readMessage } from "./protobuf.ts";
import { ProtobufReader, WireType } from "./protobuf-reader.ts";
import { toSpan } from "./request.ts";
import type { Attributes, OtlpSpan, OtlpSpanGroups } from "./span.ts";

/** Tags of the fields that lead to the spans. */
const RESOURCE_SPANS = tagOf(messages.ExportTraceServiceRequest, "resourceSpans");
const RESOURCE = tagOf(messages.ResourceSpans, "resource");
const SCOPE_SPANS = tagOf(messages.ResourceSpans, "scopeSpans");
const SCOPE = tagOf(messages.ScopeSpans, "scope");
const SPANS = tagOf(messages.ScopeSpans, "spans");

/**
 * Reads an `ExportTraceServiceRequest` as `decodeExportRequest` does, but lazily: groups and spans are to be walked once and in order.
 *
 * @param body  protobuf bytes, already un-gzipped; must not change until the last span was read
 * @throws OTLP_MALFORMED with the byte offset, when the walk comes to the defect: spans before it have been given by then
 */
export function* streamExportRequest(body: Uint8Array): OtlpSpanGroups {
  const reader = new ProtobufReader(body);
  reader.countMessage(MAX_MESSAGES);
  for (const end of fields(reader, RESOURCE_SPANS, body.length)) {
    reader.countMessage(MAX_MESSAGES);
    yield* readResourceSpans(reader, end);
  }
}

function* readResourceSpans(reader: ProtobufReader, end: number): OtlpSpanGroups {
  const resource = readAhead<Attributes>(reader, end, RESOURCE, {}, (known, inner) => {
    const message = readMessage(reader, "Resource", inner, { attributes: known });
    return (message as Message<"Resource">).attributes;
  });
  for (const inner of fields(reader, SCOPE_SPANS, end)) {
    reader.countMessage(MAX_MESSAGES);
    const scope = readAhead<Message<"InstrumentationScope">>(reader, inner, SCOPE, NO_SCOPE, (known, scopeEnd) => {
      const message = readMessage(reader, "InstrumentationScope", scopeEnd, { ...known });
      return message as Message<"InstrumentationScope">;
    });
    yield { resource, scope, spans: readSpans(reader, inner) };
    // Whoever did not walk the spans has not moved the reader either.
    reader.skipTo(inner);
  }
}

const NO_SCOPE: Message<"InstrumentationScope"> = { name: "", version: "" };

function* readSpans(reader: ProtobufReader, end: number): Generator<OtlpSpan, void> {
  for (const inner of fields(reader, SPANS, end)) {
    // The walker fills exactly the fields of the table that the type is inferred from.
    yield toSpan(readMessage(reader, "Span", inner, undefined) as unknown as Message<"Span">);
  }
}

/** Stops behind the length of each field with this tag; gives where the field ends. What it holds is to be read before the next. */
function* fields(reader: ProtobufReader, wanted: number, end: number): Generator<number, void> {
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === wanted) yield reader.length(end);
    else reader.skip(tag & 7, end);
  }
}

/** Reads a field that may stand behind those that need it, or come in parts, and goes back to where it was. */
function readAhead<Value>(
  reader: ProtobufReader,
  end: number,
  wanted: number,
  absent: Value,
  read: (known: Value, end: number) => Value,
): Value {
  const start = reader.pos;
  let value = absent;
  for (const inner of fields(reader, wanted, end)) value = read(value, inner);
  reader.skipTo(start);
  return value;
}

function tagOf(table: Readonly<Record<number, { readonly name: string }>>, name: string): number {
  const field = Object.entries(table).find(([, known]) => known.name === name);
  if (field === undefined) throw new RangeError(`The message has no field ${name}.`);
  return Number(field[0]) * 8 + WireType.LENGTH;
}
