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
  /** `INTO OUTFILE`, `FROM INFILE`: files of the process, which a server's HTTP interface does not touch. */
  readonly usesFile: boolean;
}

const readWords = new Set(["SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK"]);

/** Reads the outline of a statement; never throws, the engine says what is wrong with it. */
export function readStatement(sql: string): Statement {
  const all = tokens(sql);
  const first = all.find((token) => !isSign(token, "("));
  const inserts = isWord(all[0], "INSERT");
  const head = inserts ? insertHead(all) : undefined;
  // Data after FORMAT are not SQL: a semicolon in there separates nothing.
  const sqlTokens = head ? all.filter((token) => token.start < head.dataStart) : all;
  const semicolon = sqlTokens.findIndex((token) => isSign(token, ";"));
  const followers = semicolon < 0 ? [] : sqlTokens.slice(semicolon).filter((token) => !isSign(token, ";"));
  const statement = semicolon < 0 ? sqlTokens : sqlTokens.slice(0, semicolon);
  const reads =
    first?.kind === "word" &&
    readWords.has(first.text.toUpperCase()) &&
    !statement.some((token) => isWord(token, "INSERT"));
  return {
    sql,
    tokens: statement,
    kind: head ? "insertData" : inserts ? "insert" : reads ? "read" : "write",
    format: head ? undefined : trailingFormat(statement),
    insert: head?.insert,
    dataStart: head?.dataStart ?? sql.length,
    hasSecondStatement: followers.length > 0,
    usesFile: statement.some(
      (token, index) =>
        (isWord(token, "OUTFILE") && isWord(statement[index - 1], "INTO")) ||
        (isWord(token, "INFILE") && isWord(statement[index - 1], "FROM")),
    ),
  };
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

/** `INSERT INTO [TABLE] name [(columns)] [SETTINGS …] FORMAT name`; undefined for VALUES, SELECT and table functions. */
function insertHead(all: readonly Token[]): { insert: InsertHead | undefined; dataStart: number } | undefined {
  // FORMAT must be the first clause word that names where rows come from.
  let depth = 0;
  const formatAt = all.findIndex((token) => {
    if (isSign(token, "(")) depth++;
    if (isSign(token, ")")) depth--;
    return (
      depth === 0 &&
      ["FORMAT", "VALUES", "SELECT", "WITH", ";"].some((stop) => isWord(token, stop) || isSign(token, stop))
    );
  });
  const name = all[formatAt + 1];
  if (formatAt < 0 || !isWord(all[formatAt], "FORMAT") || name?.kind !== "word") return undefined;
  // The engine takes one line break or blanks between the format's name and the data.
  return { insert: plainInsert(all.slice(0, formatAt), name.text), dataStart: name.end };
}

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
