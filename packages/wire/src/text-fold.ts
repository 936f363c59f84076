/**
 * What "says the same" means in text search: one rule, for SQL and for memory.
 *
 * A text is folded by the full lower case of Unicode, and a final sigma becomes the usual one, since it depends on what follows
 * and would hide a word inside a longer one. ClickHouse's `lowerUTF8` and `String.prototype.toLowerCase` both follow Unicode; a
 * contract test of the store compares them. Accents stay: `é` is not `e`.
 */

/** The text as it is compared without its case. */
export function foldText(text: string): string {
  return text.toLowerCase().replaceAll("ς", "σ");
}

/**
 * Whether a text says this, in any case: the oracle of the store's text search.
 *
 * JSON that is a string inside of JSON, as arguments of tools are, may hide characters behind escapes of its own: there they are
 * found as Python's `json.dumps` writes them.
 *
 * @param text  decoded text of a payload, or of an error
 */
export function textSays(text: string, needle: string): boolean {
  const folded = foldText(text);
  return needleForms(needle).some((form) => folded.includes(form));
}

/** The folded texts of which one must occur: the needle itself, and escaped if it has more than ASCII. */
export function needleForms(needle: string): readonly string[] {
  const escaped = escapeNonAscii(needle);
  return escaped === needle ? [foldText(needle)] : [foldText(needle), foldText(escaped)];
}

/** Writes UTF-16 units beyond ASCII as `\uXXXX`, in lower case. */
function escapeNonAscii(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
