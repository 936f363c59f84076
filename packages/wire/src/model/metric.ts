/**
 * What can be measured, as a table: request check, SQL and reference read the same rows.
 *
 * A new metric or dimension is a row here and one in the store's `metric-views.ts`; types insist on both. Names follow MLflow's
 * metrics (`mlflow.tracing.constant`) where it has one.
 */

/** What a number is computed from: traces, their spans, or their assessments. */
export const METRIC_VIEWS = ["traces", "spans", "assessments"] as const;
export type MetricView = (typeof METRIC_VIEWS)[number];

/** How many values become one. `count` counts the values that are known, of a `distinct` metric the different ones. */
export const PLAIN_AGGREGATIONS = ["count", "sum", "avg", "min", "max"] as const;

/**
 * `pNN` is the percentile with linear interpolation between the two nearest values (PERCENTILE_CONT of SQL, the default of
 * NumPy): `p0` to `p100`, with up to three decimals (`p99.9`).
 */
export type Aggregation = (typeof PLAIN_AGGREGATIONS)[number] | `p${number}`;

/** Those that completion and reference name; any other `pNN` works too. */
export const AGGREGATIONS = [...PLAIN_AGGREGATIONS, "p50", "p75", "p90", "p95", "p99"] as const;

const PERCENTILE = /^p(\d{1,2}(?:\.\d{1,3})?|100)$/;

/** Reads the name of an aggregation; undefined if there is none of this name. */
export function readAggregation(text: string): Aggregation | undefined {
  const plain = PLAIN_AGGREGATIONS.find((name) => name === text);
  if (plain !== undefined) return plain;
  const percent = PERCENTILE.exec(text)?.[1];
  return percent === undefined ? undefined : `p${Number(percent)}`;
}

/** The share of values below a percentile, 0 to 1; undefined for other aggregations. */
export function percentileShare(aggregation: Aggregation): number | undefined {
  const percent = PERCENTILE.exec(aggregation)?.[1];
  // Through the decimal text: 0.999, where 99.9 / 100 is 0.9990000000000001.
  return percent === undefined ? undefined : Number(`${percent}e-2`);
}

export interface Metric {
  /** Other spellings, those of MLflow. */
  readonly aliases: readonly string[];
  readonly unit: "1" | "ms" | "tokens" | "USD";
  /** Whether there are values to add up and compare; the others are counted only. */
  readonly numeric: boolean;
  /** Whether equal values count once. */
  readonly distinct: boolean;
  /** One sentence for the reference. */
  readonly help: string;
}

export interface Dimension {
  readonly aliases: readonly string[];
  /** Whether a key follows: `tags.env`. */
  readonly keyed: boolean;
  /** Whether it is a fact of the trace that spans and assessments are grouped by; the row's own otherwise. */
  readonly ofTrace: boolean;
  readonly help: string;
}

interface ViewRow {
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly dimensions: Readonly<Record<string, Dimension>>;
}

/** A number of things: there is nothing to add up. */
const number = (help: string): Metric => ({ aliases: [], unit: "1", numeric: false, distinct: false, help });
/** A number of different things. */
const different = (help: string): Metric => ({ aliases: [], unit: "1", numeric: false, distinct: true, help });
const measure = (unit: Metric["unit"], help: string, ...aliases: string[]): Metric => ({
  aliases,
  unit,
  numeric: true,
  distinct: false,
  help,
});

const own = (help: string, ...aliases: string[]): Dimension => ({ aliases, keyed: false, ofTrace: false, help });
const ownKeyed = (help: string, ...aliases: string[]): Dimension => ({ aliases, keyed: true, ofTrace: false, help });
const asFactOfTrace = <const D extends Dimension>(dimension: D) => ({ ...dimension, ofTrace: true });

/** What a trace can be grouped by beside its name and status, and its spans and assessments with it. */
const traceFacts = {
  session: own("Id of the session of the trace; null without one.", "session_id"),
  user: own("Id of the user of the trace; null without one.", "user_id"),
  version: own("Version of the agent that ran; null without one.", "app_version"),
  source: own("Program or service that sent the trace; null without one."),
  run: own("Id of the run that the trace belongs to; a trace of several runs is in the group of each.", "run_id"),
  tags: ownKeyed("Tag of the trace, as people edited it.", "tag"),
  metadata: ownKeyed("Metadata entry of the trace, as it was edited.", "request_metadata"),
} as const;

const factsOfTrace = {
  trace_name: asFactOfTrace(own("Name of the trace.")),
  trace_status: asFactOfTrace(own("OK, ERROR or IN_PROGRESS.")),
  session: asFactOfTrace(traceFacts.session),
  user: asFactOfTrace(traceFacts.user),
  version: asFactOfTrace(traceFacts.version),
  source: asFactOfTrace(traceFacts.source),
  run: asFactOfTrace(traceFacts.run),
  tags: asFactOfTrace(traceFacts.tags),
  metadata: asFactOfTrace(traceFacts.metadata),
} as const;

const experiment = own("Id of the experiment.", "experiment_id");

/** Metrics and dimensions of each view, by their names. */
export const metricTable = {
  traces: {
    metrics: {
      trace_count: number("Traces."),
      session_count: different("Different sessions."),
      user_count: different("Different users."),
      error_rate: measure(
        "1",
        "1 for a failed trace, 0 for another, unknown while it is in progress: `avg` is the rate, `sum` the errors.",
      ),
      latency: measure("ms", "From the start of the trace to its end; unknown while it is in progress."),
      input_tokens: measure("tokens", "Input tokens of the whole trace, each model call once."),
      output_tokens: measure("tokens", "Output tokens of the whole trace."),
      total_tokens: measure("tokens", "All tokens of the trace."),
      cache_read_input_tokens: measure("tokens", "Input tokens that came from a cache."),
      cache_creation_input_tokens: measure("tokens", "Input tokens that were put into a cache."),
      reasoning_tokens: measure("tokens", "Output tokens that were spent on reasoning."),
      cost: measure("USD", "Cost of the whole trace.", "total_cost"),
    },
    dimensions: {
      name: own("Name of the trace.", "trace_name"),
      status: own("OK, ERROR or IN_PROGRESS.", "trace_status", "state"),
      experiment,
      model: own("Model that the trace called; a trace that called several is in the group of each.", "models"),
      ...traceFacts,
    },
  },
  spans: {
    metrics: {
      span_count: number("Spans."),
      error_rate: measure("1", "1 for a failed span, 0 for another; unknown while it is running."),
      latency: measure("ms", "From the start of the span to its end; unknown while it is running."),
      input_tokens: measure(
        "tokens",
        "Input tokens as the span reports them; a parent may report those of its children again.",
      ),
      output_tokens: measure("tokens", "Output tokens as the span reports them."),
      total_tokens: measure("tokens", "All tokens as the span reports them."),
      cache_read_input_tokens: measure("tokens", "Input tokens that came from a cache, as the span reports them."),
      cache_creation_input_tokens: measure("tokens", "Input tokens put into a cache, as the span reports them."),
      reasoning_tokens: measure("tokens", "Tokens spent on reasoning, as the span reports them."),
      cost: measure("USD", "Cost as the span reports it.", "total_cost"),
    },
    dimensions: {
      span_name: own("Name of the span.", "name"),
      span_type: own("Type of the span, such as LLM or TOOL.", "type"),
      span_status: own("OK, ERROR or UNSET.", "status"),
      model: own("Model that was called; null without one.", "span_model_name"),
      provider: own("Provider of the model; null without one.", "span_model_provider"),
      service: own("Service that the span comes from; null without one."),
      attributes: ownKeyed("Attribute of the span; JSON text unless it is a string.", "attribute"),
      experiment,
      ...factsOfTrace,
    },
  },
  assessments: {
    metrics: {
      assessment_count: number("Assessments."),
      assessment_value: measure(
        "1",
        "Numeric values of assessments; yes, true and pass are 1, no, false and fail 0.",
        "value",
      ),
      error_rate: measure("1", "1 for an assessment whose scorer failed, 0 for another."),
    },
    dimensions: {
      assessment_name: own("Name of the assessment.", "name"),
      assessment_value: own("Value of the assessment as text; null without one.", "value"),
      kind: own("feedback, expectation or issue.", "assessment_type", "type"),
      source_type: own("Kind of the source, such as HUMAN, LLM_JUDGE or CODE."),
      source_id: own("Who or what judged: a user, a scorer."),
      scorer_run: own("Id of the evaluation run that made the assessment; null without one."),
      valid: own("false = another one corrects it. Those are counted only when grouped or chosen by this."),
      experiment,
      ...factsOfTrace,
    },
  },
} as const satisfies Record<MetricView, ViewRow>;

export type MetricName<View extends MetricView> = keyof (typeof metricTable)[View]["metrics"];
export type DimensionName<View extends MetricView> = keyof (typeof metricTable)[View]["dimensions"];

/** A dimension of a query: its canonical name and, if it is keyed, the key. */
export interface DimensionReference {
  readonly name: string;
  readonly key?: string;
}

/**
 * The canonical name of a metric or dimension.
 *
 * @param rows  a part of {@link metricTable}
 * @param name  canonical or an alias
 * @returns undefined if no row has this name
 */
export function findName(
  rows: Readonly<Record<string, { readonly aliases: readonly string[] }>>,
  name: string,
): string | undefined {
  if (Object.hasOwn(rows, name)) return name;
  return Object.entries(rows).find(([, { aliases }]) => aliases.includes(name))?.[0];
}

/**
 * Reads a dimension: `name`, `tags.env`; all behind the first dot is the key, in backticks or not.
 *
 * @returns undefined if there is none of this name, a key where none belongs, or none where one does
 */
export function findDimension(view: MetricView, text: string): DimensionReference | undefined {
  const rows: Readonly<Record<string, Dimension>> = metricTable[view].dimensions;
  const plain = findName(rows, text);
  if (plain !== undefined) return rows[plain]?.keyed ? undefined : { name: plain };
  const dot = text.indexOf(".");
  const name = dot === -1 ? undefined : findName(rows, text.slice(0, dot));
  if (name === undefined || !rows[name]?.keyed) return undefined;
  const key = unquoted(text.slice(dot + 1));
  return key === "" ? undefined : { name, key };
}

function unquoted(key: string): string {
  return /^`.*`$/s.test(key) && key.length > 1 ? key.slice(1, -1).replaceAll("``", "`") : key;
}
