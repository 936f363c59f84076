/**
 * JSON text → what people read in it, and search for.
 */
import { parseJson, preview, RawJson, stringifyJson } from "../json.ts";

const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|(.))/gs;
const CONTROLS: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };

/**
 * The text of a payload: its JSON text, in which escapes stand for their characters (`\n`, `\"`, `\u00e9`).
 *
 * Names, brackets and quotes of the JSON stay, so that `"city": "Rome"` is found as it is seen.
 */
export function payloadText(json: string): string {
  if (!json.includes("\\")) return json;
  return json.replace(ESCAPE, (_, hex: string | undefined, char: string | undefined) =>
    hex !== undefined ? String.fromCharCode(Number.parseInt(hex, 16)) : (CONTROLS[char ?? ""] ?? char ?? ""),
  );
}

/**
 * The text that the value of an attribute is compared as: a string itself, anything else its JSON text.
 *
 * @param json  JSON text
 */
export function valueText(json: string): string {
  return json.startsWith('"') ? payloadText(json.slice(1, -1)) : json;
}

/** Filters compare short texts; the whole value is kept beside. */
const MAX_COMPARED_CHARS = 4096;

/**
 * The text that the value of an assessment is compared as: `true`, `5`, the bare text of a string; JSON text of lists and objects.
 * Integers keep their digits.
 *
 * @param json  JSON text; "" when there is no value
 */
export function comparedText(json: string): string {
  if (json === "") return "";
  const parsed = parseJson(json);
  if (typeof parsed === "string") return preview(parsed, MAX_COMPARED_CHARS);
  // 5.0 and 5 are one number to whoever compares; a number that a double cannot hold is compared by its digits.
  if (typeof parsed === "number" && (!Number.isInteger(parsed) || Number.isSafeInteger(parsed))) return String(parsed);
  return preview(json, MAX_COMPARED_CHARS);
}

/** The number that a value is compared as; undefined for all that is no JSON number, also numbers in quotes. */
export function valueNumber(json: string): number | undefined {
  const value = /^[-\d]/.test(json) ? parseJson(json) : undefined;
  return typeof value === "number" ? value : undefined;
}

/** JSON text of the value of an assessment, which may be a {@link RawJson}; undefined when there is none. */
export function valueJson(value: unknown): string | undefined {
  const json = value instanceof RawJson ? value.text : stringifyJson(value);
  return value === undefined || json === "null" ? undefined : json;
}
