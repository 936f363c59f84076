/**
 * The query string of a page: plain text values, read by a schema, unknown parameters kept.
 *
 * The router's own codec writes values as JSON; ours leaves `q=status = 'ERROR'` as text, so that a link can be read and edited.
 */
import type * as z from "zod/mini";

/** Parameters as they stand in the URL. */
export type RawSearch = { readonly [name: string]: string | undefined };

/** `?a=b&c` → `{ a: "b", c: "" }`; of a name that stands twice the last one counts. */
export function parseQuery(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

/** Characters that need no escape in a query and are easier to read without one. */
const READABLE: Readonly<Record<string, string>> = { "%20": "+", "%3A": ":", "%2C": ",", "%2F": "/", "%40": "@" };

/** `{ a: "b" }` → `?a=b`; parameters that are undefined are left out; nothing left gives `""`. */
export function writeQuery(search: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(search)
    .filter((entry): entry is [string, string] => typeof entry[1] === "string")
    .map(([name, value]) => `${escapeText(name)}=${escapeText(value)}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

function escapeText(text: string): string {
  // A lone surrogate (half a character, from a careless cut) cannot be escaped; U+FFFD stands for it.
  return encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, "\ufffd")).replaceAll(
    /%20|%3A|%2C|%2F|%40/g,
    (code) => READABLE[code] ?? code,
  );
}

type Shape = { readonly [name: string]: z.ZodMiniType };
type Values<S extends Shape> = { readonly [Name in keyof S]: z.infer<S[Name]> };

/**
 * Reads a page's parameters.
 *
 * @param shape  a schema for each parameter; it must take undefined, which also stands for a value that does not fit
 * @returns the values, and the names of those that do not fit, for a notice
 */
export function readSearch<S extends Shape>(
  shape: S,
  raw: RawSearch,
): { readonly values: Values<S>; readonly invalid: readonly string[] } {
  const values: Record<string, unknown> = {};
  const invalid: string[] = [];
  for (const [name, schema] of Object.entries(shape)) {
    const result = schema.safeParse(raw[name]);
    if (!result.success) invalid.push(name);
    values[name] = result.success ? result.data : schema.parse(undefined);
  }
  // Every name of the shape got what its schema gives.
  return { values: values as Values<S>, invalid };
}
