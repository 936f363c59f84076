/**
 * ClickHouse SQL as text: where its words, strings, comments and parameters are.
 *
 * The front decides by these tokens how to run a statement, and puts parameters in. The rules are those of ClickHouse's own lexer
 * (src/Parsers/Lexer.cpp of ClickHouse 26): backslash escapes and doubled quotes, nested block comments, here-documents and
 * typographic quotes. `sql-text.test.ts` compares with the engine.
 */

export type TokenKind = "word" | "quoted" | "string" | "number" | "sign" | "parameter";

export interface Token {
  readonly kind: TokenKind;
  /** As written. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Only of `{name:Type}`. */
  readonly parameter?: { readonly name: string; readonly type: string };
}

const space = /[\s\u00a0]+/y;
const lineComment = /(?:--|#[ !])[^\n]*/y;
const word = /[A-Za-z_][\w$]*/y;
const number = /\d[\w.]*/y;
const hereDocument = /\$(\w*)\$/y;
const parameter = /\{\s*([A-Za-z_]\w*)\s*:\s*([^{}]+?)\s*\}/y;
const typographic: Readonly<Record<string, { close: string; kind: TokenKind }>> = {
  "\u2018": { close: "\u2019", kind: "string" },
  "\u201c": { close: "\u201d", kind: "quoted" },
};

/**
 * Splits SQL into tokens; white space and comments are left out.
 *
 * Never throws: a string or comment that is not closed reaches to the end of the text, and the engine says what is wrong with it.
 */
export function tokens(sql: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(sql);
  };
  const push = (kind: TokenKind, end: number, extra?: Pick<Token, "parameter">) => {
    found.push({ kind, text: sql.slice(at, end), start: at, end, ...extra });
    at = end;
  };
  while (at < sql.length) {
    const char = sql.charAt(at);
    const skipped = match(space) ?? match(lineComment);
    if (skipped) {
      at += skipped[0].length;
      continue;
    }
    if (sql.startsWith("/*", at)) {
      at = endOfBlockComment(sql, at);
      continue;
    }
    if (char === "'") push("string", endOfQuoted(sql, at, char));
    else if (char === '"' || char === "`") push("quoted", endOfQuoted(sql, at, char));
    else if (char === "{") {
      const placed = match(parameter);
      if (placed?.[1] !== undefined && placed[2] !== undefined) {
        push("parameter", at + placed[0].length, { parameter: { name: placed[1], type: placed[2] } });
      } else push("sign", at + 1);
    } else if (char === "$") {
      const opened = match(hereDocument);
      const close = opened ? sql.indexOf(opened[0], at + opened[0].length) : -1;
      if (opened && close >= 0) push("string", close + opened[0].length);
      else push("sign", at + 1);
    } else {
      const quote = typographic[char];
      const run = match(word) ?? match(number);
      if (quote) {
        const close = sql.indexOf(quote.close, at + 1);
        push(quote.kind, close < 0 ? sql.length : close + 1);
      } else if (run) push(/\d/.test(char) ? "number" : "word", at + run[0].length);
      else push("sign", at + 1);
    }
  }
  return found;
}

/** True if the token is this word, in any case. */
export function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === "word" && token.text.toUpperCase() === text;
}

/** True if the token is this sign. */
export function isSign(token: Token | undefined, text: string): boolean {
  return token?.kind === "sign" && token.text === text;
}

function endOfQuoted(sql: string, start: number, quote: string): number {
  for (let at = start + 1; at < sql.length; at++) {
    const char = sql.charAt(at);
    if (char === "\\") at++;
    else if (char === quote) {
      if (sql.charAt(at + 1) !== quote) return at + 1;
      at++;
    }
  }
  return sql.length;
}

function endOfBlockComment(sql: string, start: number): number {
  let depth = 0;
  for (let at = start; at < sql.length; ) {
    if (sql.startsWith("/*", at)) {
      depth++;
      at += 2;
    } else if (sql.startsWith("*/", at)) {
      depth--;
      at += 2;
      if (depth === 0) return at;
    } else at++;
  }
  return sql.length;
}
