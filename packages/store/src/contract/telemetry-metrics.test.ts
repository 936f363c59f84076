/**
 * What aggregating promises, on every ClickHouse engine: the numbers are those of a plain computation over the rows as read.
 */
import type { Filter } from "@sightline/wire/filter/ast";
import { matchesFilter } from "@sightline/wire/filter/matches";
import { parseFilter } from "@sightline/wire/filter/parser";
import { AGGREGATIONS, type Dimension, type DimensionReference, metricTable } from "@sightline/wire/model/metric";
import type { TraceInfo } from "@sightline/wire/model/trace";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MetricQuery, StoredSpan, TelemetryStore } from "../telemetry-store.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { insertRows } from "./insert-rows.ts";
import { computeMetric, keyOf, type Measured, measureSpan, measureTrace, startOf } from "./metric-oracle.ts";
import { anyRecords, editAndDelete } from "./random-traces.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan } from "./samples.ts";

const SECOND = 1_000_000_000n;

/** Dimensions that a trace may have several of, or that no span gives: their tests are at the end. */
const NOT_IN_ORACLE = new Set(["model", "run", "version", "source"]);

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
    await store.writeSpans(
      Array.from({ length: 5 }, () => sampleSpan({ traceId: freshTraceId(), experimentId: other })),
    );
    await editAndDelete(store, records);
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
      return (!filter || matchesFilter(filter, { info: trace })) && (from ?? time) <= time && time < (to ?? time + 1n);
    });
    if (view === "traces") return selected.map(measureTrace);
    return selected.flatMap((trace) => (spans.get(trace.traceId) ?? []).map((span) => measureSpan(span, trace)));
  }

  async function expectAgreement(
    query: Omit<MetricQuery, "aggregations" | "limit" | "experimentIds">,
  ): Promise<number> {
    const metrics: Readonly<Record<string, { readonly numeric: boolean }>> = metricTable[query.view].metrics;
    const aggregations = metrics[query.metric]?.numeric ? ([...AGGREGATIONS, "p12.5"] as const) : (["count"] as const);
    const whole = { ...query, experimentIds: [experimentId], aggregations, limit: 100_000 };
    const expected = computeMetric(whole, rowsOf(whole));
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
    dimensions: Object.entries(metricTable[view].dimensions)
      .filter(([name]) => !NOT_IN_ORACLE.has(name) || (view === "spans" && name === "model"))
      .map(([name, { keyed }]: [string, Dimension]): DimensionReference => ({ name, ...(keyed && { key: "env" }) })),
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
        const least = dimension.name === "experiment" ? 0 : 1;
        expect(await expectAgreement({ view, metric, groupBy: [dimension] })).toBeGreaterThan(least);
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

    test("any question has the answer of the plain computation", async () => {
      const anyDimension = fc
        .constantFrom(...dimensions)
        .chain((dimension) =>
          dimension.key === undefined
            ? fc.constant(dimension)
            : fc.constantFrom("env", "stage", "none").map((key) => ({ ...dimension, key })),
        );
      const anyValue = fc.constantFrom("a", "b", "x", "y", "edited", "OK", "ERROR", "LLM", "s1", "u1", "5", null);
      const anyQuery = fc.record(
        {
          metric: fc.constantFrom(...metrics),
          groupBy: fc.uniqueArray(anyDimension, { maxLength: 3, selector: (dimension) => JSON.stringify(dimension) }),
          intervalSeconds: fc.constantFrom(1, 5, 60),
          top: fc.integer({ min: 1, max: 4 }),
          only: fc.array(
            fc.record({ dimension: anyDimension, values: fc.array(anyValue, { minLength: 1, maxLength: 4 }) }),
            {
              maxLength: 2,
            },
          ),
          filter: fc.constantFrom(
            ...["name = 'b'", "tags.env = 'edited' OR user = 'u1'", "NOT metadata.env = 'x'"].map(parsed),
          ),
          from: fc.constantFrom(SAMPLE_START + 10n * SECOND, SAMPLE_START + 30n * SECOND + 1n),
          to: fc.constantFrom(SAMPLE_START + 50n * SECOND, SAMPLE_START + 35n * SECOND + 7n),
        },
        { requiredKeys: ["metric", "groupBy"] },
      );
      await fc.assert(
        fc.asyncProperty(anyQuery, async ({ top, groupBy, ...query }) => {
          await expectAgreement({ view, groupBy, ...query, ...(top !== undefined && groupBy.length > 0 && { top }) });
        }),
        { numRuns: 60 },
      );
    });
  });

  test("there are never more points than the limit, the first ones", async () => {
    const query: MetricQuery = {
      view: "traces",
      metric: "trace_count",
      aggregations: ["count"],
      experimentIds: [experimentId],
      groupBy: [{ name: "name" }],
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
    const aggregations = ["p50", "max", "p90", "p0", "p100"] as const;
    expect(await store.aggregate({ ...query, metric: "latency", aggregations })).toEqual([
      { values: { p50: 25, max: 100, p90: expect.closeTo(79, 9), p0: 10, p100: 100 } },
    ]);
    expect(await store.aggregate({ ...query, metric: "cost", aggregations: AGGREGATIONS })).toEqual([
      { values: Object.fromEntries(AGGREGATIONS.map((name) => [name, name === "count" ? 0 : null])) },
    ]);
  });

  test("a trace of several models or runs is in the group of each; version and source have groups", async () => {
    const experimentIds = [freshExperimentId()];
    const [both, one, none] = [freshTraceId(), freshTraceId(), freshTraceId()];
    const row = {
      experiment_id: experimentIds[0],
      start_time: "1795508709.000000",
      state: "OK",
      version: 1,
      is_deleted: 0,
    };
    await insertRows(engine.url, "traces", [
      { ...row, trace_id: both, models: ["m1", "m2"], app_version: "1.4", source: "shop.py" },
      { ...row, trace_id: one, models: ["m1"], metadata: { "mlflow.sourceRun": "r0" } },
      { ...row, trace_id: none },
    ]);
    const link = { experiment_id: experimentIds[0], kind: "run", version: 1, is_deleted: 0 };
    await insertRows(engine.url, "trace_metadata", [
      { experiment_id: experimentIds[0], trace_id: both, key: "mlflow.sourceRun", value: "r0", version: 1 },
    ]);
    await insertRows(engine.url, "trace_links", [
      { ...link, trace_id: one, target: "r0" },
      { ...link, trace_id: one, target: "r1" },
      { ...link, trace_id: both, target: "r1" },
      { ...link, trace_id: none, target: "r2" },
      { ...link, trace_id: none, target: "r2", version: 2, is_deleted: 1 },
      { ...link, trace_id: none, target: "p/1", kind: "prompt" },
    ]);
    const countBy = async (...names: string[]) => {
      const groupBy = names.map((name) => ({ name }));
      const points = await store.aggregate({
        experimentIds,
        view: "traces",
        metric: "trace_count",
        aggregations: ["count"],
        groupBy,
        limit: 10,
      });
      return points.map(({ group, values }) => [...group!, values.count]);
    };
    expect(await countBy("model")).toEqual([
      ["m1", 2],
      ["m2", 1],
      [null, 1],
    ]);
    expect(await countBy("run")).toEqual([
      ["r0", 2],
      ["r1", 2],
      [null, 1],
    ]);
    expect(await countBy("version", "source")).toEqual([
      ["1.4", "shop.py", 1],
      [null, null, 2],
    ]);
    expect(await countBy("model", "run")).toEqual([
      ["m1", "r0", 2],
      ["m1", "r1", 2],
      ["m2", "r0", 1],
      ["m2", "r1", 1],
      [null, null, 1],
    ]);
  });

  test("assessments are measured by name, value and source; corrected and deleted ones are not", async () => {
    const experimentIds = [freshExperimentId()];
    const [first, second] = [freshTraceId(), freshTraceId()];
    await store.writeSpans([
      sampleSpan({ traceId: first, experimentId: experimentIds[0]!, name: "chat", traceTags: { env: "x" } }),
      sampleSpan({
        traceId: second,
        experimentId: experimentIds[0]!,
        name: "plan",
        startTimeUnixNano: SAMPLE_START + SECOND,
      }),
    ]);
    await store.setTraceTags(second, { env: "edited" });
    let count = 0;
    const assessment = (facts: object) => ({
      experiment_id: experimentIds[0],
      trace_id: first,
      assessment_id: `a-${++count}`,
      kind: "feedback",
      source_type: "CODE",
      source_id: "scorer",
      valid: 1,
      create_time: `1795508${String(700 + count).padStart(3, "0")}.000000`,
      version: 1,
      is_deleted: 0,
      ...facts,
    });
    await insertRows(engine.url, "assessments", [
      assessment({ name: "correct", value: "true", value_text: "true", value_number: 1 }),
      assessment({
        name: "correct",
        value: '"no"',
        value_text: "no",
        value_number: 0,
        trace_id: second,
        source_type: "HUMAN",
      }),
      assessment({ name: "correct", value: "false", value_text: "false", value_number: 0, valid: 0 }),
      assessment({ name: "tone", value: '"kind"', value_text: "kind", run_id: "r1" }),
      assessment({ name: "tone", value: "4.5", value_text: "4.5", value_number: 4.5 }),
      assessment({ name: "tone", error: '{"error_code":"TIMEOUT"}' }),
      assessment({
        name: "tone",
        value: "2",
        value_text: "2",
        value_number: 2,
        is_deleted: 1,
        assessment_id: "a-5",
        version: 2,
      }),
    ]);
    const measure = async (query: Partial<MetricQuery>) => {
      const points = await store.aggregate({
        experimentIds,
        view: "assessments",
        metric: "assessment_count",
        aggregations: ["count"],
        groupBy: [],
        limit: 10,
        ...query,
      });
      return points.map(({ group, time, values }) => [
        ...(time === undefined ? [] : [time]),
        ...(group ?? []),
        ...Object.values(values),
      ]);
    };
    expect(await measure({})).toEqual([[4]]);
    const name = { name: "assessment_name" };
    const value = { name: "assessment_value" };
    expect(await measure({ metric: "assessment_value", aggregations: ["count", "avg"], groupBy: [name] })).toEqual([
      ["correct", 2, 0.5],
      ["tone", 0, null],
    ]);
    expect(await measure({ groupBy: [name, value] })).toEqual([
      ["correct", "no", 1],
      ["correct", "true", 1],
      ["tone", "kind", 1],
      ["tone", null, 1],
    ]);
    expect(await measure({ metric: "error_rate", aggregations: ["sum", "avg"], groupBy: [name] })).toEqual([
      ["correct", 0, 0],
      ["tone", 1, 0.5],
    ]);
    expect(await measure({ groupBy: [{ name: "valid" }] })).toEqual([
      ["false", 1],
      ["true", 4],
    ]);
    expect(await measure({ only: [{ dimension: { name: "valid" }, values: ["false"] }] })).toEqual([[1]]);
    expect(await measure({ groupBy: [{ name: "source_type" }, { name: "scorer_run" }] })).toEqual([
      ["CODE", "r1", 1],
      ["CODE", null, 2],
      ["HUMAN", null, 1],
    ]);
    expect(await measure({ groupBy: [{ name: "trace_name" }, { name: "tags", key: "env" }] })).toEqual([
      ["chat", "x", 3],
      ["plan", "edited", 1],
    ]);
    expect(await measure({ filter: parsed("tags.env = 'edited'"), groupBy: [name] })).toEqual([["correct", 1]]);
    expect(await measure({ from: SAMPLE_START + SECOND / 2n })).toEqual([[1]]);
    expect(await measure({ intervalSeconds: 2 })).toEqual([
      [1_795_508_700n * SECOND, 1],
      [1_795_508_702n * SECOND, 1],
      [1_795_508_704n * SECOND, 1],
      [1_795_508_706n * SECOND, 1],
    ]);
  });

  test("a name that the table does not have is refused, a call that is given up rejects with the reason", async () => {
    const query = { view: "traces", metric: "latency", aggregations: ["avg"], groupBy: [], limit: 1 } as const;
    await expect(store.aggregate({ ...query, metric: "toString" })).rejects.toThrow(RangeError);
    await expect(store.aggregate({ ...query, groupBy: [{ name: "1; DROP TABLE traces" }] })).rejects.toThrow(
      RangeError,
    );
    const reason = new Error("the browser went away");
    await expect(store.aggregate(query, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

function parsed(text: string): Filter {
  const result = parseFilter(text);
  if (!result.ok || !result.filter) throw new Error(`"${text}" is no filter.`);
  return result.filter;
}
