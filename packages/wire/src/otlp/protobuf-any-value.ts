/**
 * AnyValue and its relatives in protobuf, read and written as JavaScript values without a message object in between: they are
 * most of the bytes of a span.
 *
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/common/v1/common.proto
 */
import { stringifyJson } from "../json.ts";
import { isList, setKey } from "./attributes.ts";
import { anyValue, keyValue, LIST_VALUES, MAX_VALUE_DEPTH } from "./messages.ts";
import { type ProtobufReader, WireType } from "./protobuf-reader.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import type { Attributes, AttributeValue } from "./span.ts";
import { Utf8Text } from "./utf8-text.ts";

/**
 * Reads a `KeyValue` up to `end` into `target`.
 *
 * @throws OTLP_MALFORMED with the byte offset, also when values are nested deeper than `MAX_VALUE_DEPTH`
 */
export function readKeyValue(reader: ProtobufReader, end: number, target: Attributes, depth: number): void {
  let key = "";
  let value: AttributeValue = null;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === keyValue.key * 8 + WireType.LENGTH) key = reader.key(reader.length(end));
    else if (tag === keyValue.value * 8 + WireType.LENGTH) value = readAnyValue(reader, reader.length(end), depth);
    else reader.skip(tag & 7, end);
  }
  setKey(target, key, value);
}

/** Tags of AnyValue, known when the module loads so that the switch below compares constants. */
const STRING = anyValue.stringValue * 8 + WireType.LENGTH;
const BOOL = anyValue.boolValue * 8 + WireType.VARINT;
const INT = anyValue.intValue * 8 + WireType.VARINT;
const DOUBLE = anyValue.doubleValue * 8 + WireType.FIXED64;
const ARRAY = anyValue.arrayValue * 8 + WireType.LENGTH;
const KVLIST = anyValue.kvlistValue * 8 + WireType.LENGTH;
const BYTES = anyValue.bytesValue * 8 + WireType.LENGTH;
const LIST_ITEM = LIST_VALUES * 8 + WireType.LENGTH;

function readAnyValue(reader: ProtobufReader, end: number, depth: number): AttributeValue {
  if (depth > MAX_VALUE_DEPTH) reader.fail(reader.pos, `attribute values are nested more than ${MAX_VALUE_DEPTH} deep`);
  let value: AttributeValue = null;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case STRING:
        value = reader.text(reader.length(end));
        break;
      case BOOL:
        value = reader.varint(end) !== 0;
        break;
      case INT:
        value = reader.int64(end);
        break;
      case DOUBLE:
        value = reader.double(end);
        break;
      case BYTES:
        value = reader.blob(reader.length(end));
        break;
      case ARRAY:
        value = readArray(reader, reader.length(end), depth + 1);
        break;
      case KVLIST:
        value = readKeyValueList(reader, reader.length(end), depth + 1);
        break;
      default:
        reader.skip(tag & 7, end);
    }
  }
  return value;
}

function readArray(reader: ProtobufReader, end: number, depth: number): AttributeValue[] {
  const items: AttributeValue[] = [];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === LIST_ITEM) items.push(readAnyValue(reader, reader.length(end), depth));
    else reader.skip(tag & 7, end);
  }
  return items;
}

function readKeyValueList(reader: ProtobufReader, end: number, depth: number): Attributes {
  const entries: Attributes = {};
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === LIST_ITEM) readKeyValue(reader, reader.length(end), entries, depth);
    else reader.skip(tag & 7, end);
  }
  return entries;
}

/** Writes a record as `repeated KeyValue` under a field number. */
export function writeKeyValues(
  writer: ProtobufWriter,
  number: number,
  entries: { readonly [key: string]: AttributeValue | Utf8Text },
  depth: number,
): void {
  const keys = Object.keys(entries);
  for (let i = keys.length - 1; i >= 0; i--) {
    const key = keys[i] as string; // 0 <= i < keys.length
    const outer = writer.written;
    writeAnyValue(writer, entries[key], depth);
    writer.close(keyValue.value, outer);
    const before = writer.written;
    writer.text(key);
    writer.close(keyValue.key, before);
    writer.close(number, outer);
  }
}

function writeAnyValue(writer: ProtobufWriter, value: AttributeValue | Utf8Text | undefined, depth: number): void {
  const before = writer.written;
  switch (typeof value) {
    case "string":
      writer.text(value);
      writer.close(anyValue.stringValue, before);
      return;
    case "boolean":
      writer.varint(value ? 1 : 0);
      writer.tag(anyValue.boolValue, WireType.VARINT);
      return;
    case "number":
      // -0 has no integer form.
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
        writer.int64(value);
        writer.tag(anyValue.intValue, WireType.VARINT);
      } else {
        writer.double(value);
        writer.tag(anyValue.doubleValue, WireType.FIXED64);
      }
      return;
    case "bigint":
      if (BigInt.asIntN(64, value) !== value) {
        writeAnyValue(writer, value.toString(), depth);
        return;
      }
      writer.int64(value);
      writer.tag(anyValue.intValue, WireType.VARINT);
      return;
    case "object":
      break;
    default:
      return;
  }
  if (value === null) return;
  if (value instanceof Utf8Text) {
    writer.chunks(value);
    writer.close(anyValue.stringValue, before);
  } else if (value instanceof Uint8Array) {
    writer.bytes(value);
    writer.close(anyValue.bytesValue, before);
  } else if (depth >= MAX_VALUE_DEPTH) {
    writeAnyValue(writer, stringifyJson(value), depth);
  } else if (isList(value)) {
    for (let i = value.length - 1; i >= 0; i--) {
      const inner = writer.written;
      writeAnyValue(writer, value[i], depth + 1);
      writer.close(LIST_VALUES, inner);
    }
    writer.close(anyValue.arrayValue, before);
  } else {
    writeKeyValues(writer, LIST_VALUES, value, depth + 1);
    writer.close(anyValue.kvlistValue, before);
  }
}
