/**
 * JSON that crosses borders unharmed: text that is already JSON is passed on as it is, 64-bit integers keep their digits,
 * previews are cut on a character boundary.
 */

/**
 * JSON text that goes into a larger document verbatim.
 *
 * Span payloads are stored as JSON text. Parsing and printing them again would cost time and round integers over 2^53.
 */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * `JSON.stringify` that writes bigints as integers and splices {@link RawJson} in verbatim.
 *
 * Like `JSON.stringify`: `undefined` and functions are dropped from objects and become `null` in arrays; `toJSON` is honoured.
 */
export function stringifyJson(value: unknown): string {
  return write(value) ?? "null";
}

function write(value: unknown): string | undefined {
  switch (typeof value) {
    case "bigint":
      return value.toString();
    case "object":
      break;
    default:
      return JSON.stringify(value);
  }
  if (value === null) return "null";
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => write(item) ?? "null").join(",")}]`;
  if ("toJSON" in value && typeof value.toJSON === "function") return write(value.toJSON());
  const members: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    const text = write(member);
    if (text !== undefined) members.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${members.join(",")}}`;
}

/** Parses JSON text; `undefined` if it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Cuts `text` to at most `maxChars` UTF-16 units without splitting a surrogate pair; adds `…` when something was cut. */
export function preview(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  let end = maxChars - 1;
  const last = text.charCodeAt(end - 1);
  if (last >= 0xd800 && last <= 0xdbff) end -= 1;
  return `${text.slice(0, end)}…`;
}
