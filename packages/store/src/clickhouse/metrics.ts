/**
 * Metrics: one number from many rows, by time and by group.
 */
import { type Aggregation, type DimensionReference, metricTable, percentileShare } from "@sightline/wire/model/metric";
import type { CallOptions, MetricPoint, MetricQuery } from "../telemetry-store.ts";
import type { Cell } from "./columns.ts";
import { experimentConditions, spanScope } from "./filter-scope.ts";
import { dimensionSql, metricSql, type ViewSql, viewSql } from "./metric-views.ts";
import type { Queries } from "./queries.ts";
import { and, join, param, raw, type Sql, sql } from "./sql.ts";
import { ofSelectedTraces, type TraceFact, traceRows } from "./trace-rows.ts";

/** Over `measure`; percentiles are in `aggregationList`. */
const aggregationSql: Readonly<Record<string, string>> = {
  count: "count(measure)",
  sum: "sum(measure)",
  avg: "avg(measure)",
  min: "min(measure)",
  max: "max(measure)",
};

/** @see TelemetryStore.aggregate */
export async function aggregate(queries: Queries, query: MetricQuery, options: CallOptions): Promise<MetricPoint[]> {
  const view = viewSql(query.view);
  const dimensions = [...query.groupBy, ...(query.only ?? []).map(({ dimension }) => dimension)];
  const { rows: all, columns } = measuredRows(queries, query, view, dimensions);
  const rows = withOnly(query, all, columns.slice(query.groupBy.length));
  const groups = columns.slice(0, query.groupBy.length).map(raw);
  const [keys, from] = query.top === undefined ? [groups, rows] : joinOthers(rows, groups, query.top);
  const { intervalSeconds } = query;
  const bucket =
    intervalSeconds === undefined
      ? []
      : [sql`intDiv(time_us, ${param(BigInt(intervalSeconds) * 1_000_000n, "Int64")}) AS bucket`];
  const names = [...bucket.map(() => raw("bucket")), ...(query.top === undefined ? [] : [raw("is_other")]), ...keys];
  const answer = await queries.rows(
    sql`SELECT ${list([...names, ...aggregationList(query)])}
      FROM (SELECT ${list([...bucket, raw("*")])} FROM (${from}))
      ${names.length === 0 ? raw("") : sql`GROUP BY ${list(names)}`}
      HAVING count() > 0
      ${names.length === 0 ? raw("") : sql`ORDER BY ${list(names)}`}
      LIMIT ${param(query.limit, "UInt32")}`,
    options,
  );
  return answer.map((cells) => toPoint(query, cells));
}

/**
 * The rows to measure: `time_us`, `measure`, and a column for each dimension.
 *
 * Spans and assessments are kept under the experiment of their trace.
 */
function measuredRows(
  queries: Queries,
  query: MetricQuery,
  view: ViewSql,
  dimensions: readonly DimensionReference[],
): { rows: Sql; columns: string[] } {
  const columns: string[] = [];
  const facts: TraceFact[] = [];
  const own: Sql[] = [];
  for (const { name, key } of dimensions) {
    const dimension = dimensionSql(view, name);
    if ("fact" in dimension) {
      columns.push(`fact_${facts.length}`);
      facts.push({ name: dimension.fact, ...(key !== undefined && { key }) });
    } else {
      const column = `own_${own.length}`;
      columns.push(column);
      const expression = "own" in dimension ? raw(dimension.own) : dimension.ownKeyed(param(key ?? "", "String"));
      own.push(sql`${expression} AS ${raw(column)}`);
    }
  }
  const measure = metricSql(view, query.metric);
  if (query.view === "traces") {
    return { rows: traceRows(queries, query, { facts, columns: { time_us: raw(view.timeUs), measure } }), columns };
  }
  const withDimensions = new Set(dimensions.map(({ name }) => name));
  const conditions = [
    ...onRowConditions(query, queries),
    ...(query.view === "assessments" && !withDimensions.has("valid") ? [raw("valid = 1")] : []),
    ...(facts.length > 0 ? [] : ofSelectedTraces(queries, query)),
  ];
  const rows = sql`SELECT ${list([raw("trace_id"), sql`${raw(view.timeUs)} AS time_us`, sql`${measure} AS measure`, ...own])}
    FROM ${queries.table(view.table)} FINAL WHERE ${and(conditions)}`;
  if (facts.length === 0) return { rows, columns };
  const picked = ["measured.time_us AS time_us", "measured.measure AS measure"].concat(
    columns.map((column) => `${column.startsWith("fact_") ? "trace" : "measured"}.${column} AS ${column}`),
  );
  return {
    rows: sql`SELECT ${raw(picked.join(", "))} FROM (${rows}) AS measured
      INNER JOIN (${traceRows(queries, query, { facts })}) AS trace ON trace.trace_id = measured.trace_id`,
    columns,
  };
}

/** What can be said of a span or assessment without its trace, so that the sort key leaves out the rest. */
function onRowConditions({ view, ...query }: MetricQuery, queries: Queries): Sql[] {
  const scope = { ...query, table: (name: string) => queries.table(name) };
  return view === "spans" ? spanScope(scope) : experimentConditions(scope);
}

/** The rows that satisfy `only`. @param columns  one for each entry of it */
function withOnly({ only = [] }: MetricQuery, rows: Sql, columns: readonly string[]): Sql {
  if (only.length === 0) return rows;
  const conditions = only.map(({ values }, index) => {
    const column = raw(columns[index] ?? "");
    const texts = values.filter((value) => value !== null);
    const isOneOf = sql`ifNull(${column} IN ${param(texts, "Array(String)")}, 0)`;
    return values.includes(null) ? sql`${isOneOf} OR ${column} IS NULL` : isOneOf;
  });
  return sql`SELECT * FROM (${rows}) WHERE ${and(conditions)}`;
}

/** The rows with `is_other`, and group columns that are NULL where it is 1. */
function joinOthers(rows: Sql, groups: readonly Sql[], top: number): [keys: Sql[], rows: Sql] {
  // NULL is never IN a list: a flag and a text stand for it.
  const identity = sql`tuple(${list(groups.map((column) => sql`isNull(${column}), toString(ifNull(${column}, ''))`))})`;
  const keys = groups.map((_, index) => raw(`group_${index}`));
  const columns = groups.map((column, index) => sql`if(is_other, NULL, ${column}) AS ${raw(`group_${index}`)}`);
  return [
    keys,
    sql`SELECT ${list([raw("time_us"), raw("measure"), raw("is_other"), ...columns])} FROM (
        SELECT *, ${identity} NOT IN (
          SELECT ${identity} AS identity FROM (${rows}) GROUP BY identity ORDER BY count() DESC, identity
          LIMIT ${param(top, "UInt32")}
        ) AS is_other FROM (${rows}))`,
  ];
}

/**
 * One column for each aggregation.
 *
 * quantilesExactInclusive interpolates between the values at ⌊p·(n-1)⌋ and the next, as PERCENTILE_CONT does. One call with all
 * shares keeps and sorts the values once; ClickHouse computes the expression that is repeated here once.
 */
function aggregationList({ view, metric, aggregations }: MetricQuery): Sql[] {
  const metrics: Readonly<Record<string, { readonly distinct: boolean }>> = metricTable[view].metrics;
  const shares = aggregations.map(percentileShare).filter((share) => share !== undefined);
  return aggregations.map((aggregation) => {
    const share = percentileShare(aggregation);
    if (share !== undefined) {
      return raw(`quantilesExactInclusive(${shares.join(", ")})(measure)[${shares.indexOf(share) + 1}]`);
    }
    return raw(metrics[metric]?.distinct ? "uniqExact(measure)" : (aggregationSql[aggregation] ?? ""));
  });
}

function list(parts: readonly Sql[]): Sql {
  return join(parts, ", ");
}

function toPoint(query: MetricQuery, cells: readonly Cell[]): MetricPoint {
  const { intervalSeconds, groupBy, aggregations, top } = query;
  const rest = [...cells];
  const bucket = intervalSeconds === undefined ? undefined : rest.shift();
  const isOther = top !== undefined && Number(rest.shift()) === 1;
  const group = groupBy.map(() => textOrNull(rest.shift()));
  const values = aggregations.map((aggregation): [Aggregation, number | null] => [
    aggregation,
    numberOrNull(rest.shift()),
  ]);
  return {
    ...(intervalSeconds !== undefined && { time: BigInt(String(bucket)) * BigInt(intervalSeconds) * 1_000_000_000n }),
    ...(isOther ? { other: true } : groupBy.length > 0 && { group }),
    values: Object.fromEntries(values),
  };
}

function textOrNull(cell: Cell | undefined): string | null {
  return cell === null || cell === undefined ? null : String(cell);
}

function numberOrNull(cell: Cell | undefined): number | null {
  return cell === null || cell === undefined ? null : Number(cell);
}
