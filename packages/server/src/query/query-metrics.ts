/**
 * A metric of many traces, spans or assessments, by time and by group.
 */
import type { EndpointInput, EndpointOutput } from "@sightline/wire/api/endpoint";
import { type queryMetrics as endpoint, MAX_METRIC_POINTS } from "@sightline/wire/api/metrics";
import { SightlineError } from "@sightline/wire/errors";
import { findName, type Metric, type MetricView, metricTable } from "@sightline/wire/model/metric";
import { formatRfc3339Micros } from "@sightline/wire/time";
import type { Call, Stores } from "./stores.ts";
import { readSelection } from "./trace-selection.ts";

/** @throws BAD_FILTER, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER for an unknown name or too many points */
export async function queryMetrics(
  stores: Stores,
  input: EndpointInput<typeof endpoint>["body"],
  call?: Call,
): Promise<EndpointOutput<typeof endpoint>> {
  const { view, intervalSeconds } = input;
  const metric = readMetric(input);
  const dimensions = readDimensions(view, input.groupBy ?? []);
  const selection = await readSelection(stores, input);
  // No assessment is kept yet, and no experiment named at all is a question about nothing.
  if (view === "assessments" || selection.experimentIds?.length === 0) return { points: [] };
  const points = await stores.telemetry.aggregate(
    {
      ...selection,
      view,
      metric,
      aggregations: [...new Set(input.aggregations)],
      groupBy: [...new Set(dimensions.values())],
      ...(intervalSeconds !== undefined && { intervalSeconds }),
      limit: MAX_METRIC_POINTS + 1,
    },
    call,
  );
  if (points.length > MAX_METRIC_POINTS) throw tooManyPoints(input);
  return {
    points: points.map(({ time, group, values }) => ({
      ...(time !== undefined && { time: formatRfc3339Micros(time) }),
      ...(group && { group: Object.fromEntries([...dimensions].map(([asked, name]) => [asked, group[name] ?? null])) }),
      values,
    })),
  };
}

/** The canonical name of the metric, which has all aggregations asked for. @throws INVALID_PARAMETER */
function readMetric({ view, metric, aggregations }: EndpointInput<typeof endpoint>["body"]): string {
  const rows: Readonly<Record<string, Metric>> = metricTable[view].metrics;
  const name = findName(rows, metric);
  const row = name === undefined ? undefined : rows[name];
  if (name === undefined || row === undefined) throw unknownName("metric", metric, view, Object.keys(rows));
  const wrong = aggregations.find((aggregation) => !row.aggregations.includes(aggregation));
  if (wrong === undefined) return name;
  throw new SightlineError(
    "INVALID_PARAMETER",
    `The metric "${name}" has no aggregation "${wrong}"; use ${row.aggregations.join(", ")}.`,
  );
}

/** Dimensions by the names they were asked for. @throws INVALID_PARAMETER */
function readDimensions(view: MetricView, groupBy: readonly string[]): ReadonlyMap<string, string> {
  const rows = metricTable[view].dimensions;
  return new Map(
    groupBy.map((asked) => {
      const name = findName(rows, asked);
      if (name === undefined) throw unknownName("dimension", asked, view, Object.keys(rows));
      return [asked, name];
    }),
  );
}

function unknownName(kind: string, name: string, view: MetricView, names: readonly string[]): SightlineError {
  return new SightlineError(
    "INVALID_PARAMETER",
    `There is no ${kind} "${name.slice(0, 50)}" of ${view}; use ${names.join(", ")}.`,
  );
}

function tooManyPoints({ intervalSeconds }: { readonly intervalSeconds?: number | undefined }): SightlineError {
  const limit = MAX_METRIC_POINTS.toLocaleString("en");
  const advice =
    intervalSeconds === undefined
      ? `give "groupBy" fewer dimensions, or a narrower filter or time range`
      : `widen "intervalSeconds" (now ${intervalSeconds}), or give fewer dimensions or a shorter time range`;
  return new SightlineError("INVALID_PARAMETER", `The answer has more than ${limit} points; ${advice}.`);
}
