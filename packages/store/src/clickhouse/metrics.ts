/**
 * Metrics: one number from many rows, by time and by group.
 */
import type { Aggregation, DimensionName, MetricName, MetricView } from "@sightline/wire/model/metric";
import type { CallOptions, MetricPoint, MetricQuery } from "../telemetry-store.ts";
import type { Cell } from "./columns.ts";
import type { Queries } from "./queries.ts";
import { selectionConditions } from "./selection.ts";
import { and, join, param, raw, type Sql, sql } from "./sql.ts";

/** How a view lies in its table. */
interface ViewSql {
  readonly table: string;
  /** Start of a row in microseconds. */
  readonly startUs: string;
  /** NULL = not known; such rows are in no aggregation. */
  readonly metrics: Readonly<Record<string, string>>;
  /** Text; NULL = the row has none. */
  readonly dimensions: Readonly<Record<string, string>>;
}

/** Microseconds as milliseconds, as `durationMs` of wire cuts them. */
const SPAN_LATENCY =
  "intDiv(greatest(toUnixTimestamp64Nano(end_time) - toUnixTimestamp64Nano(start_time), 0), 1000) / 1000";

/** One row for each metric and dimension of wire's `metricTable`. Assessments have no table yet. */
const viewSql = {
  traces: {
    table: "traces",
    startUs: "toUnixTimestamp64Micro(start_time)",
    metrics: {
      trace_count: "1",
      // What a running trace has lasted until its last span would pull percentiles down.
      latency: "if(state = 'IN_PROGRESS', NULL, duration_us / 1000)",
      input_tokens: "input_tokens",
      output_tokens: "output_tokens",
      total_tokens: "total_tokens",
      cache_read_input_tokens: "cache_read_input_tokens",
      cache_creation_input_tokens: "cache_creation_input_tokens",
      cost: "cost_usd",
    },
    dimensions: {
      name: "toString(name)",
      status: "toString(state)",
      session: "nullIf(session_id, '')",
      user: "nullIf(user_id, '')",
    },
  },
  spans: {
    table: "spans",
    startUs: "intDiv(toUnixTimestamp64Nano(start_time), 1000)",
    metrics: {
      span_count: "1",
      latency: `if(toUnixTimestamp64Nano(end_time) = 0, NULL, ${SPAN_LATENCY})`,
      input_tokens: "input_tokens",
      output_tokens: "output_tokens",
      total_tokens: "total_tokens",
      cost: "cost_usd",
    },
    dimensions: {
      span_name: "toString(name)",
      span_type: "toString(span_type)",
      span_status: "toString(status_code)",
      model: "nullIf(toString(model), '')",
      provider: "nullIf(toString(provider), '')",
    },
  },
} satisfies {
  [View in Exclude<MetricView, "assessments">]: ViewSql & {
    metrics: Record<MetricName<View>, string>;
    dimensions: Record<DimensionName<View>, string>;
  };
};

/** Over `measure`. quantileExactInclusive interpolates between the values at ⌊p·(n-1)⌋ and the next, as PERCENTILE_CONT does. */
const aggregationSql: Readonly<Record<Aggregation, string>> = {
  count: "count(measure)",
  sum: "sum(measure)",
  avg: "avg(measure)",
  min: "min(measure)",
  max: "max(measure)",
  p50: "quantileExactInclusive(0.5)(measure)",
  p90: "quantileExactInclusive(0.9)(measure)",
  p95: "quantileExactInclusive(0.95)(measure)",
  p99: "quantileExactInclusive(0.99)(measure)",
};

/** @see TelemetryStore.aggregate */
export async function aggregate(queries: Queries, query: MetricQuery, options: CallOptions): Promise<MetricPoint[]> {
  const view: ViewSql = viewSql[query.view];
  const bucketUs = query.intervalSeconds === undefined ? undefined : BigInt(query.intervalSeconds) * 1_000_000n;
  const keys = [
    ...(bucketUs === undefined ? [] : [bucketOf(view, bucketUs)]),
    ...query.groupBy.map((name) => expressionOf(view.dimensions, name)),
  ];
  const rows = await queries.rows(
    // The names of the keys are no columns: the filter of the inner query means columns only.
    sql`SELECT ${list([...keys.map((_, index) => raw(`key_${index}`)), ...query.aggregations.map(aggregationOf)])}
      FROM (
        SELECT ${list([...keys.map((key, index) => sql`${key} AS ${raw(`key_${index}`)}`), sql`${expressionOf(view.metrics, query.metric)} AS measure`])}
        FROM ${queries.table(view.table)} FINAL
        WHERE ${and(query.view === "traces" ? selectionConditions(query, queries) : spanConditions(query, queries))}
      )
      ${keys.length === 0 ? raw("") : sql`GROUP BY ${keyNames(keys)}`}
      HAVING count() > 0
      ${keys.length === 0 ? raw("") : sql`ORDER BY ${keyNames(keys)}`}
      LIMIT ${param(query.limit, "UInt32")}`,
    options,
  );
  return rows.map((cells) => toPoint(query, cells));
}

/**
 * The spans of the traces that are selected.
 *
 * Spans are kept under the experiment of their trace, and none starts before its trace: both let the sort key of `spans` leave
 * out what the list of trace ids would need a Bloom filter for.
 */
function spanConditions(query: MetricQuery, queries: Queries): Sql[] {
  const { experimentIds, from, to, filter } = query;
  const onSpans = selectionConditions(
    { ...(experimentIds && { experimentIds }), ...(from !== undefined && { from }) },
    queries,
  );
  if (from === undefined && to === undefined && filter === undefined) return onSpans;
  const onTraces = and(selectionConditions(query, queries));
  return [...onSpans, sql`trace_id IN (SELECT trace_id FROM ${queries.table("traces")} FINAL WHERE ${onTraces})`];
}

/** The index of the bucket, counted from the epoch. */
function bucketOf(view: ViewSql, bucketUs: bigint): Sql {
  return sql`intDiv(${raw(view.startUs)}, ${param(bucketUs, "Int64")})`;
}

function aggregationOf(aggregation: Aggregation): Sql {
  return raw(aggregationSql[aggregation]);
}

function expressionOf(rows: Readonly<Record<string, string>>, name: string): Sql {
  const expression = Object.hasOwn(rows, name) ? rows[name] : undefined;
  if (expression === undefined) throw new RangeError(`There is no metric or dimension "${name}".`);
  return raw(expression);
}

function keyNames(keys: readonly Sql[]): Sql {
  return list(keys.map((_, index) => raw(`key_${index}`)));
}

function list(parts: readonly Sql[]): Sql {
  return join(parts, ", ");
}

function toPoint({ intervalSeconds, groupBy, aggregations }: MetricQuery, cells: readonly Cell[]): MetricPoint {
  const rest = [...cells];
  const bucket = intervalSeconds === undefined ? undefined : rest.shift();
  const group = groupBy.map((name) => [name, textOrNull(rest.shift())] as const);
  const values = aggregations.map((aggregation) => [aggregation, numberOrNull(rest.shift())] as const);
  return {
    ...(intervalSeconds !== undefined && { time: BigInt(String(bucket)) * BigInt(intervalSeconds) * 1_000_000_000n }),
    ...(groupBy.length > 0 && { group: Object.fromEntries(group) }),
    values: Object.fromEntries(values),
  };
}

function textOrNull(cell: Cell | undefined): string | null {
  return cell === null || cell === undefined ? null : String(cell);
}

function numberOrNull(cell: Cell | undefined): number | null {
  return cell === null || cell === undefined ? null : Number(cell);
}
