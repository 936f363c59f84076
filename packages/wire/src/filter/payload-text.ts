/**
 * JSON text → what people read in it, and search for.
 */
import { parseJson, RawJson, stringifyJson } from "../json.ts";

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
 * The text that the value of an attribute or assessment is compared as: a string itself, anything else its JSON text.
 *
 * @param json  JSON text
 */
export function valueText(json: string): string {
  return json.startsWith('"') ? payloadText(json.slice(1, -1)) : json;
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
