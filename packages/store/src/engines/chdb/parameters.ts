/**
 * Puts the values of `{name:Type}` into the text of a statement.
 *
 * chdb binds parameters too, but runs all statements with parameters of the process one after another (a global chain in
 * chdb/index.js). Here a value becomes `_CAST('…', 'Type')`, which is what ClickHouse's own ReplaceQueryParameterVisitor makes of it:
 * whatever the value is, it stands inside one string literal, and one small escaper guards the border of that literal.
 */
import type { Statement } from "./statement.ts";

export type BoundStatement =
  | { readonly ok: true; readonly sql: string }
  /** `unbound` types must be bound by the engine; `missing` is a parameter that has no value. */
  | { readonly ok: false; readonly reason: "unbound" | "missing"; readonly name: string; readonly type: string };

/**
 * @param values  by name, in the form the HTTP interface takes them: text escaped as in TabSeparated, arrays and maps as literals
 */
export function bindParameters(statement: Statement, values: ReadonlyMap<string, string>): BoundStatement {
  let sql = "";
  let from = 0;
  for (const token of statement.tokens) {
    if (!token.parameter) continue;
    const { name, type } = token.parameter;
    const value = values.get(name);
    if (value === undefined) return { ok: false, reason: "missing", name, type };
    const literal = parameterLiteral(type, value);
    if (literal === undefined) return { ok: false, reason: "unbound", name, type };
    sql += statement.sql.slice(from, token.start) + literal;
    from = token.end;
  }
  return { ok: true, sql: sql + statement.sql.slice(from) };
}

/**
 * SQL for a parameter's value; undefined for types that only the engine can bind.
 *
 * @param type  like `String`, `Array(Int64)`, `Map(String, String)`
 * @param value  as the HTTP interface takes it
 */
export function parameterLiteral(type: string, value: string): string | undefined {
  if (type === "Identifier") return quoteName(unescapeTsv(value));
  if (!/^[\w(),.'= /+:-]+$/.test(type)) return undefined;
  const map = /^Map\(\s*(.+)\)$/s.exec(type);
  if (map?.[1] !== undefined) return mapLiteral(type, map[1], value);
  if (/\bMap\b|\bVariant\b|\bDynamic\b|\bJSON\b|\bObject\b/.test(type)) return undefined;
  if (value === "\\N") return /^(LowCardinality\()?Nullable\(/.test(type) ? `_CAST(NULL, ${text(type)})` : undefined;
  // Arrays and tuples are read as literals, quotes and escapes included; everything else is a TabSeparated field.
  const composite = /^(Array|Tuple|Nested|Point|Ring|Polygon|MultiPolygon|LineString)\b/.test(type);
  const plain = composite ? value : unescapeTsv(value);
  return type === "String" ? text(plain) : `_CAST(${text(plain)}, ${text(type)})`;
}

/** A quoted name of a database, table or column. */
export function quoteName(name: string): string {
  return `\`${escapeQuoted(name, "`")}\``;
}

/** A ClickHouse string literal. Only the quote and the backslash can end or change it; the rest is written so for the log's sake. */
export function text(value: string): string {
  return `'${escapeQuoted(value, "'")}'`;
}

function escapeQuoted(value: string, quote: string): string {
  return value.replace(/[\\'`\0\n\r\t]/g, (char) => {
    if (char === "\\" || char === quote) return `\\${char}`;
    return { "\0": "\\0", "\n": "\\n", "\r": "\\r", "\t": "\\t" }[char] ?? char;
  });
}

const tsvEscapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "0": "\0",
  b: "\b",
  f: "\f",
  a: "\x07",
  v: "\v",
};

/** Undoes TabSeparated escaping, which the official client applies to string parameters. */
export function unescapeTsv(value: string): string {
  return value.replace(/\\(x[0-9a-fA-F]{2}|[\s\S])/g, (_, escaped: string) =>
    escaped.length === 3
      ? String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
      : (tsvEscapes[escaped] ?? escaped),
  );
}

/** The engine casts no text to a map: keys and values go as two arrays. */
function mapLiteral(type: string, inner: string, value: string): string | undefined {
  const types = splitTop(inner, ",");
  const [keyType, ...valueTypes] = types;
  const valueType = valueTypes.join(",").trim();
  if (!keyType || !valueType || /\bMap\b/.test(inner)) return undefined;
  const body = /^\s*\{([\s\S]*)\}\s*$/.exec(value)?.[1];
  if (body === undefined) return undefined;
  const keys: string[] = [];
  const values: string[] = [];
  for (const entry of body.trim() === "" ? [] : splitTop(body, ",")) {
    const [key, ...rest] = splitTop(entry, ":");
    if (key === undefined || rest.length === 0) return undefined;
    keys.push(key);
    values.push(rest.join(":"));
  }
  const array = (elements: string[], elementType: string) =>
    `_CAST(${text(`[${elements.join(",")}]`)}, ${text(`Array(${elementType})`)})`;
  return `_CAST(mapFromArrays(${array(keys, keyType.trim())}, ${array(values, valueType)}), ${text(type)})`;
}

/** Splits at a separator outside of quotes and brackets. */
function splitTop(body: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < body.length; at++) {
    const char = body.charAt(at);
    if (char === "'") {
      for (at++; at < body.length && body.charAt(at) !== "'"; at++) if (body.charAt(at) === "\\") at++;
    } else if ("([{".includes(char)) depth++;
    else if (")]}".includes(char)) depth--;
    else if (char === separator && depth === 0) {
      parts.push(body.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(body.slice(start));
  return parts;
}
