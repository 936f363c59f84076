/**
 * What aggregating promises, on every ClickHouse engine: the numbers are those of a plain computation over the rows as read.
 */
import type { Filter } from "@sightline/wire/filter/ast";
import { matchesFilter } from "@sightline/wire/filter/matches";
import { parseFilter } from "@sightline/wire/filter/parser";
import { AGGREGATIONS, type Aggregation, metricTable } from "@sightline/wire/model/metric";
import type { TraceInfo } from "@sightline/wire/model/trace";
import { durationMs, parseRfc3339 } from "@sightline/wire/time";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MetricPoint, MetricQuery, SpanRecord, StoredSpan, TelemetryStore } from "../telemetry-store.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

const SECOND = 1_000_000_000n;

/** A trace or span as the oracle sees it: `undefined` = not known. */
interface Measured {
  readonly start: bigint;
  readonly metrics: Readonly<Record<string, number | undefined>>;
  readonly dimensions: Readonly<Record<string, string | undefined>>;
}

describe.each(clickHouseEngines)("aggregating on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  const experimentId = freshExperimentId();
  const other = freshExperimentId();
  let traces: readonly TraceInfo[] = [];
  let spans: ReadonlyMap<string, readonly StoredSpan[]> = new Map();

  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url);
    const records = anyRecords(experimentId);
    await store.writeSpans(records);
    // Written again, so that there are replaced rows, and partly deleted; what is elsewhere must not count.
    await store.writeSpans(records.filter((_, index) => index % 3 === 0));
    await store.writeSpans(
      Array.from({ length: 5 }, () => sampleSpan({ traceId: freshTraceId(), experimentId: other })),
    );
    await store.deleteTraces([records[0]!.traceId, records.at(-1)!.traceId]);
    const order = { key: "timestamp_ms", direction: "ASC" } as const;
    traces = (await store.searchTraces({ experimentIds: [experimentId], order, limit: 1000 })).traces;
    spans = await store.getSpans(traces.map((trace) => trace.traceId));
    expect(traces.length).toBeGreaterThan(50);
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  /** The rows of a view, of the traces that satisfy the selection. */
  function rowsOf({ view, filter, from, to }: MetricQuery): Measured[] {
    const selected = traces.filter((trace) => {
      const time = startOf(trace);
      return (!filter || matchesFilter(filter, trace)) && (from ?? time) <= time && time < (to ?? time + 1n);
    });
    if (view === "traces") return selected.map(measureTrace);
    return selected.flatMap((trace) => (spans.get(trace.traceId) ?? []).map(measureSpan));
  }

  async function expectAgreement(
    query: Omit<MetricQuery, "aggregations" | "limit" | "experimentIds">,
  ): Promise<number> {
    const aggregations =
      query.metric === "trace_count" || query.metric === "span_count" ? (["count"] as const) : AGGREGATIONS;
    const whole = { ...query, experimentIds: [experimentId], aggregations, limit: 100_000 };
    const expected = compute(whole, rowsOf(whole));
    const actual = await store.aggregate(whole);
    expect(actual.map(keyOf)).toEqual(expected.map(keyOf));
    for (const [index, { values }] of actual.entries()) {
      expect(Object.keys(values)).toEqual([...aggregations]);
      for (const aggregation of aggregations) {
        const value = expected[index]?.values[aggregation] ?? null;
        // Sums of floats depend on the order.
        expect(values[aggregation]).toEqual(value === null ? null : expect.closeTo(value, 9));
      }
    }
    return actual.length;
  }

  const views = (["traces", "spans"] as const).map((view) => ({
    view,
    metrics: Object.keys(metricTable[view].metrics),
    dimensions: Object.keys(metricTable[view].dimensions),
  }));

  describe.each(views)("$view", ({ view, metrics, dimensions }) => {
    test("every metric has the exact numbers, over all, by time and by group", async () => {
      for (const metric of metrics) {
        expect(await expectAgreement({ view, metric, groupBy: [] })).toBe(1);
        expect(await expectAgreement({ view, metric, groupBy: [], intervalSeconds: 7 })).toBeGreaterThan(5);
        const groupBy = dimensions.slice(0, 2);
        expect(await expectAgreement({ view, metric, groupBy, intervalSeconds: 60 })).toBeGreaterThan(5);
      }
    });

    test("every dimension groups, alone and with others", async () => {
      const metric = "latency";
      for (const dimension of dimensions) {
        expect(await expectAgreement({ view, metric, groupBy: [dimension] })).toBeGreaterThan(1);
      }
      await expectAgreement({ view, metric, groupBy: dimensions.slice(-3) });
    });

    test("filter and time range choose the traces", async () => {
      const metric = "total_tokens";
      for (const text of ["name = 'b'", "status = 'ERROR' AND user = 'u1'", "tags.env = 'x'", "cost > 1"]) {
        expect(await expectAgreement({ view, metric, groupBy: [], filter: parsed(text) })).toBe(1);
      }
      const from = SAMPLE_START + 20n * SECOND;
      const to = SAMPLE_START + 40n * SECOND;
      const groupBy = dimensions.slice(0, 1);
      expect(await expectAgreement({ view, metric, groupBy, from, to })).toBeGreaterThan(0);
      expect(await expectAgreement({ view, metric, groupBy, to, intervalSeconds: 3600 })).toBeGreaterThan(0);
      expect(await expectAgreement({ view, metric, groupBy: [], filter: parsed("name = 'nobody'") })).toBe(0);
      expect(await expectAgreement({ view, metric, groupBy, from: to, to: from })).toBe(0);
    });
  });

  test("there are never more points than the limit, the first ones", async () => {
    const query: MetricQuery = {
      view: "traces",
      metric: "trace_count",
      aggregations: ["count"],
      experimentIds: [experimentId],
      groupBy: ["name"],
      intervalSeconds: 1,
      limit: 1000,
    };
    const all = await store.aggregate(query);
    expect(all.length).toBeGreaterThan(10);
    expect(await store.aggregate({ ...query, limit: 4 })).toEqual(all.slice(0, 4));
  });

  test("a percentile lies between the two nearest values; a value that is not there is null", async () => {
    const experimentIds = [freshExperimentId()];
    const milliseconds = [10, 20, 30, 100];
    await store.writeSpans(
      milliseconds.map((ms) =>
        sampleSpan({
          traceId: freshTraceId(),
          experimentId: experimentIds[0]!,
          endTimeUnixNano: SAMPLE_START + BigInt(ms) * 1_000_000n,
        }),
      ),
    );
    const query = { experimentIds, view: "traces", groupBy: [], limit: 10 } as const;
    const aggregations = ["p50", "p90", "max"] as const;
    expect(await store.aggregate({ ...query, metric: "latency", aggregations })).toEqual([
      { values: { p50: 25, p90: expect.closeTo(79, 9), max: 100 } },
    ]);
    expect(await store.aggregate({ ...query, metric: "cost", aggregations: AGGREGATIONS })).toEqual([
      { values: Object.fromEntries(AGGREGATIONS.map((name) => [name, name === "count" ? 0 : null])) },
    ]);
  });

  test("a name that the table does not have is refused, a call that is given up rejects with the reason", async () => {
    const query = { view: "traces", metric: "latency", aggregations: ["avg"], groupBy: [], limit: 1 } as const;
    await expect(store.aggregate({ ...query, metric: "toString" })).rejects.toThrow(RangeError);
    await expect(store.aggregate({ ...query, groupBy: ["1; DROP TABLE traces"] })).rejects.toThrow(RangeError);
    const reason = new Error("the browser went away");
    await expect(store.aggregate(query, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

/** 80 traces of one to four spans within a minute, with gaps in what is known. */
function anyRecords(experimentId: string): SpanRecord[] {
  const facts = fc.record({
    name: fc.constantFrom("a", "b", "ü 'x'"),
    spanType: fc.constantFrom("LLM", "TOOL", "AGENT"),
    offsetUs: fc.integer({ min: 0, max: 60_000_000 }),
    // Nanoseconds; negative = it ends before it starts, undefined = it is running.
    length: fc.option(fc.integer({ min: -1000, max: 3_000_000_000 }), { nil: undefined, freq: 5 }),
    statusCode: fc.constantFrom("OK", "ERROR", "UNSET"),
    model: fc.constantFrom("", "m1", "m2"),
    provider: fc.constantFrom("", "p1"),
    sessionId: fc.constantFrom("", "s1", "s2"),
    userId: fc.constantFrom("", "u1"),
    tokens: fc.option(fc.tuple(fc.nat(5000), fc.nat(5000), fc.nat(100)), { nil: undefined }),
    costUsd: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined }),
    env: fc.constantFrom("x", "y"),
  });
  const sample = fc.sample(fc.array(facts, { minLength: 1, maxLength: 4 }), { numRuns: 80, seed: 20261124 });
  return sample.flatMap((ofTrace) => {
    const traceId = freshTraceId();
    return ofTrace.map(({ offsetUs, length, tokens, costUsd, env, ...fact }, index) => {
      const startTimeUnixNano = SAMPLE_START + BigInt(offsetUs) * 1000n + BigInt(index);
      return sampleSpan({
        ...fact,
        traceId,
        experimentId,
        spanId: spanId(index + 1),
        parentSpanId: index === 0 ? "" : spanId(1),
        startTimeUnixNano,
        endTimeUnixNano: length === undefined ? 0n : startTimeUnixNano + BigInt(length),
        traceTags: { env },
        ...(tokens && {
          usage: {
            inputTokens: tokens[0],
            outputTokens: tokens[1],
            totalTokens: tokens[0] + tokens[1],
            cacheReadInputTokens: tokens[2],
            cacheCreationInputTokens: tokens[2] * 2,
          },
        }),
        ...(costUsd !== undefined && { costUsd: costUsd / 1000 }),
      });
    });
  });
}

function measureTrace(trace: TraceInfo): Measured {
  return {
    start: startOf(trace),
    metrics: {
      trace_count: 1,
      latency: trace.state === "IN_PROGRESS" ? undefined : trace.durationMs,
      input_tokens: trace.tokenUsage?.inputTokens,
      output_tokens: trace.tokenUsage?.outputTokens,
      total_tokens: trace.tokenUsage?.totalTokens,
      cache_read_input_tokens: trace.tokenUsage?.cacheReadInputTokens,
      cache_creation_input_tokens: trace.tokenUsage?.cacheCreationInputTokens,
      cost: trace.costUsd,
    },
    dimensions: { name: trace.name, status: trace.state, session: trace.sessionId, user: trace.userId },
  };
}

function measureSpan(span: StoredSpan): Measured {
  return {
    start: span.startTimeUnixNano,
    metrics: {
      span_count: 1,
      latency: span.endTimeUnixNano === 0n ? undefined : durationMs(span.startTimeUnixNano, span.endTimeUnixNano),
      input_tokens: span.usage?.inputTokens,
      output_tokens: span.usage?.outputTokens,
      total_tokens: span.usage?.totalTokens,
      cost: span.costUsd,
    },
    dimensions: {
      span_name: span.name,
      span_type: span.spanType,
      span_status: span.statusCode,
      model: span.model || undefined,
      provider: span.provider || undefined,
    },
  };
}

function startOf(trace: TraceInfo): bigint {
  return parseRfc3339(trace.requestTime)!;
}

function parsed(text: string): Filter {
  const result = parseFilter(text);
  if (!result.ok || !result.filter) throw new Error(`"${text}" is no filter.`);
  return result.filter;
}

/** The points, by plain computation. */
function compute(
  { metric, aggregations, intervalSeconds, groupBy }: MetricQuery,
  rows: readonly Measured[],
): MetricPoint[] {
  const points = new Map<string, { readonly point: Omit<MetricPoint, "values">; readonly values: number[] }>();
  for (const { start, metrics, dimensions } of rows) {
    const length = BigInt(intervalSeconds ?? 1) * SECOND;
    const point = {
      ...(intervalSeconds !== undefined && { time: (start / length) * length }),
      ...(groupBy.length > 0 && { group: Object.fromEntries(groupBy.map((name) => [name, dimensions[name] ?? null])) }),
    };
    const entry = points.get(keyOf(point)) ?? { point, values: [] };
    points.set(keyOf(point), entry);
    const value = metrics[metric];
    if (value !== undefined) entry.values.push(value);
  }
  return [...points.values()]
    .map(({ point, values }) => ({
      ...point,
      values: Object.fromEntries(aggregations.map((name) => [name, combine[name](values.toSorted((a, b) => a - b))])),
    }))
    .sort(byTimeThenGroup);
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const percentile = (share: number) => (values: readonly number[]) => {
  const place = share * (values.length - 1);
  const below = values[Math.floor(place)];
  const above = values[Math.ceil(place)];
  if (below === undefined || above === undefined) return null;
  return below + (above - below) * (place - Math.floor(place));
};

/** Over values in ascending order. */
const combine: Record<Aggregation, (values: readonly number[]) => number | null> = {
  count: (values) => values.length,
  sum: (values) => (values.length === 0 ? null : sum(values)),
  avg: (values) => (values.length === 0 ? null : sum(values) / values.length),
  min: (values) => values[0] ?? null,
  max: (values) => values.at(-1) ?? null,
  p50: percentile(0.5),
  p90: percentile(0.9),
  p95: percentile(0.95),
  p99: percentile(0.99),
};

function keyOf({ time, group }: Omit<MetricPoint, "values">): string {
  return JSON.stringify([String(time), group]);
}

function byTimeThenGroup(left: MetricPoint, right: MetricPoint): number {
  if (left.time !== right.time) return (left.time ?? 0n) < (right.time ?? 0n) ? -1 : 1;
  for (const [name, value] of Object.entries(left.group ?? {})) {
    const compared = right.group?.[name] ?? null;
    if (value === compared) continue;
    if (value === null) return 1;
    return compared === null || value < compared ? -1 : 1;
  }
  return 0;
}
