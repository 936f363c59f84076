/**
 * OTLP/HTTP JSON: reads and writes trace export requests and their responses by walking the tables of `messages.ts`.
 *
 * It is proto3 JSON with two exceptions: ids are hex, and enums are written as numbers. On input both lowerCamelCase and the
 * snake_case of the .proto files are read, 64-bit integers as strings or numbers, enums as numbers or names.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 * @see https://protobuf.dev/programming-guides/json/
 */
import { stringifyJson } from "../json.ts";
import { isList, setKey } from "./attributes.ts";
import { encodeBase64 } from "./base64.ts";
import {
  asArray,
  asBoolean,
  asBytes,
  asDouble,
  asEnum,
  asInt64,
  asObject,
  asString,
  asUint64,
  fail,
  type JsonObject,
  MAX_INT64,
  MIN_INT64,
  Path,
} from "./json-reader.ts";
import { enumNames, MAX_VALUE_DEPTH, type Message, type MessageName, type MessageTable, messages } from "./messages.ts";
import { toPartialSuccess, toRequestMessage, toSpanGroups } from "./request.ts";
import type { Attributes, AttributeValue, ExportTraceRequest, PartialSuccess } from "./span.ts";

/**
 * Decodes an `ExportTraceServiceRequest` in JSON.
 *
 * Unknown fields are skipped, ids are lower-cased but not checked, `null` counts as absent.
 *
 * @param body  what `JSON.parse` gave
 * @throws OTLP_MALFORMED with the path of the field, e.g. `resourceSpans[0].scopeSpans[0].spans[2].startTimeUnixNano`
 */
export function decodeExportRequestJson(body: unknown): ExportTraceRequest {
  return toSpanGroups(decode("ExportTraceServiceRequest", body));
}

/** Encodes groups of spans as an `ExportTraceServiceRequest` in JSON; the same values as in protobuf become integers. */
export function encodeExportRequestJson(groups: ExportTraceRequest): string {
  return encode("ExportTraceServiceRequest", toRequestMessage(groups));
}

/** Encodes an `ExportTraceServiceResponse` in JSON: `{}` when every span was accepted. */
export function encodeExportResponseJson(partial?: PartialSuccess): string {
  return encode("ExportTraceServiceResponse", { partialSuccess: partial });
}

/**
 * Decodes an `ExportTraceServiceResponse` in JSON.
 *
 * @param body  what `JSON.parse` gave
 * @returns undefined when every span was accepted and there is no warning
 * @throws OTLP_MALFORMED with the path of the field
 */
export function decodeExportResponseJson(body: unknown): PartialSuccess | undefined {
  return toPartialSuccess(decode("ExportTraceServiceResponse", body));
}

function decode<M extends MessageName>(name: M, body: unknown): Message<M> {
  const path = new Path();
  // The walker fills exactly the fields of the table that the type is inferred from.
  return readMessage(name, asObject(body, path), path) as Message<M>;
}

function readMessage(name: string, source: JsonObject, path: Path): Record<string, unknown> {
  path.countMessage();
  const message: Record<string, unknown> = {};
  for (const { name: key, type, repeated } of fieldsOf(name)) {
    const value = member(source, key);
    path.push(key);
    if (repeated) {
      message[key] = asArray(value, path).map((item, i) => {
        path.push(i);
        const read = readMessage(type, asObject(item, path), path);
        path.pop();
        return read;
      });
    } else {
      message[key] = readField(type, value, path);
    }
    path.pop();
  }
  return message;
}

function readField(type: string, value: unknown, path: Path): unknown {
  switch (type) {
    case "string":
      return value === undefined ? "" : asString(value, path);
    case "id":
      return value === undefined ? "" : asString(value, path).toLowerCase();
    case "fixed64":
      return value === undefined ? 0n : asUint64(value, path);
    case "int64":
      return value === undefined ? 0 : asInt64(value, path);
    case "SpanKind":
    case "StatusCode":
      return value === undefined ? 0 : asEnum(value, enumNames[type], path);
    case "attributes":
      return readKeyValues(value, path, 0);
    default:
      return value === undefined ? undefined : readMessage(type, asObject(value, path), path);
  }
}

function readKeyValues(value: unknown, path: Path, depth: number): Attributes {
  const entries: Attributes = {};
  for (const [i, item] of asArray(value, path).entries()) {
    path.push(i);
    const pair = asObject(item, path);
    const key = member(pair, "key");
    path.push("key");
    const name = key === undefined ? "" : asString(key, path);
    path.pop();
    path.push("value");
    setKey(entries, name, readAnyValue(member(pair, "value"), path, depth));
    path.pop();
    path.pop();
  }
  return entries;
}

/** The last variant that is present wins; senders send one. */
function readAnyValue(value: unknown, path: Path, depth: number): AttributeValue {
  if (value === undefined) return null;
  if (depth > MAX_VALUE_DEPTH) fail(path, `is nested more than ${MAX_VALUE_DEPTH} deep`);
  const source = asObject(value, path);
  let result: AttributeValue = null;
  for (const [variant, read] of Object.entries(variants)) {
    const content = member(source, variant);
    if (content === undefined) continue;
    path.push(variant);
    result = read(content, path, depth);
    path.pop();
  }
  return result;
}

const variants: Readonly<Record<string, (value: unknown, path: Path, depth: number) => AttributeValue>> = {
  stringValue: asString,
  boolValue: asBoolean,
  intValue: asInt64,
  doubleValue: asDouble,
  bytesValue: asBytes,
  arrayValue: (value, path, depth) => {
    path.push("values");
    const items = asArray(member(asObject(value, path), "values"), path).map((item, i) => {
      path.push(i);
      const read = readAnyValue(item ?? undefined, path, depth + 1);
      path.pop();
      return read;
    });
    path.pop();
    return items;
  },
  kvlistValue: (value, path, depth) => {
    path.push("values");
    const entries = readKeyValues(member(asObject(value, path), "values"), path, depth + 1);
    path.pop();
    return entries;
  },
};

/** A field by its lowerCamelCase or snake_case name; `null` counts as absent. */
function member(source: JsonObject, name: string): unknown {
  if (Object.hasOwn(source, name)) return source[name] ?? undefined;
  const snake = snakeCase(name);
  return Object.hasOwn(source, snake) ? (source[snake] ?? undefined) : undefined;
}

const snakeNames = new Map<string, string>();
function snakeCase(name: string): string {
  let snake = snakeNames.get(name);
  if (snake === undefined) {
    snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    snakeNames.set(name, snake); // names come from the tables, so the map stays small
  }
  return snake;
}

function fieldsOf(name: string): MessageTable[number][] {
  return Object.values((messages as Readonly<Record<string, MessageTable>>)[name] ?? {});
}

function encode<M extends MessageName>(name: M, message: Message<M>): string {
  // A message is a record of its table's fields.
  return JSON.stringify(writeMessage(name, message as JsonObject));
}

/** Fields with proto3's default are left out. */
function writeMessage(name: string, message: JsonObject): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const { name: key, type, repeated } of fieldsOf(name)) {
    const value = message[key];
    if (value === undefined || value === "" || value === 0 || value === 0n) continue;
    if (type === "attributes") {
      result[key] = writeKeyValues(value as Attributes, 0); // the table says so
    } else if (repeated) {
      result[key] = (value as readonly JsonObject[]).map((item) => writeMessage(type, item)); // the table says so
    } else if (typeof value === "object") {
      result[key] = writeMessage(type, value as JsonObject);
    } else {
      // fixed64 and int64 are strings in proto3 JSON; enums stay numbers
      result[key] = type === "fixed64" || type === "int64" ? String(value) : value;
    }
  }
  return result;
}

function writeKeyValues(entries: { readonly [key: string]: AttributeValue }, depth: number): unknown[] {
  return Object.entries(entries).map(([key, value]) => ({ key, value: writeAnyValue(value, depth) }));
}

function writeAnyValue(value: AttributeValue, depth: number): Record<string, unknown> {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "number":
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) return { intValue: String(value) };
      return { doubleValue: toJsonDouble(value) };
    case "bigint":
      if (value >= MIN_INT64 && value <= MAX_INT64) return { intValue: value.toString() };
      return { stringValue: value.toString() };
    case "object":
      break;
    default:
      return {};
  }
  if (value === null) return {};
  if (value instanceof Uint8Array) return { bytesValue: encodeBase64(value) };
  if (depth >= MAX_VALUE_DEPTH) return { stringValue: stringifyJson(value) };
  if (isList(value)) return { arrayValue: { values: value.map((item) => writeAnyValue(item, depth + 1)) } };
  return { kvlistValue: { values: writeKeyValues(value, depth + 1) } };
}

/** Numbers that `JSON.stringify` would write as 0 or null are strings, as proto3 JSON has it. */
function toJsonDouble(value: number): number | string {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? value : String(value);
}
