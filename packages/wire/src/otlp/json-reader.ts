/**
 * Reads single values of OTLP/JSON and knows where they are, for a message that names the field.
 *
 * @see https://protobuf.dev/programming-guides/json/
 */
import { SightlineError } from "../errors.ts";
import { preview } from "../json.ts";
import { decodeBase64 } from "./base64.ts";
import { MAX_MESSAGES } from "./messages.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Where the walker is: keys and indexes from the top to the value being read, and how many messages it has met. */
export class Path {
  readonly #steps: (string | number)[] = [];
  #messages = 0;

  push(step: string | number): void {
    this.#steps.push(step);
  }

  pop(): void {
    this.#steps.pop();
  }

  countMessage(): void {
    this.#messages += 1;
    if (this.#messages > MAX_MESSAGES) fail(this, `is one of more than ${MAX_MESSAGES} spans, events and links`);
  }

  toString(): string {
    const text = this.#steps.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
    return text.startsWith(".") ? text.slice(1) : text;
  }
}

/** @throws OTLP_MALFORMED if `value` is not an object; so do the functions below for their types */
export function asObject(value: unknown, path: Path): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  return fail(path, `must be an object, not ${show(value)}`);
}

/** An absent array is an empty one. */
export function asArray(value: unknown, path: Path): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : fail(path, `must be an array, not ${show(value)}`);
}

/** Text as it is. */
export function asString(value: unknown, path: Path): string {
  return typeof value === "string" ? value : fail(path, `must be a string, not ${show(value)}`);
}

/** `true` or `false`; proto3 JSON has no other spelling. */
export function asBoolean(value: unknown, path: Path): boolean {
  return typeof value === "boolean" ? value : fail(path, `must be true or false, not ${show(value)}`);
}

/** proto3 JSON writes the values that JSON lacks as strings, and numbers may be strings too. */
export function asDouble(value: unknown, path: Path): number {
  if (typeof value === "number") return value;
  if (typeof value === "string" && value.trim() !== "") {
    const number = Number(value);
    if (!Number.isNaN(number) || value === "NaN") return number;
  }
  return fail(path, `must be a number, not ${show(value)}`);
}

export const MIN_INT64 = -(2n ** 63n);
export const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

/** A whole number or its decimal digits; bigint only if it is not a safe integer. */
export function asInt64(value: unknown, path: Path): number | bigint {
  if (Number.isSafeInteger(value)) return value as number;
  // OpenTelemetry's own JSON serializer sends every whole double as intValue, also 1e300
  if (Number.isInteger(value) && (Number(value) >= 2 ** 63 || Number(value) < -(2 ** 63))) return value as number;
  const exact = asInteger(value, path);
  if (exact < MIN_INT64 || exact > MAX_INT64) fail(path, `does not fit in 64 bits: ${show(value)}`);
  const rounded = Number(exact);
  return Number.isSafeInteger(rounded) ? rounded : exact;
}

/** A whole number from 0 to 2^64 - 1 or its decimal digits. */
export function asUint64(value: unknown, path: Path): bigint {
  const exact = asInteger(value, path);
  if (exact < 0n || exact > MAX_UINT64) fail(path, `does not fit in 64 bits without a sign: ${show(value)}`);
  return exact;
}

function asInteger(value: unknown, path: Path): bigint {
  // 20 digits are enough for 64 bits; longer ones would only cost time.
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  return fail(path, `must be a whole number, not ${show(value)}`);
}

/** A number, or the index of a name. Numbers that this version does not know pass. */
export function asEnum(value: unknown, names: readonly string[], path: Path): number {
  if (Number.isInteger(value)) return value as number;
  const index = typeof value === "string" ? names.indexOf(value) : -1;
  if (index >= 0) return index;
  return fail(path, `must be a number or one of ${names.join(", ")}, not ${show(value)}`);
}

/** Bytes from base64. */
export function asBytes(value: unknown, path: Path): Uint8Array {
  const bytes = typeof value === "string" ? decodeBase64(value) : undefined;
  return bytes ?? fail(path, `must be base64, not ${show(value)}`);
}

/** @throws OTLP_MALFORMED that names the field at `path` */
export function fail(path: Path, what: string): never {
  const place = path.toString();
  throw new SightlineError(
    "OTLP_MALFORMED",
    `The body is not an OTLP trace export request in JSON: ${place || "the whole"} ${what}. See https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.`,
    { details: { path: place } },
  );
}

/** A value for a message. Objects are only named: they may be of any size and depth. */
function show(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "object") return Array.isArray(value) ? "an array" : "an object";
  return preview(JSON.stringify(value) ?? typeof value, 60);
}
