/**
 * JSON whose integers keep their digits: those that a double cannot hold become bigints.
 */

/**
 * Strings (skipped whole) or integers of 16 digits and more. A fraction or exponent makes a double anyway, and its digits are no
 * integer: `0.30000000000000004`.
 */
const STRING_OR_LONG_INTEGER = /"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/** Stands before the digits of an integer while they are a string; random, so that no text of a sender begins with it. */
const MARK = `\u0000int:${Math.random().toString(36).slice(2)}:`;

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
  const value: unknown = JSON.parse(text);
  if (marked === 0) return value;
  return JSON.parse(prepared, (_key, member: unknown) =>
    typeof member === "string" && member.startsWith(MARK) ? BigInt(member.slice(MARK.length)) : member,
  );
}
