/**
 * Values of attributes, as a span record keeps them.
 */
import { type Snapshot, takeSnapshot } from "../capture/serialize.ts";
import { PREVIEW_LIMITS } from "../overhead/guard.ts";
import { overhead } from "../overhead/meter.ts";
import { bytesOf, isSnapshot, type RecordValue } from "./span-record.ts";

/** Longer lists are rare and better read as JSON text; short ones stay lists, which filters and charts can use. */
const MAX_LIST = 1000;
/** Longer texts are cut: the server takes requests of 64 MiB. */
const MAX_TEXT = 16 * 1024 * 1024;

/** Names of attributes and events above it are cut; the server's own bound is 4,096. */
const MAX_KEY_CHARS = 1000;
/** A Map's entry and the key's header. */
const ENTRY_BYTES = 40;

/**
 * Any value as an attribute of a span: strings, numbers, booleans and lists of one of these as they are (lists copied), dates as
 * ISO text, bigints as numbers or decimal text; everything else as a snapshot, which becomes JSON text.
 *
 * @returns undefined for undefined: nothing to set
 */
export function toRecordValue(value: unknown): RecordValue | undefined {
  switch (typeof value) {
    case "string":
      return value.length <= MAX_TEXT ? value : snapshotOf(value);
    case "number":
    case "boolean":
      return value;
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case "undefined":
      return undefined;
    default:
      if (isPlainList(value)) return value.slice() as readonly string[];
      return value instanceof Date ? dateText(value) : snapshotOf(value);
  }
}

/** A snapshot, cut to 1 KB while the overhead guard asks for it. */
export function snapshotOf(value: unknown): Snapshot {
  return overhead.mode === "full" ? takeSnapshot(value) : takeSnapshot(value, PREVIEW_LIMITS);
}

/** What has a weight and counts its cuts: a span record. */
export interface Holder {
  bytes: number;
  truncations: number;
}

/**
 * Sets an attribute, and keeps the holder's weight and its count of cuts.
 *
 * @param maxCount  further keys are left out and counted as truncations; keys that are there can be set anew
 */
export function putRecordValue(
  holder: Holder,
  attributes: Map<string, RecordValue>,
  fullKey: string,
  value: RecordValue,
  maxCount: number,
): void {
  const key = cutName(fullKey);
  const before = attributes.get(key);
  if (before !== undefined) holder.bytes -= bytesOf(before);
  else if (attributes.size >= maxCount) {
    holder.truncations += 1;
    return;
  } else holder.bytes += key.length + ENTRY_BYTES;
  holder.bytes += bytesOf(value);
  if (typeof value === "object" && isSnapshot(value)) holder.truncations += value.truncations;
  attributes.set(key, value);
}

/** A name as text, at most 1,000 characters of it. */
export function cutName(name: unknown): string {
  const text = typeof name === "string" ? name : String(name);
  return text.length <= MAX_KEY_CHARS ? text : text.slice(0, MAX_KEY_CHARS);
}

function isPlainList(value: unknown): value is readonly (string | number | boolean)[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_LIST) return false;
  const type = typeof value[0];
  if (type !== "string" && type !== "number" && type !== "boolean") return false;
  for (const item of value) if (typeof item !== type) return false;
  return true;
}

function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? "Invalid Date" : date.toISOString();
}
