/**
 * The values that fields have, by how many traces have them: for completion and facets.
 */
import type { CallOptions, TraceSelection } from "../telemetry-store.ts";
import type { FieldValues, ValuesQuery } from "../trace-values.ts";
import type { Cell } from "./columns.ts";
import { experimentConditions, spanScope } from "./filter-scope.ts";
import type { Queries } from "./queries.ts";
import { selectionConditions } from "./selection.ts";
import { and, join, param, raw, type Sql, sql } from "./sql.ts";
import { ofSelectedTraces, traceRows } from "./trace-rows.ts";
import { type ValueSource, valueSource } from "./value-fields.ts";

/** Beyond so many traces only the newest are counted: a value costs 0.15 µs, one of a span 0.5 to 1 µs (5 M spans, chDB 3.4). */
const MAX_TRACES = 1_000_000;
const MAX_VALUES = 3_000_000;
const MAX_TRACES_OF_SPANS = 50_000;

/** @see TraceValues.startRange */
export async function startRange(
  queries: Queries,
  selection: TraceSelection,
  options: CallOptions,
): Promise<{ first: bigint; last: bigint } | undefined> {
  const [row] = await queries.rows(
    sql`SELECT toString(toUnixTimestamp64Micro(min(start_time))), toString(toUnixTimestamp64Micro(max(start_time)))
      FROM ${queries.table("traces")} FINAL WHERE ${and(selectionConditions(selection, queries))} HAVING count() > 0`,
    options,
  );
  return row && { first: BigInt(String(row[0])) * 1000n, last: BigInt(String(row[1])) * 1000n };
}

/** Fields that one scan counts. */
interface Scan {
  readonly of: ValueSource["of"];
  readonly members: { readonly source: ValueSource; readonly index: number }[];
}

/** @see TraceValues.listValues */
export async function listValues(queries: Queries, query: ValuesQuery, options: CallOptions): Promise<FieldValues[]> {
  const results: FieldValues[] = [];
  for (const scan of scansOf(query.fields.map(valueSource))) {
    const maxTraces = query.maxTraces ?? tracesFor(scan);
    const { selection, isWhole } = await newestTraces(queries, query, maxTraces, options);
    const rows = await queries.rows(countValues(query, scan, scanRows(queries, selection, scan)), options);
    for (const [position, { index }] of scan.members.entries()) {
      const ofField = rows.filter(([field]) => Number(field) === position);
      results[index] = toFieldValues(ofField, !isWhole);
    }
  }
  return results;
}

function tracesFor({ of, members }: Scan): number {
  if (of !== "trace") return MAX_TRACES_OF_SPANS;
  return Math.min(MAX_TRACES, Math.floor(MAX_VALUES / members.length));
}

/**
 * Facts of traces that a trace has once are counted in one scan, and so are those of spans. What makes several rows of one would
 * multiply the others: it is scanned alone.
 */
function scansOf(sources: readonly ValueSource[]): Scan[] {
  const scans: Scan[] = [];
  for (const [index, source] of sources.entries()) {
    const isAlone = source.of === "assessment" || source.isMany;
    const shared = isAlone
      ? undefined
      : scans.find(({ of, members: [first] }) => of === source.of && !isMany(first?.source));
    if (shared === undefined) scans.push({ of: source.of, members: [{ source, index }] });
    else shared.members.push({ source, index });
  }
  return scans;
}

function isMany(source: ValueSource | undefined): boolean {
  return source !== undefined && source.of !== "assessment" && source.isMany;
}

/** The selection cut to its newest traces. Counted without FINAL: traces that were replaced make the cut come earlier. */
export async function newestTraces(
  queries: Queries,
  selection: TraceSelection,
  maxTraces: number,
  options: CallOptions,
): Promise<{ selection: TraceSelection; isWhole: boolean }> {
  const [row] = await queries.rows(
    sql`SELECT toString(toUnixTimestamp64Micro(start_time)) FROM ${queries.table("traces")}
      WHERE ${and([raw("is_deleted = 0"), ...selectionConditions(selection, queries)])}
      ORDER BY start_time DESC LIMIT 1 OFFSET ${param(maxTraces, "UInt64")}`,
    options,
  );
  if (row === undefined) return { selection, isWhole: true };
  // Behind the first one that is too many.
  const from = (BigInt(String(row[0])) + 1n) * 1000n;
  return { selection: { ...selection, from }, isWhole: false };
}

/** Rows of `field` (position in the scan), `value` and `trace_id`. */
function scanRows(queries: Queries, selection: TraceSelection, { of, members }: Scan): Sql {
  if (of === "trace") {
    const facts = members.flatMap(({ source }) => (source.of === "trace" ? source.fact : []));
    const columns = facts.map((_, index) => raw(`fact_${index}`));
    return sql`SELECT ${unfold(columns)}, trace_id FROM (${traceRows(queries, selection, { facts })})`;
  }
  const scope = { ...selection, table: (name: string) => queries.table(name) };
  const onRow = of === "span" ? spanScope(scope) : experimentConditions(scope);
  const ofTraces = ofSelectedTraces(queries, selection);
  if (of === "span") {
    const columns = members.flatMap(({ source }) => (source.of === "span" ? source.value : []));
    return sql`SELECT ${unfold(columns)}, trace_id FROM ${queries.table("spans")} FINAL WHERE ${and([...onRow, ...ofTraces])}`;
  }
  const [member] = members;
  if (member?.source.of !== "assessment") throw new RangeError("A scan of assessments has one field.");
  const { kind, name } = member.source;
  const ofKind = [sql`kind = ${param(kind, "String")}`, raw("valid = 1")];
  const named = name === undefined ? [] : [sql`name = ${param(name, "String")}`];
  const text = name === undefined ? raw("toString(name)") : raw("if(value = '', NULL, value_text)");
  return sql`SELECT ${unfold([text])}, trace_id FROM ${queries.table("assessments")} FINAL
    WHERE ${and([...onRow, ...ofKind, ...named, ...ofTraces])}`;
}

/** `field` and `value`: a row for each column. */
function unfold(columns: readonly Sql[]): Sql {
  if (columns.length === 1) return sql`0 AS field, ${join(columns, "")} AS value`;
  const pairs = columns.map((column, index) => sql`tuple(${raw(String(index))}, CAST(${column}, 'Nullable(String)'))`);
  return sql`arrayJoin([${join(pairs, ", ")}]) AS pair, pair.1 AS field, pair.2 AS value`;
}

function countValues({ prefix, contains, limit }: ValuesQuery, { of }: Scan, rows: Sql): Sql {
  const conditions = [
    raw("value IS NOT NULL"),
    ...(prefix === undefined
      ? []
      : [sql`startsWith(lowerUTF8(assumeNotNull(value)), lowerUTF8(${param(prefix, "String")}))`]),
    ...(contains === undefined
      ? []
      : [sql`position(lowerUTF8(assumeNotNull(value)), lowerUTF8(${param(contains, "String")})) > 0`]),
  ];
  // Several spans or assessments of one trace may have the value; a trace has it in one row.
  const count = raw(of === "trace" ? "count()" : "uniqExact(trace_id)");
  return sql`SELECT field, value, traces, different FROM (
      SELECT field, value, ${count} AS traces, count() OVER (PARTITION BY field) AS different
      FROM (${rows}) WHERE ${and(conditions)} GROUP BY field, value
    )
    ORDER BY field, traces DESC, value LIMIT ${param(limit, "UInt32")} BY field`;
}

function toFieldValues(rows: readonly (readonly Cell[])[], approximate: boolean): FieldValues {
  return {
    values: rows.map(([, value, count]) => ({ value: String(value), count: Number(count) })),
    distinct: Number(rows[0]?.[3] ?? 0),
    approximate,
  };
}
