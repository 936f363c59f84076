/**
 * Metrics by plain computation over traces and spans as the store gives them: what the engines are compared with.
 */
import { type Aggregation, type DimensionReference, metricTable, percentileShare } from "@sightline/wire/model/metric";
import type { TraceInfo } from "@sightline/wire/model/trace";
import { durationMs, parseRfc3339 } from "@sightline/wire/time";
import type { MetricPoint, MetricQuery, StoredSpan } from "../telemetry-store.ts";

const SECOND = 1_000_000_000n;

type Value = number | string | undefined;

/** A row of a view: `undefined` = not known. */
export interface Measured {
  /** When it happened, in nanoseconds. */
  readonly time: bigint;
  readonly metrics: Readonly<Record<string, Value>>;
  readonly dimension: (reference: DimensionReference) => string | undefined;
}

export function measureTrace(trace: TraceInfo): Measured {
  const isRunning = trace.state === "IN_PROGRESS";
  return {
    time: startOf(trace),
    metrics: {
      trace_count: 1,
      session_count: trace.sessionId,
      user_count: trace.userId,
      error_rate: isRunning ? undefined : Number(trace.state === "ERROR"),
      latency: isRunning ? undefined : trace.durationMs,
      ...tokens(trace.tokenUsage),
      cost: trace.costUsd,
    },
    dimension: ({ name, key }) => factOf(trace, name, key),
  };
}

export function measureSpan(span: StoredSpan, trace: TraceInfo): Measured {
  const isRunning = span.endTimeUnixNano === 0n;
  return {
    time: span.startTimeUnixNano,
    metrics: {
      span_count: 1,
      error_rate: isRunning ? undefined : Number(span.statusCode === "ERROR"),
      latency: isRunning ? undefined : durationMs(span.startTimeUnixNano, span.endTimeUnixNano),
      ...tokens(span.usage),
      cost: span.costUsd,
    },
    dimension({ name, key = "" }) {
      const own: Record<string, string | undefined> = {
        span_name: span.name,
        span_type: span.spanType,
        span_status: span.statusCode,
        model: span.model || undefined,
        provider: span.provider || undefined,
        service: span.service || undefined,
        attributes: name === "attributes" ? attributeText(ownValue(span.attributes, key)) : undefined,
      };
      return Object.hasOwn(own, name) ? own[name] : factOf(trace, name, key);
    },
  };
}

/** A fact of a trace that it has once; models and runs are told of by tests of their own. */
export function factOf(trace: TraceInfo, name: string, key = ""): string | undefined {
  switch (name) {
    case "name":
    case "trace_name":
      return trace.name || undefined;
    case "status":
    case "trace_status":
      return trace.state;
    case "experiment":
      return trace.experimentId;
    case "session":
      return trace.sessionId;
    case "user":
      return trace.userId;
    case "tags":
      return ownValue(trace.tags, key);
    case "metadata":
      return ownValue(trace.metadata, key);
    default:
      throw new RangeError(`The oracle does not know "${name}".`);
  }
}

function attributeText(json: string | undefined): string | undefined {
  return json?.startsWith('"') ? (JSON.parse(json) as string) : json;
}

function ownValue(record: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function tokens(usage: TraceInfo["tokenUsage"]): Record<string, Value> {
  return {
    input_tokens: usage?.inputTokens,
    output_tokens: usage?.outputTokens,
    total_tokens: usage?.totalTokens,
    cache_read_input_tokens: usage?.cacheReadInputTokens,
    cache_creation_input_tokens: usage?.cacheCreationInputTokens,
    reasoning_tokens: usage?.reasoningTokens,
  };
}

export function startOf(trace: TraceInfo): bigint {
  return parseRfc3339(trace.requestTime) ?? 0n;
}

/** The points of a query over these rows, in the order of the port. */
export function computeMetric(query: MetricQuery, rows: readonly Measured[]): MetricPoint[] {
  const counted = rows.filter((row) =>
    (query.only ?? []).every(({ dimension, values }) => values.includes(row.dimension(dimension) ?? null)),
  );
  const top = largestGroups(query, counted);
  const points = new Map<string, { readonly point: Omit<MetricPoint, "values">; readonly values: Value[] }>();
  for (const row of counted) {
    const length = BigInt(query.intervalSeconds ?? 1) * SECOND;
    const group = groupOf(query, row);
    const point: Omit<MetricPoint, "values"> = {
      ...(query.intervalSeconds !== undefined && { time: (row.time / length) * length }),
      ...(top && !top.has(JSON.stringify(group)) ? { other: true } : group.length > 0 && { group }),
    };
    const entry = points.get(keyOf(point)) ?? { point, values: [] };
    points.set(keyOf(point), entry);
    const value = row.metrics[query.metric];
    if (value !== undefined) entry.values.push(value);
  }
  const metrics: Readonly<Record<string, { readonly distinct: boolean }>> = metricTable[query.view].metrics;
  const isDistinct = metrics[query.metric]?.distinct;
  return [...points.values()]
    .map(({ point, values }) => ({
      ...point,
      values: Object.fromEntries(
        query.aggregations.map((name) => [name, combine(name, isDistinct ? [...new Set(values)] : values)]),
      ),
    }))
    .sort(byTimeThenGroup);
}

function groupOf({ groupBy }: MetricQuery, row: Measured): (string | null)[] {
  return groupBy.map((reference) => row.dimension(reference) ?? null);
}

/** The largest groups, of equals the first ones in the order of their texts, "" and null in front. */
function largestGroups(query: MetricQuery, rows: readonly Measured[]): ReadonlySet<string> | undefined {
  if (query.top === undefined) return undefined;
  const counts = new Map<string, number>();
  for (const row of rows) {
    const key = JSON.stringify(groupOf(query, row));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const flags = (key: string) =>
    (JSON.parse(key) as (string | null)[]).map((value) => [value === null ? 1 : 0, value ?? ""]);
  const ordered = [...counts].sort(
    ([left, leftCount], [right, rightCount]) => rightCount - leftCount || compareFlags(flags(left), flags(right)),
  );
  return new Set(ordered.slice(0, query.top).map(([key]) => key));
}

function compareFlags(left: (string | number)[][], right: (string | number)[][]): number {
  for (const [index, value] of left.flat().entries()) {
    const other = right.flat()[index];
    if (other !== undefined && value !== other) return value < other ? -1 : 1;
  }
  return 0;
}

function combine(aggregation: Aggregation, all: readonly Value[]): number | null {
  if (aggregation === "count") return all.length;
  const values = all.map(Number).toSorted((a, b) => a - b);
  if (values.length === 0) return null;
  const sum = values.reduce((total, value) => total + value, 0);
  const share = percentileShare(aggregation);
  if (share !== undefined) return percentile(values, share);
  const plain: Partial<Record<Aggregation, number | undefined>> = {
    sum,
    avg: sum / values.length,
    min: values[0],
    max: values.at(-1),
  };
  return plain[aggregation] ?? null;
}

function percentile(values: readonly number[], share: number): number {
  const place = share * (values.length - 1);
  const below = values[Math.floor(place)] ?? Number.NaN;
  const above = values[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export function keyOf({ time, group, other }: Omit<MetricPoint, "values">): string {
  return JSON.stringify([String(time), group, other]);
}

function byTimeThenGroup(left: MetricPoint, right: MetricPoint): number {
  if (left.time !== right.time) return (left.time ?? 0n) < (right.time ?? 0n) ? -1 : 1;
  if (left.other !== right.other) return left.other ? 1 : -1;
  for (const [index, value] of (left.group ?? []).entries()) {
    const compared = right.group?.[index] ?? null;
    if (value === compared) continue;
    if (value === null) return 1;
    return compared === null || value < compared ? -1 : 1;
  }
  return 0;
}
