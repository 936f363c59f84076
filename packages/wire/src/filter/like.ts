/**
 * LIKE patterns: `%` any text, `_` any one character, `\` takes the meaning from a `%`, `_` or `\` that follows.
 *
 * A backslash before anything else, or at the end, stands for itself.
 */

export type LikePart = "%" | "_" | { readonly literal: string };

/** Cuts a pattern into parts; `literal` is one character (code point). Runs of `%` become one. */
export function parseLike(pattern: string): LikePart[] {
  const parts: LikePart[] = [];
  const chars = [...pattern];
  for (let index = 0; index < chars.length; index++) {
    const char = chars[index] ?? "";
    const next = chars[index + 1];
    if (char === "\\" && (next === "%" || next === "_" || next === "\\")) {
      parts.push({ literal: next });
      index += 1;
    } else if (char === "%") {
      if (parts.at(-1) !== "%") parts.push("%");
    } else {
      parts.push(char === "_" ? "_" : { literal: char });
    }
  }
  return parts;
}

/**
 * Whether the whole of `text` fits the pattern. At most length of text × length of pattern steps: on a mismatch only the last
 * `%` is widened, since an earlier one could not help.
 *
 * @param ignoreCase  compares letters by their lower case
 */
export function matchesLike(text: string, pattern: string, ignoreCase: boolean): boolean {
  const parts = parseLike(ignoreCase ? lowerCase(pattern) : pattern);
  const chars = [...(ignoreCase ? lowerCase(text) : text)];
  let textIndex = 0;
  let partIndex = 0;
  let lastPercent = -1;
  let lastPercentText = 0;
  while (textIndex < chars.length) {
    const part = parts[partIndex];
    const char = chars[textIndex] ?? "";
    if (part === "%") {
      lastPercent = partIndex;
      lastPercentText = textIndex;
      partIndex += 1;
    } else if (part === "_" || (part !== undefined && part.literal === char)) {
      textIndex += 1;
      partIndex += 1;
    } else if (lastPercent !== -1) {
      lastPercentText += 1;
      textIndex = lastPercentText;
      partIndex = lastPercent + 1;
    } else {
      return false;
    }
  }
  while (parts[partIndex] === "%") partIndex += 1;
  return partIndex === parts.length;
}

/**
 * Letter by letter, as ClickHouse does it. Unlike `toLowerCase` of the whole it gives a sigma at the end of a word no other form, and
 * it leaves letters alone that become two (İ).
 */
function lowerCase(text: string): string {
  const whole = text.toLowerCase();
  if (whole.length === text.length && !whole.includes("ς")) return whole;
  return Array.from(text, (char) => {
    const lower = char.toLowerCase();
    return lower.length === char.length ? lower : char;
  }).join("");
}
