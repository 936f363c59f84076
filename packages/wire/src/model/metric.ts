/**
 * What can be measured, as a table: request check, SQL and reference read the same rows.
 *
 * A new metric or dimension is a row here and one in the store's `metrics.ts`; types insist on both. Names follow MLflow's
 * metrics (`mlflow.tracing.constant`) where it has one.
 */

/** What a number is computed from: traces, their spans, or their assessments. */
export const METRIC_VIEWS = ["traces", "spans", "assessments"] as const;
export type MetricView = (typeof METRIC_VIEWS)[number];

/**
 * How many values become one. `count` counts the values that are known; `pNN` is the percentile with linear interpolation
 * between the two nearest values (PERCENTILE_CONT of SQL, the default of NumPy).
 */
export const AGGREGATIONS = ["count", "sum", "avg", "min", "max", "p50", "p90", "p95", "p99"] as const;
export type Aggregation = (typeof AGGREGATIONS)[number];

export interface Metric {
  /** Other spellings, those of MLflow. */
  readonly aliases: readonly string[];
  readonly unit: "1" | "ms" | "tokens" | "USD";
  readonly aggregations: readonly Aggregation[];
  /** One sentence for the reference. */
  readonly help: string;
}

export interface Dimension {
  readonly aliases: readonly string[];
  readonly help: string;
}

interface ViewRow {
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly dimensions: Readonly<Record<string, Dimension>>;
}

/** A number of things: there is nothing to add up. */
const number = (help: string): Metric => ({ aliases: [], unit: "1", aggregations: ["count"], help });
const measure = (unit: Metric["unit"], help: string, ...aliases: string[]): Metric => ({
  aliases,
  unit,
  aggregations: AGGREGATIONS,
  help,
});
const dimension = (help: string, ...aliases: string[]): Dimension => ({ aliases, help });

/** Metrics and dimensions of each view, by their names. */
export const metricTable = {
  traces: {
    metrics: {
      trace_count: number("Traces."),
      latency: measure("ms", "From the start of the trace to its end; unknown while it is in progress."),
      input_tokens: measure("tokens", "Input tokens of the whole trace, each model call once."),
      output_tokens: measure("tokens", "Output tokens of the whole trace."),
      total_tokens: measure("tokens", "All tokens of the trace."),
      cache_read_input_tokens: measure("tokens", "Input tokens that came from a cache."),
      cache_creation_input_tokens: measure("tokens", "Input tokens that were put into a cache."),
      cost: measure("USD", "Cost of the whole trace.", "total_cost"),
    },
    dimensions: {
      name: dimension("Name of the trace.", "trace_name"),
      status: dimension("OK, ERROR or IN_PROGRESS.", "trace_status"),
      session: dimension("Id of the session; null without one."),
      user: dimension("Id of the user; null without one."),
    },
  },
  spans: {
    metrics: {
      span_count: number("Spans."),
      latency: measure("ms", "From the start of the span to its end; unknown while it is running."),
      input_tokens: measure(
        "tokens",
        "Input tokens as the span reports them; a parent may report those of its children again.",
      ),
      output_tokens: measure("tokens", "Output tokens as the span reports them."),
      total_tokens: measure("tokens", "All tokens as the span reports them."),
      cost: measure("USD", "Cost as the span reports it.", "total_cost"),
    },
    dimensions: {
      span_name: dimension("Name of the span."),
      span_type: dimension("Type of the span, such as LLM or TOOL."),
      span_status: dimension("OK, ERROR or UNSET."),
      model: dimension("Model that was called; null without one.", "span_model_name"),
      provider: dimension("Provider of the model; null without one.", "span_model_provider"),
    },
  },
  assessments: {
    metrics: {
      assessment_count: number("Assessments."),
      assessment_value: measure("1", "Numeric values of assessments; yes and no are 1 and 0."),
    },
    dimensions: {
      assessment_name: dimension("Name of the assessment."),
      assessment_value: dimension("Value of the assessment."),
    },
  },
} as const satisfies Record<MetricView, ViewRow>;

export type MetricName<View extends MetricView> = keyof (typeof metricTable)[View]["metrics"];
export type DimensionName<View extends MetricView> = keyof (typeof metricTable)[View]["dimensions"];

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
