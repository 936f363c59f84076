/**
 * JSON whose integers keep their digits: those that a double cannot hold become bigints.
 */

/** Strings (skipped whole) or integers of 16 digits and more; a fraction or exponent makes it a double anyway. */
const STRING_OR_LONG_INTEGER = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;
const MARK = "\u0000int:";

/**
 * Parses JSON text; integers outside ±2^53 are bigints, as in decoded OTLP attributes.
 *
 * @throws SyntaxError if it is not JSON
 */
export function parseExactJson(text: string): unknown {
  let marked = 0;
  const prepared = text.replace(STRING_OR_LONG_INTEGER, (token) => {
    if (token.startsWith('"') || Number.isSafeInteger(Number(token))) return token;
    marked += 1;
    return JSON.stringify(MARK + token);
  });
  if (marked === 0) return JSON.parse(text);
  return JSON.parse(prepared, (_key, value: unknown) =>
    typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  );
}
