/**
 * What kind of statement a text is, as far as the front must know: how to run it, and in which format the answer comes.
 */
import { isSign, isWord, type Token, tokens } from "./sql-text.ts";

export interface InsertHead {
  /** `table` or `database.table`, without quotes. */
  readonly table: string;
  readonly columns: readonly string[] | undefined;
  /** Name as written, like `JSONEachRow`. */
  readonly format: string;
}

export interface Statement {
  readonly sql: string;
  readonly tokens: readonly Token[];
  /**
   * `read` gives rows and changes nothing; `insertData` is an INSERT whose rows follow its text in a named format; `insert` brings its
   * rows along or selects them; the rest is `write`, and may leave something on its Session.
   */
  readonly kind: "read" | "insertData" | "insert" | "write";
  /** Of a trailing FORMAT clause. */
  readonly format: string | undefined;
  /** Of an `insertData` statement that can go the short way (plain names, no SETTINGS clause). */
  readonly insert: InsertHead | undefined;
  /** Where inline data start in `sql`; the length of `sql` if there are none. */
  readonly dataStart: number;
  /** Something after a semicolon that is not a comment. */
  readonly hasSecondStatement: boolean;
  /** Longer than {@link maxStatementChars}, rows that follow it not counted; then the rest was not looked at. */
  readonly isTooLong: boolean;
  /** `INTO OUTFILE`, `FROM INFILE`: files of the process, which a server's HTTP interface does not touch. */
  readonly usesFile: boolean;
}

const readWords = new Set(["SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK"]);

/** `max_query_size` of the engine's profile (server-config.ts). */
export const maxStatementChars = 16 * 1024 * 1024;

/** Reads the outline of a statement; never throws, the engine says what is wrong with it. */
export function readStatement(sql: string): Statement {
  const { all, data, isTooLong } = readTokens(sql);
  const semicolon = all.findIndex((token) => isSign(token, ";"));
  const followers = semicolon < 0 ? [] : all.slice(semicolon).filter((token) => !isSign(token, ";"));
  const statement = semicolon < 0 ? all : all.slice(0, semicolon);
  return {
    sql,
    tokens: statement,
    kind: data ? "insertData" : kindOf(statement),
    format: data ? undefined : trailingFormat(statement),
    insert: data?.insert,
    dataStart: data?.start ?? sql.length,
    hasSecondStatement: followers.length > 0,
    isTooLong,
    usesFile: statement.some(
      (token, index) =>
        (isWord(token, "OUTFILE") && isWord(statement[index - 1], "INTO")) ||
        (isWord(token, "INFILE") && isWord(statement[index - 1], "FROM")),
    ),
  };
}

interface StatementTokens {
  readonly all: readonly Token[];
  /** Of `INSERT … FORMAT name`: what follows the name are rows, not SQL. */
  readonly data?: { readonly start: number; readonly insert: InsertHead | undefined };
  readonly isTooLong: boolean;
}

/** Words behind which the rows of an INSERT come. */
const rowSources = ["FORMAT", "VALUES", "SELECT", "WITH"];

function readTokens(sql: string): StatementTokens {
  const all: Token[] = [];
  let depth = 0;
  let rowSource: number | undefined;
  for (const token of tokens(sql)) {
    if (token.end > maxStatementChars) return { all, isTooLong: true };
    all.push(token);
    if (!isWord(all[0], "INSERT")) continue;
    if (isSign(token, "(")) depth++;
    if (isSign(token, ")")) depth--;
    if (rowSource === undefined) {
      if (depth === 0 && rowSources.some((word) => isWord(token, word))) rowSource = all.length - 1;
    } else if (rowSource === all.length - 2 && isWord(all[rowSource], "FORMAT") && token.kind === "word") {
      // Values are SQL: they may hold expressions, and another statement may follow them.
      if (isWord(token, "VALUES")) continue;
      return {
        all,
        data: { start: token.end, insert: plainInsert(all.slice(0, rowSource), token.text) },
        isTooLong: false,
      };
    }
  }
  return { all, isTooLong: false };
}

function kindOf(statement: readonly Token[]): Statement["kind"] {
  if (isWord(statement[0], "INSERT")) return "insert";
  const first = statement.find((token) => !isSign(token, "("));
  const reads = first?.kind === "word" && readWords.has(first.text.toUpperCase());
  return reads && !statement.some((token) => isWord(token, "INSERT")) ? "read" : "write";
}

/** The last FORMAT clause outside of parentheses, after which only SETTINGS may stand. */
function trailingFormat(statement: readonly Token[]): string | undefined {
  let depth = 0;
  let format: string | undefined;
  statement.forEach((token, index) => {
    if (isSign(token, "(")) depth++;
    if (isSign(token, ")")) depth--;
    const name = statement[index + 1];
    const next = statement[index + 2];
    if (depth === 0 && isWord(token, "FORMAT") && name?.kind === "word" && (!next || isWord(next, "SETTINGS"))) {
      format = name.text;
    }
  });
  return format;
}

/** `INSERT INTO [TABLE] name [(columns)]` with plain names; undefined for anything more. */
function plainInsert(head: readonly Token[], format: string): InsertHead | undefined {
  let at = 1;
  const next = () => head[at++];
  if (isWord(head[at], "INTO")) at++;
  if (isWord(head[at], "TABLE")) at++;
  const table = plainName(next());
  if (table === undefined) return undefined;
  let name = table;
  if (isSign(head[at], ".")) {
    at++;
    const inner = plainName(next());
    if (inner === undefined) return undefined;
    name = `${table}.${inner}`;
  }
  if (at === head.length) return { table: name, columns: undefined, format };
  if (!isSign(next(), "(")) return undefined;
  const columns: string[] = [];
  for (;;) {
    const column = plainName(next());
    if (column === undefined) return undefined;
    columns.push(column);
    const separator = next();
    if (isSign(separator, ")")) return at === head.length ? { table: name, columns, format } : undefined;
    if (!isSign(separator, ",")) return undefined;
  }
}

/** A name of letters, digits and `_`; chdb's raw insert takes no others. */
function plainName(token: Token | undefined): string | undefined {
  if (token?.kind === "word" && /^\w+$/.test(token.text)) return token.text;
  if (token?.kind === "quoted" && /^[`"]\w+[`"]$/.test(token.text)) return token.text.slice(1, -1);
  return undefined;
}
