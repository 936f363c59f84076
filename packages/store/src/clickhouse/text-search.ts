/**
 * Searching the texts of spans: payloads are kept as JSON text and searched as people read it.
 */
import { likePattern } from "./filter-compare.ts";
import { param, raw, type Sql, sql } from "./sql.ts";

/** Columns of `spans` that hold texts of the agent; the first two are JSON. */
export const TEXT_COLUMNS = ["inputs", "outputs", "failure"] as const;
export type TextColumn = (typeof TEXT_COLUMNS)[number];

/**
 * The condition that a text of a span fits: over a row of `spans`, exact, 0 for texts that are not there.
 *
 * @param needle  for `contains` any text, which is found in any case; else a pattern with `%`, `_` and `\`
 * @param columns  where to look; one of them is enough
 */
export function textCondition(
  needle: string,
  operator: "contains" | "LIKE" | "ILIKE",
  columns: readonly TextColumn[] = TEXT_COLUMNS,
): Sql {
  const pattern = operator === "contains" ? `%${needle.replace(/[\\%_]/g, "\\$&")}%` : likePattern(needle);
  const compare = raw(operator === "LIKE" ? "LIKE" : "ILIKE");
  const conditions = columns.map(
    (column) => sql`${raw(column)} != '' AND ${decodedText(column)} ${compare} ${param(pattern, "String")}`,
  );
  return conditions.reduce((all, condition) => sql`${all} OR ${condition}`);
}

/** The text of a column as `payloadText` of wire gives it: escapes of its JSON stand for their characters. */
export function decodedText(column: TextColumn): Sql {
  const name = raw(column);
  if (column === "failure") return name;
  // The whole text as one JSON string, whose escapes ClickHouse reads: quotes and white space of the JSON are escaped first, after
  // the backslashes that are escaped themselves, so that no other one is taken for theirs.
  const oneString = [
    ["\\\\\\\\", "\\\\u005c"],
    ['\\\\"', "\\\\u0022"],
    ['"', "\\\\u0022"],
    ["\\n", "\\\\n"],
    ["\\r", "\\\\r"],
    ["\\t", "\\\\t"],
  ].reduce((text, [from = "", to = ""]) => sql`replaceAll(${text}, ${raw(`'${from}'`)}, ${raw(`'${to}'`)})`, name);
  return sql`if(position(${name}, '\\\\') = 0, ${name}, JSONExtractString(concat('"', ${oneString}, '"')))`;
}
