/**
 * Small questions about JSON values of unknown shape.
 */
import { parseJson } from "@sightline/wire/json";

export type JsonRecord = Readonly<Record<string, unknown>>;

/** Whether a value is an object with keys: not null, not an array. */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The first of some fields that is a string. */
export function stringOf(record: JsonRecord, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = record[key];
    if (typeof value === "string") return value;
  }
  return undefined;
}

/** The first of some fields that is there and not null. */
export function fieldOf(record: JsonRecord, ...keys: readonly string[]): unknown {
  return keys.map((key) => record[key]).find((value) => value !== undefined && value !== null);
}

/** What a text that holds a JSON object or array means; the text itself otherwise. Numbers and words stay text. */
export function unfoldJson(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[{[]/.test(value)) return value;
  return parseJson(value) ?? value;
}
