/**
 * How the views of metrics lie in their tables: one row for each metric and dimension of wire's `metricTable`.
 */
import type { DimensionName, MetricName, MetricView } from "@sightline/wire/model/metric";
import { raw, type Sql, sql } from "./sql.ts";
import type { TraceFactName } from "./trace-rows.ts";

/** Where the value of a dimension comes from; NULL = the row has none. */
export type DimensionSql =
  /** Text over a row of the view's table. */
  | { readonly own: string }
  /** The same, by key. */
  | { readonly ownKeyed: (key: Sql) => Sql }
  /** A fact of the row's trace. */
  | { readonly fact: TraceFactName };

export interface ViewSql {
  readonly table: string;
  /** When a row happened, in microseconds. */
  readonly timeUs: string;
  /** NULL = not known; such rows are in no aggregation. */
  readonly metrics: Readonly<Record<string, string>>;
  readonly dimensions: Readonly<Record<string, DimensionSql>>;
}

/** Microseconds as milliseconds, as `durationMs` of wire cuts them. */
const SPAN_LATENCY =
  "intDiv(greatest(toUnixTimestamp64Nano(end_time) - toUnixTimestamp64Nano(start_time), 0), 1000) / 1000";

const RUNNING_SPAN = "toUnixTimestamp64Nano(end_time) = 0";

const own = (expression: string) => ({ own: expression });
const optional = (column: string) => ({ own: `nullIf(toString(${column}), '')` });
const fact = (name: TraceFactName) => ({ fact: name });

const factsOfTrace = {
  session: fact("session"),
  user: fact("user"),
  version: fact("version"),
  source: fact("source"),
  run: fact("run"),
  tags: fact("tags"),
  metadata: fact("metadata"),
};

/** The text of an attribute: a JSON string decoded, anything else as it is. */
export function attributeText(key: Sql): Sql {
  const json = sql`attributes[${key}]`;
  return sql`if(mapContains(attributes, ${key}), if(startsWith(${json}, '"'), JSONExtractString(${json}), ${json}), NULL)`;
}

const viewTable = {
  traces: {
    table: "traces",
    timeUs: "toUnixTimestamp64Micro(start_time)",
    metrics: {
      trace_count: "1",
      session_count: "nullIf(session_id, '')",
      user_count: "nullIf(user_id, '')",
      error_rate: "if(state = 'IN_PROGRESS', NULL, toUInt8(state = 'ERROR'))",
      // What a running trace has lasted until its last span would pull percentiles down.
      latency: "if(state = 'IN_PROGRESS', NULL, duration_us / 1000)",
      input_tokens: "input_tokens",
      output_tokens: "output_tokens",
      total_tokens: "total_tokens",
      cache_read_input_tokens: "cache_read_input_tokens",
      cache_creation_input_tokens: "cache_creation_input_tokens",
      reasoning_tokens: "reasoning_tokens",
      cost: "cost_usd",
    },
    dimensions: {
      name: fact("name"),
      status: fact("status"),
      experiment: fact("experiment"),
      model: fact("model"),
      ...factsOfTrace,
    },
  },
  spans: {
    table: "spans",
    timeUs: "intDiv(toUnixTimestamp64Nano(start_time), 1000)",
    metrics: {
      span_count: "1",
      error_rate: `if(${RUNNING_SPAN}, NULL, toUInt8(status_code = 'ERROR'))`,
      latency: `if(${RUNNING_SPAN}, NULL, ${SPAN_LATENCY})`,
      input_tokens: "input_tokens",
      output_tokens: "output_tokens",
      total_tokens: "total_tokens",
      cache_read_input_tokens: "cache_read_input_tokens",
      cache_creation_input_tokens: "cache_creation_input_tokens",
      reasoning_tokens: "reasoning_tokens",
      cost: "cost_usd",
    },
    dimensions: {
      span_name: own("toString(name)"),
      span_type: own("toString(span_type)"),
      span_status: own("toString(status_code)"),
      model: optional("model"),
      provider: optional("provider"),
      service: optional("service"),
      attributes: { ownKeyed: attributeText },
      experiment: own("toString(experiment_id)"),
      trace_name: fact("name"),
      trace_status: fact("status"),
      ...factsOfTrace,
    },
  },
  assessments: {
    table: "assessments",
    timeUs: "toUnixTimestamp64Micro(create_time)",
    metrics: {
      assessment_count: "1",
      assessment_value: "value_number",
      error_rate: "toUInt8(error != '')",
    },
    dimensions: {
      assessment_name: own("toString(name)"),
      assessment_value: own("if(value = '', NULL, value_text)"),
      kind: own("toString(kind)"),
      source_type: optional("source_type"),
      source_id: optional("source_id"),
      scorer_run: optional("run_id"),
      valid: own("if(valid = 1, 'true', 'false')"),
      experiment: own("toString(experiment_id)"),
      trace_name: fact("name"),
      trace_status: fact("status"),
      ...factsOfTrace,
    },
  },
} satisfies {
  [View in MetricView]: ViewSql & {
    metrics: Record<MetricName<View>, string>;
    dimensions: Record<DimensionName<View>, DimensionSql>;
  };
};

/** The row of a view. */
export function viewSql(view: MetricView): ViewSql {
  return viewTable[view];
}

/** @throws RangeError if the view has no such metric */
export function metricSql(view: ViewSql, name: string): Sql {
  return raw(rowOf(view.metrics, name));
}

/** @throws RangeError if the view has no such dimension */
export function dimensionSql(view: ViewSql, name: string): DimensionSql {
  return rowOf(view.dimensions, name);
}

function rowOf<Row>(rows: Readonly<Record<string, Row>>, name: string): Row {
  const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
  if (row === undefined) throw new RangeError(`There is no metric or dimension "${name}".`);
  return row;
}
