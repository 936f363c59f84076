/**
 * Searching the texts of spans: payloads are kept as JSON text and searched as people read it.
 *
 * {@link textCondition} is exact and decides alone. {@link spansThatMayHold} only leaves out what the index of words rules out.
 */
import type { Comparison, Filter } from "@sightline/wire/filter/ast";
import { parseLike } from "@sightline/wire/filter/like";
import { foldText, needleForms } from "@sightline/wire/text-fold";
import { likePattern } from "./filter-compare.ts";
import {
  experimentConditions,
  type FilterScope,
  firstSpanStart,
  lastSpanStart,
  spanScope,
  type TextBlock,
  type TextPlaces,
} from "./filter-scope.ts";
import type { Queries, ReadOptions } from "./queries.ts";
import { and, join, param, raw, type Sql, sql } from "./sql.ts";
import { BLOCK_PLACES, indexedVersion } from "./text-index.ts";

/** Columns of `spans` that hold texts of the agent; the first two are JSON. */
export const TEXT_COLUMNS = ["inputs", "outputs", "failure"] as const;
export type TextColumn = (typeof TEXT_COLUMNS)[number];

/**
 * The condition that a text of a span fits: over a row of `spans`, exact, 0 for texts that are not there.
 *
 * @param needle  for `contains` any text, which is found in any case (`textSays` of wire); else a pattern with `%`, `_` and `\`
 * @param columns  where to look; one of them is enough
 */
export function textCondition(
  needle: string,
  operator: "contains" | "LIKE" | "ILIKE",
  columns: readonly TextColumn[] = TEXT_COLUMNS,
): Sql {
  const conditions = columns.map((column) =>
    operator === "contains" ? containsCondition(column, needle) : patternCondition(column, needle, operator),
  );
  return conditions.reduce((all, condition) => sql`${all} OR ${condition}`);
}

function patternCondition(column: TextColumn, pattern: string, operator: "LIKE" | "ILIKE"): Sql {
  return sql`${raw(column)} != '' AND ${decodedText(column)} ${raw(operator)} ${param(likePattern(pattern), "String")}`;
}

function containsCondition(column: TextColumn, needle: string): Sql {
  const name = raw(column);
  const forms = needleForms(needle).map((form) => {
    const says = (text: Sql, part: string) => sql`position(${foldedText(text, part)}, ${param(part, "String")}) > 0`;
    if (column === "failure") return says(name, form);
    // Decoding costs as much as reading. Escapes change only a few characters: a text without the parts of the needle between them
    // needs no decoding, nor does one without escapes.
    const parts = form.split(ESCAPED).filter((part) => part !== "");
    const decoded = says(decodedText(column), form);
    const isPlain = parts.length === 1 && parts[0] === form;
    const exactly = isPlain ? sql`position(${name}, '\\\\') = 0 OR ${decoded}` : decoded;
    return and([...parts.map((part) => says(name, part)), exactly]);
  });
  // No condition that the text is there: ClickHouse would copy the texts that are, before it looks into them.
  const holds = join(forms, " OR ");
  return needle === "" ? sql`${name} != '' AND (${holds})` : holds;
}

/** What stands escaped in the strings of JSON. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes them.
const ESCAPED = /["\\\u0000-\u001f]/;

/** `foldText` of wire; the final sigma makes no difference to a needle without a sigma. */
export function foldedText(text: Sql, needle: string): Sql {
  return needle.includes("σ") ? sql`replaceAll(lowerUTF8(${text}), 'ς', 'σ')` : sql`lowerUTF8(${text})`;
}

/** The text of a column as `payloadText` of wire gives it: escapes of its JSON stand for their characters. */
export function decodedText(column: TextColumn): Sql {
  const name = raw(column);
  if (column === "failure") return name;
  // The whole text as one JSON string, whose escapes ClickHouse reads: quotes and white space of the JSON are escaped first, after
  // the backslashes that are escaped themselves, so that no other one is taken for theirs.
  const backslashes = sql`replaceAll(${name}, '\\\\\\\\', '\\\\u005c')`;
  // Half a pair of surrogates is no character; ClickHouse would give up the whole text. A pair is never escaped (`plainEscapes`).
  const halves = sql`if(position(${name}, '\\\\ud') = 0, ${backslashes},
    replaceRegexpAll(${backslashes}, '\\\\\\\\ud[89a-f][0-9a-f]{2}', '\\\\\\\\ufffd'))`;
  const oneString = [
    ['\\\\"', "\\\\u0022"],
    ['"', "\\\\u0022"],
    ["\\n", "\\\\n"],
    ["\\r", "\\\\r"],
    ["\\t", "\\\\t"],
  ].reduce((text, [from = "", to = ""]) => sql`replaceAll(${text}, ${raw(`'${from}'`)}, ${raw(`'${to}'`)})`, halves);
  return sql`if(position(${name}, '\\\\') = 0, ${name}, JSONExtractString(concat('"', ${oneString}, '"')))`;
}

/** More texts rule out little more. */
const MAX_TEXTS = 4;
const MAX_WORDS = 3;
const MAX_CHARACTERS = 6;
/** Shorter parts of words are in most blocks. */
const MIN_WORD_LENGTH = 3;

/** A part of the spans that may satisfy a filter, as pieces of `SELECT … FROM spans FINAL{first} WHERE {conditions}{settings}`. */
export interface SpanSource {
  readonly first: Sql;
  readonly conditions: readonly Sql[];
  readonly settings: Sql;
}

const NOTHING = raw("");

/**
 * Where spans that satisfy the filter may lie, by way of the index of words: together the parts hold all of them.
 *
 * Spans that the index has not reached are a part of their own: they are few, but in every block of the hour that is being written.
 *
 * @param filter  as inside of `span(…)`
 * @param scope  with the places of the filter if they were read before
 * @returns one part without conditions if the filter asks for no text, or only for texts that the index does not tell apart
 */
export function spansThatMayHold(filter: Filter, scope: FilterScope): SpanSource[] {
  const known = scope.textPlaces?.get(filter);
  const blocks = known === undefined ? blocksOf(filter, scope) : listedBlocks(known.blocks);
  if (blocks === undefined) return [{ first: NOTHING, conditions: [], settings: NOTHING }];
  const indexed = {
    first: NOTHING,
    settings: NOTHING,
    conditions: [
      sql`(experiment_id, toStartOfHour(start_time), substring(trace_id, 1, 5)) IN (
      SELECT experiment_id, hour, prefix FROM (SELECT ${BLOCK_PLACES} FROM (${blocks})))`,
    ],
  };
  // Versions only grow, and FINAL keeps the highest: rows left out before it are older than the row that counts. So the exact mode,
  // which would read all other granules of the hour, is not needed.
  const reached = known === undefined ? indexedVersion(scope.table("span_words")) : param(known.indexed, "UInt64");
  const behind = {
    first: sql` PREWHERE version > ${reached}`,
    conditions: [],
    settings: raw(" SETTINGS use_skip_indexes_if_final_exact_mode = 0"),
  };
  return [
    ...(known === undefined || known.blocks.length > 0 ? [indexed] : []),
    ...(known === undefined || known.spansBehind > 0 ? [behind] : []),
  ];
}

/** More blocks than this are not worth being carried from one query to the next: 40 KB of its text. */
const MAX_BLOCKS = 1000;

/**
 * The places in which spans that satisfy the filter may lie, for queries that follow.
 *
 * @returns undefined if there are too many, or the index cannot tell
 */
export async function readTextPlaces(
  queries: Queries,
  filter: Filter,
  scope: FilterScope,
  options: ReadOptions,
): Promise<TextPlaces | undefined> {
  const blocks = blocksOf(filter, scope);
  if (blocks === undefined) return undefined;
  // The index may go on meanwhile: what it reached is read before its blocks.
  const [reached] = await queries.rows(
    sql`WITH ${indexedVersion(scope.table("span_words"))} AS reached SELECT toString(any(reached)), count()
      FROM ${scope.table("spans")} WHERE ${and([...spanScope(scope), sql`version > reached`])}`,
    options,
  );
  const rows = await queries.rows(
    sql`SELECT experiment_id, toString(day), block FROM (${blocks}) LIMIT ${param(MAX_BLOCKS + 1, "UInt32")}`,
    options,
  );
  if (rows.length > MAX_BLOCKS) return undefined;
  return {
    indexed: String(reached?.[0]),
    spansBehind: Number(reached?.[1]),
    blocks: rows.map(([experimentId, day, block]) => ({
      experimentId: String(experimentId),
      day: String(day),
      block: Number(block),
    })),
  };
}

function listedBlocks(blocks: readonly TextBlock[]): Sql {
  const experimentIds = param(
    blocks.map(({ experimentId }) => experimentId),
    "Array(String)",
  );
  const days = param(
    blocks.map(({ day }) => day),
    "Array(String)",
  );
  const numbers = param(
    blocks.map(({ block }) => block),
    "Array(UInt16)",
  );
  return sql`SELECT item.1 AS experiment_id, toDate(item.2) AS day, item.3 AS block
    FROM (SELECT arrayJoin(arrayZip(${experimentIds}, ${days}, ${numbers})) AS item)`;
}

/** A query for the blocks that have all texts which a span must have; undefined if the index does not tell. */
function blocksOf(filter: Filter, scope: FilterScope): Sql | undefined {
  const texts = textsOf(filter)
    .filter((forms) => forms.every((words) => words.length > 0))
    .slice(0, MAX_TEXTS);
  if (texts.length === 0) return undefined;
  // A span is put in with all its words at once, so its texts have a block in common.
  return join(
    texts.map((forms) => sql`SELECT * FROM (${blocksOfText(forms, scope)})`),
    " INTERSECT DISTINCT ",
  );
}

/** The index words of a text: of all words of one form there is one block. */
type Forms = readonly (readonly string[])[];

/** The texts that a span must have, each with its words. */
function textsOf(filter: Filter): Forms[] {
  switch (filter.kind) {
    case "and":
      return filter.terms.flatMap(textsOf);
    case "text":
      return [needleForms(filter.text).map(wordsOf)];
    case "comparison":
      return asksForText(filter) ? [[literalWords(String(filter.value))]] : [];
    default:
      return [];
  }
}

const TEXT_FIELDS = ["text", "span.content", "span.input", "span.output", "span.error"];

function asksForText({ left, operator }: Comparison): boolean {
  return (operator === "LIKE" || operator === "ILIKE") && TEXT_FIELDS.includes(left.field);
}

/** Words of the literal parts of a pattern. */
function literalWords(pattern: string): string[] {
  const literals = parseLike(pattern).map((part) => (typeof part === "string" ? "\n" : part.literal));
  return wordsOf(foldText(literals.join("")));
}

/** Cuts a folded text as the index does: runs of ASCII letters and digits, and single other characters. */
function wordsOf(text: string): string[] {
  const words = new Set(text.match(/[a-z0-9]+/g)?.filter((word) => word.length >= MIN_WORD_LENGTH));
  const characters = new Set(text.match(/[^\0-\x7f]/gu));
  return [
    ...[...words].toSorted((a, b) => b.length - a.length).slice(0, MAX_WORDS),
    ...[...characters].slice(0, MAX_CHARACTERS),
  ];
}

/** Blocks that have all words of a form. */
function blocksOfText(forms: Forms, scope: FilterScope): Sql {
  const words = scope.table("span_words");
  const is = (word: string) =>
    /^[a-z0-9]/.test(word) ? sql`position(word, ${param(word, "String")}) > 0` : sql`word = ${param(word, "String")}`;
  const any = join(forms.flat().map(is), " OR ");
  const all = join(
    forms.map((form) => and(form.map((word) => sql`max(${is(word)})`))),
    " OR ",
  );
  return sql`SELECT experiment_id, day, block FROM ${words} ARRAY JOIN blocks AS block
      WHERE ${and([...experimentConditions(scope), ...dayConditions(scope), any])}
      GROUP BY experiment_id, day, block HAVING ${all}`;
}

/** The days of the spans that `spanScope` takes. */
function dayConditions(scope: FilterScope): Sql[] {
  const { from, to } = scope;
  return [
    ...(from === undefined ? [] : [sql`day >= toDate(${firstSpanStart(from)}, 'UTC')`]),
    ...(to === undefined ? [] : [sql`day <= toDate(${lastSpanStart(scope)}, 'UTC')`]),
  ];
}
