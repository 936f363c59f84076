/**
 * OTLP/HTTP protobuf: reads and writes trace export requests and their responses by walking the tables of `messages.ts`.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#binary-protobuf-encoding
 */
import { MAX_MESSAGES, type Message, type MessageName, type MessageTable, messages } from "./messages.ts";
import { readKeyValue, writeKeyValues } from "./protobuf-any-value.ts";
import { ProtobufReader, WireType } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { toPartialSuccess, toRequestMessage, toSpanGroups, toSpanMessage } from "./request.ts";
import type {
  Attributes,
  AttributeValue,
  ExportTraceRequest,
  OtlpSpan,
  OtlpSpanGroup,
  PartialSuccess,
} from "./span.ts";
import { Utf8Text } from "./utf8-text.ts";

/**
 * Decodes an `ExportTraceServiceRequest`.
 *
 * Unknown fields are skipped, text that is not UTF-8 gets U+FFFD, ids are not checked (any length, "" when absent).
 *
 * @param body  protobuf bytes, already un-gzipped
 * @returns spans in wire order, one group for each (resource, scope); strings and bytes are copies, `body` is not kept
 * @throws OTLP_MALFORMED with the byte offset, if a length runs past its end, a number does not end, or values are nested too deep
 */
export function decodeExportRequest(body: Uint8Array): ExportTraceRequest {
  return toSpanGroups(decode("ExportTraceServiceRequest", body));
}

/**
 * Encodes groups of spans as an `ExportTraceServiceRequest`.
 *
 * Whole numbers within ±2^53 become `int_value`, other numbers `double_value`; bigints beyond 64 bits become decimal strings;
 * values nested deeper than receivers read become JSON text. Values must not be cyclic.
 */
export function encodeExportRequest(groups: ExportTraceRequest): Uint8Array {
  return encode("ExportTraceServiceRequest", toRequestMessage(groups));
}

/** A span whose texts may be UTF-8 already. */
export type EncodableSpan = Omit<OtlpSpan, "statusMessage" | "attributes" | "events" | "links"> & {
  readonly statusMessage: string | Utf8Text;
  readonly attributes: EncodableAttributes;
  readonly events: readonly (Omit<OtlpSpan["events"][number], "attributes"> & {
    readonly attributes: EncodableAttributes;
  })[];
  readonly links: readonly (Omit<OtlpSpan["links"][number], "attributes"> & {
    readonly attributes: EncodableAttributes;
  })[];
};

export type EncodableAttributes = Readonly<Record<string, AttributeValue | Utf8Text>>;

/**
 * Encodes one span as a `spans` field of `ScopeSpans`, to be put into a request by {@link encodeRequestOf}.
 *
 * @returns the field with its tag and length, in chunks; long texts that were UTF-8 already are among them, not copied
 */
export function encodeSpanField(span: EncodableSpan): Uint8Array[] {
  const writer = spanWriter ?? new ProtobufWriter();
  // Comes back when all went well: one that is half written must not be used again, nor one that has grown keep its memory.
  spanWriter = undefined;
  // The writers take a Utf8Text wherever the tables say `string` or `attributes`.
  writeMessage(writer, "Span", toSpanMessage(span as OtlpSpan) as Readonly<Record<string, unknown>>);
  writer.close(SPANS, 0);
  const chunks = writer.finishChunks();
  if (writer.size <= MAX_KEPT_BYTES) spanWriter = writer;
  return chunks;
}

/**
 * An `ExportTraceServiceRequest` of one resource and scope around spans that are encoded.
 *
 * @param fields  what {@link encodeSpanField} gave, span after span
 * @returns the request in chunks
 */
export function encodeRequestOf(
  { resource, scope }: Omit<OtlpSpanGroup, "spans">,
  fields: readonly Uint8Array[],
): Uint8Array[] {
  const writer = new ProtobufWriter();
  writer.chunks({ chunks: fields });
  writeMessage(writer, "ScopeSpans", { scope, spans: NONE });
  writer.close(SCOPE_SPANS, 0);
  writeMessage(writer, "ResourceSpans", { resource: { attributes: resource }, scopeSpans: NONE });
  writer.close(RESOURCE_SPANS, 0);
  return writer.finishChunks();
}

/** Encodes an `ExportTraceServiceResponse`: zero bytes when every span was accepted. */
export function encodeExportResponse(partial?: PartialSuccess): Uint8Array {
  return encode("ExportTraceServiceResponse", { partialSuccess: partial });
}

/**
 * Decodes an `ExportTraceServiceResponse`.
 *
 * @returns undefined when every span was accepted and there is no warning
 * @throws OTLP_MALFORMED with the byte offset
 */
export function decodeExportResponse(body: Uint8Array): PartialSuccess | undefined {
  return toPartialSuccess(decode("ExportTraceServiceResponse", body));
}

/** A field of a table with what the walkers need at hand. */
interface PlannedField {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly repeated: boolean;
  /** Wire type of the field; with another one it is an unknown field. */
  readonly wireType: number;
  /** proto3 default; not written, and what an absent field reads as. */
  readonly absent: unknown;
}
interface Plan {
  /** Index = field number. */
  readonly fields: readonly (PlannedField | undefined)[];
  /** A message without fields. */
  readonly empty: Readonly<Record<string, unknown>>;
}

const NONE: readonly never[] = Object.freeze([]);
const scalars: Readonly<Record<string, { readonly wireType: number; readonly absent: unknown }>> = {
  string: { wireType: WireType.LENGTH, absent: "" },
  id: { wireType: WireType.LENGTH, absent: "" },
  fixed64: { wireType: WireType.FIXED64, absent: 0n },
  int64: { wireType: WireType.VARINT, absent: 0 },
  SpanKind: { wireType: WireType.VARINT, absent: 0 },
  StatusCode: { wireType: WireType.VARINT, absent: 0 },
  attributes: { wireType: WireType.LENGTH, absent: undefined },
};

function planOf(table: MessageTable): Plan {
  const fields: (PlannedField | undefined)[] = [];
  const empty: Record<string, unknown> = {};
  for (const [key, { name, type, repeated = false }] of Object.entries(table)) {
    const { wireType, absent } = scalars[type] ?? { wireType: WireType.LENGTH, absent: repeated ? NONE : undefined };
    fields[Number(key)] = { number: Number(key), name, type, repeated, wireType, absent };
    empty[name] = absent;
  }
  return { fields, empty };
}

const plans: Readonly<Record<string, Plan>> = Object.fromEntries(
  Object.entries(messages).map(([name, table]) => [name, planOf(table)]),
);

// One for all spans: to make one takes longer than to write a small span.
let spanWriter: ProtobufWriter | undefined;
const MAX_KEPT_BYTES = 1024 * 1024;

function fieldNumber<M extends MessageName>(message: M, name: keyof Message<M>): number {
  const [number] = Object.entries(messages[message] as MessageTable).find(([, field]) => field.name === name) ?? [];
  return Number(number);
}

const RESOURCE_SPANS = fieldNumber("ExportTraceServiceRequest", "resourceSpans");
const SCOPE_SPANS = fieldNumber("ResourceSpans", "scopeSpans");
const SPANS = fieldNumber("ScopeSpans", "spans");

function decode<M extends MessageName>(name: M, body: Uint8Array): Message<M> {
  const reader = new ProtobufReader(body);
  // The walker fills exactly the fields of the table that the type is inferred from.
  return readMessage(reader, name, body.length, undefined) as Message<M>;
}

/**
 * Reads a message of a table up to `end`.
 *
 * @param known  the message so far: a message field that comes twice is merged, as protobuf wants it
 * @returns a record of the table's fields
 * @throws OTLP_MALFORMED with the byte offset
 */
export function readMessage(
  reader: ProtobufReader,
  name: string,
  end: number,
  known: Record<string, unknown> | undefined,
): Record<string, unknown> {
  const { fields, empty } = plans[name] as Plan; // names come from the tables
  reader.countMessage(MAX_MESSAGES);
  const message = known ?? { ...empty };
  if ("attributes" in message) message["attributes"] ??= {};
  while (reader.pos < end) {
    const tag = reader.tag(end);
    const field = fields[tag >>> 3];
    if (field === undefined || field.wireType !== (tag & 7)) {
      reader.skip(tag & 7, end);
      continue;
    }
    const key = field.name;
    switch (field.type) {
      case "string":
        message[key] = reader.key(reader.length(end));
        break;
      case "id":
        message[key] = reader.hex(reader.length(end));
        break;
      case "fixed64":
        message[key] = reader.fixed64(end);
        break;
      case "int64":
        message[key] = reader.int64(end);
        break;
      case "SpanKind":
      case "StatusCode":
        message[key] = reader.int32(end);
        break;
      case "attributes":
        // Created above; only attribute records are kept under a field of this type.
        readKeyValue(reader, reader.length(end), message[key] as Attributes, 0);
        break;
      default: {
        const inner = reader.length(end);
        if (field.repeated) {
          const item = readMessage(reader, field.type, inner, undefined);
          if (message[key] === NONE) message[key] = [item];
          else (message[key] as unknown[]).push(item); // an array since the first item
        } else {
          message[key] = readMessage(reader, field.type, inner, message[key] as Record<string, unknown> | undefined);
        }
      }
    }
  }
  return message;
}

function encode<M extends MessageName>(name: M, message: Message<M>): Uint8Array {
  const writer = new ProtobufWriter();
  // A message is a record of its table's fields.
  writeMessage(writer, name, message as Readonly<Record<string, unknown>>);
  return writer.finish();
}

/** Writes the fields from last to first, so that the bytes come out in order of the field numbers. */
function writeMessage(writer: ProtobufWriter, name: string, message: Readonly<Record<string, unknown>>): void {
  const { fields } = plans[name] as Plan; // names come from the tables
  for (let number = fields.length - 1; number > 0; number--) {
    const field = fields[number];
    if (field === undefined) continue;
    const value = message[field.name];
    if (value === undefined || value === field.absent) continue;
    if (field.repeated) {
      const items = value as readonly Readonly<Record<string, unknown>>[]; // the table says so
      for (let i = items.length - 1; i >= 0; i--) writeField(writer, field, items[i]);
    } else {
      writeField(writer, field, value);
    }
  }
}

/** The table's type names the JavaScript type of the value (`ScalarValues`), hence the casts. */
function writeField(writer: ProtobufWriter, { number, type, wireType }: PlannedField, value: unknown): void {
  const before = writer.written;
  switch (type) {
    case "string":
      if (value instanceof Utf8Text) writer.chunks(value);
      else writer.text(value as string);
      break;
    case "id":
      writer.hex(value as string);
      break;
    case "fixed64":
      writer.fixed64(value as bigint);
      break;
    case "int64":
    case "SpanKind":
    case "StatusCode":
      writer.int64(value as number | bigint);
      break;
    case "attributes":
      writeKeyValues(writer, number, value as Attributes, 0);
      return;
    default:
      writeMessage(writer, type, value as Readonly<Record<string, unknown>>);
  }
  if (wireType === WireType.LENGTH) writer.close(number, before);
  else writer.tag(number, wireType);
}
