/**
 * Attribute values as JSON text, and back: what is stored of a span's attributes, and how its inputs and outputs are kept once.
 */
import { parseJson, RawJson } from "../json.ts";
import { setKey } from "../otlp/attributes.ts";
import { encodeBase64 } from "../otlp/base64.ts";
import type { Attributes, AttributeValue } from "../otlp/span.ts";
import { foreignEscapes, hasForeignEscapes, plainEscapes } from "./json-escapes.ts";
import type { Payload } from "./normalized-span.ts";
import { nestsDeeper } from "./parse-shallow.ts";

/**
 * The payload that an attribute holds.
 *
 * A string that is JSON (of any kind, also `42` or `"text"`) is kept as it is but for the spelling of its escapes; another string, also JSON nested more than 1,000
 * deep, becomes a JSON string; a structured value becomes its JSON.
 */
export function payloadFromAttribute(key: string, value: AttributeValue): Payload {
  if (typeof value !== "string") return { json: valueToJson(value), source: { key, form: "value" } };
  if (isJson(value)) return fromJsonText(key, value);
  return { json: JSON.stringify(value), source: { key, form: "string" } };
}

function fromJsonText(key: string, text: string): Payload {
  return spellPlainly({ json: text, source: { key, form: "text" } }).payload;
}

/**
 * A payload with its strings spelled as text search needs them.
 *
 * @returns `attribute`: the value of its source, as JSON text, if it cannot be told from the payload any more and must be kept beside it
 */
export function spellPlainly(given: Payload): { payload: Payload; attribute?: string } {
  if (!hasForeignEscapes(given.json)) return { payload: given };
  const { json, style } = plainEscapes(given.json);
  const { source } = given;
  if (json === given.json || source === undefined) return { payload: source ? { json, source } : { json } };
  if (style !== undefined) return { payload: { json, source: { ...source, escapes: style } } };
  return { payload: { json }, attribute: source.form === "text" ? JSON.stringify(given.json) : given.json };
}

/**
 * Attribute key → JSON text of its value. Integers keep all their digits, bytes become `{"bytesValue":"<base64>"}` and numbers
 * that JSON lacks the strings `"NaN"`, `"Infinity"`, `"-Infinity"`.
 *
 * @param omit  keys to leave out, because a payload holds their value
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding for bytes and numbers
 */
export function attributesToJson(attributes: Attributes, omit: Iterable<string> = []): Record<string, string> {
  const skipped = new Set(omit);
  const texts: Record<string, string> = {};
  for (const key of Object.keys(attributes)) {
    if (!skipped.has(key)) setKey(texts, key, valueToJson(attributes[key] ?? null));
  }
  return texts;
}

/**
 * The attributes as they came, ready for `stringifyJson`: the stored texts and those that went into payloads.
 *
 * @param stored  what {@link attributesToJson} gave
 */
export function restoreAttributes(
  stored: Readonly<Record<string, string>>,
  payloads: readonly (Payload | undefined)[],
): Record<string, RawJson> {
  const attributes: Record<string, RawJson> = {};
  for (const key of Object.keys(stored)) setKey(attributes, key, new RawJson(stored[key] ?? "null"));
  for (const payload of payloads) {
    if (!payload?.source) continue;
    const { key, form, escapes } = payload.source;
    const text = escapes === undefined ? payload.json : foreignEscapes(payload.json, escapes);
    // Of the three forms only `text` was a string whose JSON is not the payload itself.
    setKey(attributes, key, new RawJson(form === "text" ? JSON.stringify(text) : text));
  }
  return attributes;
}

/** The JSON text of an attribute value, by the rules of {@link attributesToJson}. */
export function valueToJson(value: AttributeValue): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case "bigint":
    case "boolean":
      return String(value);
    default:
      break;
  }
  if (value === null) return "null";
  if (value instanceof Uint8Array) return `{"bytesValue":"${encodeBase64(value)}"}`;
  if (Array.isArray(value)) return `[${value.map(valueToJson).join(",")}]`;
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${valueToJson(member)}`);
  return `{${members.join(",")}}`;
}

// How JSON can start (RFC 8259). Saves the cost of a thrown SyntaxError for nearly every plain text.
const JSON_START = /^[ \t\n\r]*(?:[[{"\d-]|true|false|null)/;

/** Levels of a payload; deeper ones are kept as text, because whoever shows them would exhaust the stack. */
const MAX_DEPTH = 1000;

/** Whether a string is a JSON text. */
function isJson(text: string): boolean {
  return JSON_START.test(text) && !nestsDeeper(text, MAX_DEPTH) && parseJson(text) !== undefined;
}
