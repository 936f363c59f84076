/**
 * A metric of many traces, spans or assessments, by time and by group.
 */
import type { MetricPoint, MetricQuery, TraceSelection } from "@sightline/store/telemetry-store";
import type { EndpointInput, EndpointOutput } from "@sightline/wire/api/endpoint";
import { type queryMetrics as endpoint, MAX_METRIC_POINTS } from "@sightline/wire/api/metrics";
import { SightlineError } from "@sightline/wire/errors";
import { nearestWord } from "@sightline/wire/filter/nearest";
import {
  AGGREGATIONS,
  type Aggregation,
  type DimensionReference,
  findDimension,
  findName,
  type Metric,
  type MetricView,
  metricTable,
  readAggregation,
} from "@sightline/wire/model/metric";
import { formatRfc3339Micros } from "@sightline/wire/time";
import { bucketCount, fillBuckets, groupsOf, pickInterval, type TimeRange } from "./metric-buckets.ts";
import type { Call, Stores } from "./stores.ts";
import { readSelection } from "./trace-selection.ts";

type Input = EndpointInput<typeof endpoint>["body"];

/** @throws BAD_FILTER, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER for an unknown name or too many points */
export async function queryMetrics(
  stores: Stores,
  input: Input,
  call?: Call,
): Promise<EndpointOutput<typeof endpoint>> {
  const { metric, aggregations } = readMetric(input);
  const dimensions = readDimensions(input.view, input.groupBy ?? []);
  const only = Object.entries(input.only ?? {}).map(([name, values]) => ({
    dimension: readDimension(input.view, name),
    values,
  }));
  checkOptions(input);
  const selection = await readSelection(stores, input);
  // No experiment named at all is a question about nothing.
  if (selection.experimentIds?.length === 0) return { points: [] };
  const intervalSeconds = await readInterval(stores, input, selection, call);
  if (intervalSeconds === null) return { points: [] };

  const query: MetricQuery = {
    ...selection,
    view: input.view,
    metric,
    aggregations: [...new Set(aggregations.values())],
    groupBy: [...dimensions.values()],
    ...(only.length > 0 && { only }),
    ...(input.top !== undefined && { top: input.top }),
    ...(intervalSeconds !== undefined && { intervalSeconds }),
    limit: MAX_METRIC_POINTS + 1,
  };
  const found = await stores.telemetry.aggregate(query, call);
  const points = input.fill === true && intervalSeconds !== undefined ? fill(found, query, intervalSeconds) : found;
  if (points.length > MAX_METRIC_POINTS) throw tooManyPoints(intervalSeconds);
  return {
    ...(intervalSeconds !== undefined && { intervalSeconds }),
    points: points.map(({ time, group, other, values }) => ({
      ...(time !== undefined && { time: formatRfc3339Micros(time) }),
      ...(group && {
        group: Object.fromEntries([...dimensions.keys()].map((asked, index) => [asked, group[index] ?? null])),
      }),
      ...(other && { other }),
      values: Object.fromEntries([...aggregations].map(([asked, aggregation]) => [asked, values[aggregation] ?? null])),
    })),
  };
}

/** The canonical name of the metric, and the aggregations by the names they were asked for. @throws INVALID_PARAMETER */
function readMetric({ view, metric, aggregations }: Input): {
  readonly metric: string;
  readonly aggregations: ReadonlyMap<string, Aggregation>;
} {
  const rows: Readonly<Record<string, Metric>> = metricTable[view].metrics;
  const name = findName(rows, metric);
  const row = name === undefined ? undefined : rows[name];
  if (name === undefined || row === undefined) throw unknownName("metric", metric, view, Object.keys(rows));
  const read = new Map<string, Aggregation>();
  for (const text of aggregations) {
    const aggregation = readAggregation(text);
    if (aggregation === undefined || (!row.numeric && aggregation !== "count")) {
      const known = row.numeric ? `${AGGREGATIONS.join(", ")} or any other percentile` : "count";
      throw new SightlineError(
        "INVALID_PARAMETER",
        `The metric "${name}" has no aggregation "${text.slice(0, 50)}"; use ${known}.`,
      );
    }
    read.set(text, aggregation);
  }
  return { metric: name, aggregations: read };
}

/** Dimensions by the names they were asked for, none twice. @throws INVALID_PARAMETER */
function readDimensions(view: MetricView, groupBy: readonly string[]): ReadonlyMap<string, DimensionReference> {
  return new Map(groupBy.map((asked) => [asked, readDimension(view, asked)]));
}

/** @throws INVALID_PARAMETER */
function readDimension(view: MetricView, asked: string): DimensionReference {
  const dimension = findDimension(view, asked);
  if (dimension !== undefined) return dimension;
  const names = Object.entries(metricTable[view].dimensions).map(([name, { keyed }]) =>
    keyed ? `${name}.<key>` : name,
  );
  throw unknownName("dimension", asked, view, names);
}

function unknownName(kind: string, name: string, view: MetricView, names: readonly string[]): SightlineError {
  const nearest = nearestWord(name.toLowerCase(), names);
  const advice =
    nearest === undefined ? `use ${names.join(", ")}` : `did you mean "${nearest}"? There are ${names.join(", ")}`;
  return new SightlineError("INVALID_PARAMETER", `There is no ${kind} "${name.slice(0, 50)}" of ${view}; ${advice}.`);
}

/** @throws INVALID_PARAMETER for options that contradict each other or mean nothing without another */
function checkOptions({ intervalSeconds, autoInterval, fill, top, groupBy = [] }: Input): void {
  const wrong =
    intervalSeconds !== undefined && autoInterval !== undefined
      ? `"intervalSeconds" and "autoInterval" exclude each other; give one.`
      : fill === true && intervalSeconds === undefined && autoInterval === undefined
        ? `"fill" needs "intervalSeconds" or "autoInterval": without buckets there are no empty ones.`
        : top !== undefined && groupBy.length === 0
          ? `"top" needs "groupBy": without groups there are no largest ones.`
          : undefined;
  if (wrong !== undefined) throw new SightlineError("INVALID_PARAMETER", wrong);
}

/** The length of the buckets; undefined = none are asked for, null = nothing matches that could be cut into buckets. */
async function readInterval(
  stores: Stores,
  { intervalSeconds, autoInterval }: Input,
  selection: TraceSelection,
  call: Call | undefined,
): Promise<number | undefined | null> {
  if (autoInterval === undefined) return intervalSeconds;
  let { from, to } = selection;
  if (from === undefined || to === undefined) {
    const range = await stores.telemetry.startRange(selection, call);
    if (range === undefined) return null;
    from ??= range.first;
    to ??= range.last + 1n;
  }
  return pickInterval({ from, to }, autoInterval);
}

/** @throws INVALID_PARAMETER if that would be too many points */
function fill(points: readonly MetricPoint[], query: MetricQuery, intervalSeconds: number): MetricPoint[] {
  const range = rangeOf(points, query, intervalSeconds);
  if (range === undefined) return [];
  if (bucketCount(range, intervalSeconds) * BigInt(groupsOf(points).length) > BigInt(MAX_METRIC_POINTS)) {
    throw tooManyPoints(intervalSeconds);
  }
  const empty = query.aggregations.map((aggregation) => [aggregation, aggregation === "count" ? 0 : null]);
  return fillBuckets(points, range, intervalSeconds, Object.fromEntries(empty));
}

/** From where to where points are; undefined if neither the query nor a point says it. */
function rangeOf(
  points: readonly MetricPoint[],
  { from, to }: MetricQuery,
  intervalSeconds: number,
): TimeRange | undefined {
  const length = BigInt(intervalSeconds) * 1_000_000_000n;
  const first = points.at(0)?.time;
  const last = points.at(-1)?.time;
  // Spans and assessments of a trace may lie behind the end of the range that the trace starts in.
  const end = last === undefined ? to : to === undefined || last + length > to ? last + length : to;
  const start = from ?? first;
  return start === undefined || end === undefined ? undefined : { from: start, to: end };
}

function tooManyPoints(intervalSeconds: number | undefined): SightlineError {
  const limit = MAX_METRIC_POINTS.toLocaleString("en");
  const advice =
    intervalSeconds === undefined
      ? `give "groupBy" fewer dimensions, "top" for the largest groups, or a narrower filter or time range`
      : `widen "intervalSeconds" (now ${intervalSeconds}), give "top" for the largest groups, or a shorter time range`;
  return new SightlineError("INVALID_PARAMETER", `The answer has more than ${limit} points; ${advice}.`);
}
