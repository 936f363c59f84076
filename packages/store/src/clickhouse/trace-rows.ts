/**
 * The selected traces as a sub-query, with facts about them as text: what metrics, values and comparisons group by.
 *
 * Facts are effective ones: what people edited lies over what the spans carry. A plain fact is an expression over a row of
 * `traces`; an edited one is resolved outside, where the edits are joined.
 */
import { SOURCE_RUN_KEY } from "@sightline/wire/filter/mlflow-grammar";
import type { TraceSelection } from "../telemetry-store.ts";
import { experimentConditions } from "./filter-scope.ts";
import type { Queries } from "./queries.ts";
import { selectionConditions } from "./selection.ts";
import { and, join, param, raw, type Sql, sql } from "./sql.ts";

/** Text over a row of `traces`; NULL = the trace has none. An array join gives a trace a row for each of its values. */
const plainFacts = {
  name: "nullIf(toString(name), '')",
  status: "toString(state)",
  experiment: "toString(experiment_id)",
  session: "nullIf(session_id, '')",
  user: "nullIf(user_id, '')",
  version: "nullIf(toString(app_version), '')",
  source: "nullIf(toString(source), '')",
  client_request_id: "nullIf(client_request_id, '')",
  model: "nullIf(toString(arrayJoin(emptyArrayToSingle(models))), '')",
  input: "nullIf(request_preview, '')",
  output: "nullIf(response_preview, '')",
  error: "nullIf(failure, '')",
} as const;

/** Facts that have a table of edits, by the column that holds what the spans carry. */
const editedFacts = { tags: "trace_tags", metadata: "trace_metadata" } as const;

export type TraceFactName = keyof typeof plainFacts | keyof typeof editedFacts | "run" | "prompt";

/** Whether a trace may have several values of the fact, and so several rows. Keys of tags and metadata are many as well. */
export function hasMany(name: TraceFactName): boolean {
  return name === "model" || name === "run" || name === "prompt";
}

/** A fact of a trace; `key` belongs to tags and metadata, without it all their keys are meant, one row each. */
export interface TraceFact {
  readonly name: TraceFactName;
  readonly key?: string;
}

/** How a fact gets into the query. */
interface FactSql {
  /** Over a row of `traces`. */
  readonly inside: Sql;
  /** Table to be joined as `joined_N`; absent = the inside is all. */
  readonly joined?: Sql;
  /** From `inside_N` and columns of `joined_N`. */
  readonly outside?: Sql;
}

export interface TraceRowsOptions {
  /** Become columns `fact_0`, `fact_1`, …: text, NULL = none. */
  readonly facts: readonly TraceFact[];
  /** More columns, over a row of `traces`, with names that no column of `traces` has. */
  readonly columns?: Readonly<Record<string, Sql>>;
}

/** A sub-query without brackets: `trace_id`, the columns asked for and the facts of the latest row of each selected trace. */
export function traceRows(queries: Queries, selection: TraceSelection, { facts, columns = {} }: TraceRowsOptions): Sql {
  const parts = facts.map((fact, index) => factSql(queries, selection, fact, index));
  const where = and(selectionConditions(selection, queries));
  const from = sql`FROM ${queries.table("traces")} FINAL WHERE ${where}`;
  const extra = Object.entries(columns).map(([name, column]) => sql`${column} AS ${raw(name)}`);
  if (parts.every(({ joined }) => joined === undefined)) {
    const plain = parts.map(({ inside }, index) => sql`${inside} AS ${raw(`fact_${index}`)}`);
    return sql`SELECT ${join([raw("trace_id"), ...extra, ...plain], ", ")} ${from}`;
  }
  const inner = [...extra, ...parts.map(({ inside }, index) => sql`${inside} AS ${raw(`inside_${index}`)}`)];
  const outer = [
    ...Object.keys(columns).map((name) => raw(`base.${name} AS ${name}`)),
    ...parts.map(({ outside }, index) => sql`${outside ?? raw(`base.inside_${index}`)} AS ${raw(`fact_${index}`)}`),
  ];
  const joins = parts.flatMap(({ joined }, index) =>
    joined === undefined
      ? []
      : sql`LEFT ANY JOIN (${joined}) AS ${raw(`joined_${index}`)} ON ${raw(`joined_${index}`)}.trace_id = base.trace_id`,
  );
  return sql`SELECT ${join([raw("base.trace_id AS trace_id"), ...outer], ", ")}
    FROM (SELECT ${join([raw("trace_id"), ...inner], ", ")} ${from}) AS base
    ${join(joins, " ")}`;
}

function factSql(queries: Queries, selection: TraceSelection, { name, key }: TraceFact, index: number): FactSql {
  const joined = raw(`joined_${index}`);
  const inside = raw(`base.inside_${index}`);
  if (name === "prompt" || name === "run") return linkFact(queries, selection, name, { joined, inside });
  if (name !== "tags" && name !== "metadata") return { inside: raw(plainFacts[name]) };
  const edits = sql`${queries.table(editedFacts[name])} FINAL`;
  const where = ofExperiments(selection, queries);
  if (key !== undefined) {
    const asked = param(key, "String");
    return {
      inside: sql`if(mapContains(${raw(name)}, ${asked}), ${raw(name)}[${asked}], NULL)`,
      joined: sql`SELECT trace_id, value, removed, 1 AS known FROM ${edits} WHERE ${and([sql`key = ${asked}`, ...where])}`,
      outside: sql`multiIf(${joined}.known = 0, ${inside}, ${joined}.removed = 1, NULL, ${joined}.value)`,
    };
  }
  return {
    inside: sql`arrayMap(key -> toString(key), mapKeys(${raw(name)}))`,
    joined: sql`SELECT trace_id, groupArrayIf(toString(key), removed = 0) AS added, groupArrayIf(toString(key), removed = 1) AS hidden
      FROM ${edits} WHERE ${and(where)} GROUP BY trace_id`,
    outside: sql`arrayJoin(CAST(emptyArrayToSingle(arrayMap(key -> toNullable(key), arrayFilter(key -> NOT has(${joined}.hidden, key),
      arrayDistinct(arrayConcat(${inside}, ${joined}.added))))), 'Array(Nullable(String))'))`,
  };
}

/** Targets of links; of runs also the one the trace was made in, which its metadata names, as it was edited. */
function linkFact(
  queries: Queries,
  selection: TraceSelection,
  kind: "prompt" | "run",
  { joined, inside }: { readonly joined: Sql; readonly inside: Sql },
): FactSql {
  const scope = ofExperiments(selection, queries);
  const links = sql`SELECT trace_id, target AS value, 0 AS is_edit, 0 AS removed FROM ${queries.table("trace_links")} FINAL
    WHERE ${and([sql`kind = ${param(kind, "String")}`, ...scope])}`;
  const sourceRun = param(SOURCE_RUN_KEY, "String");
  const edits = sql`SELECT trace_id, value, 1 AS is_edit, removed FROM ${queries.table("trace_metadata")} FINAL
    WHERE ${and([sql`key = ${sourceRun}`, ...scope])}`;
  const targets = sql`SELECT trace_id, groupUniqArrayIf(value, is_edit = 0) AS targets, max(is_edit) AS is_edited,
      anyIf(value, is_edit = 1 AND removed = 0) AS edited
    FROM (${kind === "run" ? sql`${links} UNION ALL ${edits}` : links}) GROUP BY trace_id`;
  const made = sql`if(${joined}.is_edited = 1, ${joined}.edited, ${inside})`;
  return {
    inside: kind === "run" ? sql`metadata[${sourceRun}]` : raw("''"),
    joined: targets,
    outside: sql`nullIf(arrayJoin(emptyArrayToSingle(
      arrayFilter(target -> target != '', arrayDistinct(arrayPushBack(${joined}.targets, ${made}))))), '')`,
  };
}

/**
 * The condition that a row of another table belongs to a selected trace; none when the experiments say it all, which rows of
 * other tables have themselves.
 */
export function ofSelectedTraces(queries: Queries, selection: TraceSelection): Sql[] {
  const { from, to, filter } = selection;
  if (from === undefined && to === undefined && filter === undefined) return [];
  const where = and(selectionConditions(selection, queries));
  return [sql`trace_id IN (SELECT trace_id FROM ${queries.table("traces")} FINAL WHERE ${where})`];
}

/** The edits of the selected experiments only: the sort key of their tables begins with the experiment. */
function ofExperiments({ experimentIds }: TraceSelection, queries: Queries): Sql[] {
  return experimentConditions({ ...(experimentIds && { experimentIds }), table: (name) => queries.table(name) });
}
