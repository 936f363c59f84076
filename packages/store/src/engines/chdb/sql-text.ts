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
 * The tokens of SQL, one by one; white space and comments are left out.
 *
 * Never throws: a string or comment that is not closed reaches to the end of the text, and the engine says what is wrong with it.
 */
export function* tokens(sql: string): Generator<Token, void> {
  for (let at = 0; at < sql.length; ) {
    const skipped = match(space, sql, at) ?? match(lineComment, sql, at);
    if (skipped) at += skipped[0].length;
    else if (sql.startsWith("/*", at)) at = endOfBlockComment(sql, at);
    else {
      const token = tokenAt(sql, at);
      yield token;
      at = token.end;
    }
  }
}

function tokenAt(sql: string, at: number): Token {
  const char = sql.charAt(at);
  const make = (kind: TokenKind, end: number): Token => ({ kind, text: sql.slice(at, end), start: at, end });
  if (char === "'") return make("string", endOfQuoted(sql, at, char));
  if (char === '"' || char === "`") return make("quoted", endOfQuoted(sql, at, char));
  if (char === "{") {
    const [whole = "", name, type] = match(parameter, sql, at) ?? [];
    if (name === undefined || type === undefined) return make("sign", at + 1);
    return { ...make("parameter", at + whole.length), parameter: { name, type } };
  }
  if (char === "$") {
    const opened = match(hereDocument, sql, at);
    const close = opened ? sql.indexOf(opened[0], at + opened[0].length) : -1;
    return opened && close >= 0 ? make("string", close + opened[0].length) : make("sign", at + 1);
  }
  const quote = typographic[char];
  if (quote) {
    const close = sql.indexOf(quote.close, at + 1);
    return make(quote.kind, close < 0 ? sql.length : close + 1);
  }
  const name = match(word, sql, at);
  if (name) return make("word", at + name[0].length);
  const digits = match(number, sql, at);
  return digits ? make("number", at + digits[0].length) : make("sign", at + 1);
}

function match(pattern: RegExp, sql: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(sql);
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
