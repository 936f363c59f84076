/**
 * Fields that are rows of other tables: edits of tags and metadata, assessments, links.
 */
import type { Comparison } from "@sightline/wire/filter/ast";
import { SOURCE_RUN_KEY } from "@sightline/wire/filter/mlflow-grammar";
import { entryOf, hasEntry } from "./filter-columns.ts";
import { compareNumber, compareText, isNumeric, isPattern } from "./filter-compare.ts";
import { experimentConditions, type FieldSql, type FilterScope, traceIdsIn } from "./filter-scope.ts";
import { and, param, raw, type Sql, sql } from "./sql.ts";

/** Entries that spans carry in a Map column, under what people set or removed. @param edits  the table of the edits */
export function overlaidEntries(column: string, edits: string): FieldSql {
  const entry = (key: string, condition: (value: Sql) => Sql[], scope: FilterScope): Sql => {
    const ofKey = sql`key = ${param(key, "String")}`;
    const edited = traceIdsIn(scope, edits, [ofKey, raw("removed = 0"), ...condition(raw("value"))]);
    const carried = and([hasEntry(column, key), ...condition(entryOf(column, key))]);
    return sql`(trace_id IN ${edited}) OR (${carried} AND trace_id NOT IN ${traceIdsIn(scope, edits, [ofKey])})`;
  };
  return {
    compare: (comparison, scope) =>
      entry(comparison.left.key ?? "", (value) => [compareText(value, comparison)], scope),
    isThere: (key, scope) => entry(key, () => [], scope),
  };
}

/** Values of feedback or expectations of one name that are valid: of the trace, or of the session it is in. */
export function assessmentValue(kind: "feedback" | "expectation"): FieldSql {
  const named = (name: string) => [
    sql`kind = ${param(kind, "String")}`,
    sql`name = ${param(name, "String")}`,
    raw("valid = 1"),
  ];
  return {
    compare: (comparison, scope) =>
      assessed(scope, [
        ...named(comparison.left.key ?? ""),
        raw("value NOT IN ('', 'null')"),
        compareValue(comparison),
      ]),
    isThere: (name, scope) => assessed(scope, named(name)),
  };
}

/** Ids of the issues of a trace or its session. */
export const issueId: FieldSql = {
  compare: (comparison, scope) => assessed(scope, [...ISSUES, compareText(raw("name"), comparison)]),
  isThere: (_, scope) => assessed(scope, ISSUES),
};

const ISSUES = [raw("kind = 'issue'"), raw("valid = 1")];

/** That the trace, or the session it is in, has such an assessment. */
function assessed(scope: FilterScope, conditions: readonly Sql[]): Sql {
  const sessions = and([...experimentConditions(scope), raw("session_id != ''"), ...conditions]);
  return sql`trace_id IN ${traceIdsIn(scope, "assessments", conditions)}
    OR (session_id != '' AND (experiment_id, session_id) IN
      (SELECT experiment_id, session_id FROM ${scope.table("assessments")} FINAL WHERE ${sessions}))`;
}

/** `value` is the JSON text, `value_text` what it is compared as. Patterns see both, as on MLflow's server the JSON. */
function compareValue(comparison: Comparison): Sql {
  if (isNumeric(comparison)) return compareJsonNumber(raw("value"), comparison);
  const asText = compareText(raw("value_text"), comparison);
  return isPattern(comparison) ? sql`${asText} OR ${compareText(raw("value"), comparison)}` : asText;
}

/** JSON text that is a number. */
export function compareJsonNumber(json: Sql, comparison: Comparison): Sql {
  const number = sql`toFloat64OrNull(${json})`;
  return sql`${number} IS NOT NULL AND ${compareNumber(sql`assumeNotNull(${number})`, comparison)}`;
}

const prompts = linkTarget("prompt");
const runs = linkTarget("run");
const metadata = overlaidEntries("metadata", "trace_metadata");

export const prompt: FieldSql = prompts;

/** The run that the trace was made in, which its metadata names, and runs that it was linked to. */
export const run: FieldSql = {
  compare: (comparison, scope) => {
    const made = metadata.compare({ ...comparison, left: { field: "metadata", key: SOURCE_RUN_KEY } }, scope);
    return sql`(${made}) OR ${runs.compare(comparison, scope)}`;
  },
  isThere: (_, scope) => sql`(${metadata.isThere(SOURCE_RUN_KEY, scope)}) OR ${runs.isThere("", scope)}`,
};

function linkTarget(kind: "run" | "prompt"): FieldSql {
  const ofKind = sql`kind = ${param(kind, "String")}`;
  return {
    compare: (comparison, scope) =>
      sql`trace_id IN ${traceIdsIn(scope, "trace_links", [ofKind, compareText(raw("target"), comparison)])}`,
    isThere: (_, scope) => sql`trace_id IN ${traceIdsIn(scope, "trace_links", [ofKind])}`,
  };
}
