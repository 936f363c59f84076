/**
 * Filter text → tokens. Every character is looked at once.
 */
import type { PathPart } from "./fields.ts";

interface At {
  /** First UTF-16 unit in the text. */
  readonly position: number;
  readonly length: number;
}

export type Token = At &
  (
    | { readonly kind: "path"; readonly parts: readonly PathPart[] }
    | { readonly kind: "string"; readonly value: string; readonly quote: "'" | '"' }
    | { readonly kind: "number"; readonly value: number; readonly unit: string }
    | { readonly kind: "symbol"; readonly symbol: FilterSymbol }
    | { readonly kind: "end" }
  );

const SYMBOLS = ["!=", "<=", ">=", "=", "<", ">", "(", ")", ","] as const;
export type FilterSymbol = (typeof SYMBOLS)[number];

/** Why text cannot be cut into tokens. */
export interface LexicalError extends At {
  readonly message: string;
}

export type LexResult =
  | { readonly ok: true; readonly tokens: readonly Token[] }
  /** With the tokens before the place that cannot be read. */
  | { readonly ok: false; readonly error: LexicalError; readonly tokens: readonly Token[] };

const SPACE = /\s+/uy;
const NUMBER = /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/uy;
const UNIT = /[\p{L}\p{N}_]+/uy;
// Letters with their marks, and pictures: free text comes in every script.
const PATH_START = /[\p{L}\p{M}\p{So}\p{Sc}_@#/]/uy;
// Keys of tags and words of free text often hold these; none of them is an operator of the grammar. Among the marks of
// format (Cf) are those that join letters of Persian and Hindi, and pictures.
const BARE_PART = /[\p{L}\p{M}\p{N}\p{So}\p{Sk}\p{Sc}\p{Cf}_@#/:-]+/uy;

/**
 * Cuts filter text into tokens; the last one is `end`.
 *
 * Strings stand in single or double quotes, with the quote doubled inside. A key with odd characters stands in backticks or
 * double quotes after a dot: ``tags.`my key` ``.
 */
export function lexFilter(text: string): LexResult {
  const tokens: Token[] = [];
  let position = 0;

  /** Length of the match of a sticky pattern at `from`; 0 if it does not match. */
  const matchLength = (pattern: RegExp, from: number): number => {
    pattern.lastIndex = from;
    return pattern.exec(text)?.[0].length ?? 0;
  };

  while (true) {
    position += matchLength(SPACE, position);
    const char = text[position];
    if (char === undefined) {
      tokens.push({ kind: "end", position, length: 0 });
      return { ok: true, tokens };
    }

    if (char === "'" || char === '"') {
      const quoted = readQuoted(text, position);
      if (quoted === undefined) return { ok: false, error: unterminated(position, text, char), tokens };
      tokens.push({ kind: "string", value: quoted.value, quote: char, position, length: quoted.length });
      position += quoted.length;
      continue;
    }

    const numberLength = matchLength(NUMBER, position);
    if (numberLength > 0) {
      const unitLength = matchLength(UNIT, position + numberLength);
      tokens.push({
        kind: "number",
        value: Number(text.slice(position, position + numberLength)),
        unit: text.slice(position + numberLength, position + numberLength + unitLength),
        position,
        length: numberLength + unitLength,
      });
      position += numberLength + unitLength;
      continue;
    }

    if (char === "`" || matchLength(PATH_START, position) > 0) {
      const path = readPath(text, position, matchLength);
      if (!path.ok) return { ok: false, error: path.error, tokens };
      tokens.push({ kind: "path", parts: path.parts, position, length: path.length });
      position += path.length;
      continue;
    }

    const symbol = SYMBOLS.find((candidate) => text.startsWith(candidate, position));
    if (symbol === undefined) {
      const found = String.fromCodePoint(text.codePointAt(position) ?? 0);
      return {
        ok: false,
        error: { message: `The character ${found} has no meaning here.`, position, length: found.length },
        tokens,
      };
    }
    tokens.push({ kind: "symbol", symbol, position, length: symbol.length });
    position += symbol.length;
  }
}

function unterminated(position: number, text: string, quote: string): LexicalError {
  return { message: `The text that starts here has no closing ${quote}.`, position, length: text.length - position };
}

/** Reads `'…'` with doubled quotes inside; undefined if it does not end. */
function readQuoted(text: string, start: number): { value: string; length: number } | undefined {
  const quote = text[start] ?? "";
  const pieces: string[] = [];
  let from = start + 1;
  while (true) {
    const end = text.indexOf(quote, from);
    if (end === -1) return undefined;
    pieces.push(text.slice(from, end));
    if (text[end + 1] !== quote) return { value: pieces.join(quote), length: end + 1 - start };
    from = end + 2;
  }
}

/** Reads parts joined by dots: bare (`tags.app.version`) or quoted (``tags.`my key` ``). */
function readPath(
  text: string,
  start: number,
  matchLength: (pattern: RegExp, from: number) => number,
): { ok: true; parts: PathPart[]; length: number } | { ok: false; error: LexicalError } {
  const parts: PathPart[] = [];
  let position = start;
  while (true) {
    const char = text[position];
    if (char === "`" || (char === '"' && parts.length > 0)) {
      const quoted = readQuoted(text, position);
      if (quoted === undefined) return { ok: false, error: unterminated(position, text, char) };
      parts.push({ text: quoted.value, quoted: true });
      position += quoted.length;
    } else {
      const length = matchLength(BARE_PART, position);
      parts.push({ text: text.slice(position, position + length), quoted: false });
      position += length;
    }
    if (text[position] !== ".") return { ok: true, parts, length: position - start };
    position += 1;
  }
}
