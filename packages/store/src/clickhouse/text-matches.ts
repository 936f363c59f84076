/**
 * Where texts stand in spans. Snippets are cut in the engine: a payload may have 10 MB.
 */
import { foldText, needleForms } from "@sightline/wire/text-fold";
import type { TextMatch } from "../text-matches.ts";
import type { Queries, ReadOptions } from "./queries.ts";
import { join, param, raw, type Sql, sql } from "./sql.ts";
import { decodedText, foldedText, TEXT_COLUMNS, type TextColumn, textCondition } from "./text-search.ts";

const MATCHES_PER_TRACE = 3;
const CHARS_BEFORE = 60;
const CHARS_AFTER = 100;
const MAX_SECONDS = 10;

const FIELDS = { inputs: "input", outputs: "output", failure: "error" } as const satisfies Record<
  TextColumn,
  TextMatch["field"]
>;

/** @see TextMatches.findTextMatches */
export async function findTextMatches(
  queries: Queries,
  traceIds: readonly string[],
  texts: readonly string[],
  options: ReadOptions = {},
): Promise<Map<string, TextMatch[]>> {
  const matches = new Map<string, TextMatch[]>();
  if (texts.length === 0) return matches;
  const condition = join(
    texts.map((text) => sql`(${textCondition(text, "contains")})`),
    " OR ",
  );
  const snippets = texts.flatMap((text) => TEXT_COLUMNS.map((column) => snippetOf(column, text)));
  await queries.eachOfIds(
    traceIds,
    (ids) => sql`SELECT trace_id, span_id, found.1, found.2, found.3 FROM (
        SELECT trace_id, span_id, start_time, arrayJoin(arrayFilter(item -> item.3 != '', [${join(snippets, ", ")}])) AS found
        FROM ${queries.table("spans")} FINAL
        WHERE trace_id IN ${param(ids, "Array(String)")} AND (${condition})
      ) ORDER BY start_time, span_id LIMIT ${raw(String(MATCHES_PER_TRACE))} BY trace_id`,
    ([traceId, spanId, field, text, snippet]) => {
      const place = placeIn(String(snippet), String(text));
      if (place === undefined) return;
      const match = {
        spanId: String(spanId),
        field: String(field) as TextMatch["field"],
        snippet: String(snippet),
        ...place,
      };
      matches.set(String(traceId), [...(matches.get(String(traceId)) ?? []), match]);
    },
    { maxSeconds: MAX_SECONDS, ...options },
  );
  return matches;
}

/** Field, text and what stands around its first place; "" if it is not there. */
function snippetOf(column: TextColumn, text: string): Sql {
  const decoded = decodedText(column);
  const [first = sql`0`, second] = needleForms(text).map(
    (form) => sql`positionUTF8(${foldedText(decoded, form)}, ${param(form, "String")})`,
  );
  const at = second === undefined ? first : sql`if(${first} > 0, ${first}, ${second})`;
  const chars = CHARS_BEFORE + [...text].length + CHARS_AFTER;
  const cut = sql`substringUTF8(${decoded}, greatest(toInt64(${at}) - ${raw(String(CHARS_BEFORE))}, 1), ${raw(String(chars))})`;
  return sql`(${param(FIELDS[column], "String")}, ${param(text, "String")}, if(${at} > 0, ${cut}, ''))`;
}

/** Where a text stands in a snippet, in units of the snippet: folding may change lengths. */
function placeIn(snippet: string, text: string): { at: number; length: number } | undefined {
  const ends: number[] = [];
  let folded = "";
  let end = 0;
  for (const char of snippet) {
    end += char.length;
    const one = foldText(char);
    folded += one;
    for (let unit = 0; unit < one.length; unit += 1) ends.push(end);
  }
  for (const form of needleForms(text)) {
    const at = folded.indexOf(form);
    if (at === -1) continue;
    const begin = at === 0 ? 0 : (ends[at - 1] ?? 0);
    return { at: begin, length: (ends[at + form.length - 1] ?? end) - begin };
  }
  return undefined;
}
