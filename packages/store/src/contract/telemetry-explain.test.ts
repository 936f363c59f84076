/**
 * What explaining promises, on every ClickHouse engine: the findings of plain counting over traces as read.
 */
import type { Filter } from "@sightline/wire/filter/ast";
import { matchesFilter } from "@sightline/wire/filter/matches";
import { parseFilter } from "@sightline/wire/filter/parser";
import type { TraceInfo } from "@sightline/wire/model/trace";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TelemetryStore } from "../telemetry-store.ts";
import type { ExplainQuery, Finding } from "../trace-values.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { startOf } from "./metric-oracle.ts";
import { anyRecords, editAndDelete } from "./random-traces.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan } from "./samples.ts";

const SECOND = 1_000_000_000n;

describe.each(clickHouseEngines)("explaining on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  const experimentIds = [freshExperimentId()];
  let traces: readonly TraceInfo[] = [];

  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url);
    const records = anyRecords(experimentIds[0]!, 11);
    await store.writeSpans(records);
    await editAndDelete(store, records);
    await store.writeSpans([sampleSpan({ traceId: freshTraceId(), experimentId: freshExperimentId(), name: "b" })]);
    const order = { key: "timestamp_ms", direction: "ASC" } as const;
    traces = (await store.searchTraces({ experimentIds, order, limit: 1000 })).traces;
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  /** All findings with their score, by plain counting. */
  function explain({ inside, outside, filter, from, to }: ExplainQuery) {
    const selected = traces.filter((info) => {
      const time = startOf(info);
      return (!filter || matchesFilter(filter, { info })) && (from ?? time) <= time && time < (to ?? time + 1n);
    });
    const sides = [
      selected.filter((info) => matchesFilter(inside, { info })),
      selected.filter((info) => (outside ? matchesFilter(outside, { info }) : !matchesFilter(inside, { info }))),
    ] as const;
    const counts = new Map<string, [number, number]>();
    for (const [side, members] of sides.entries()) {
      for (const entry of members.flatMap(entriesOf)) {
        const pair = counts.get(JSON.stringify(entry)) ?? [0, 0];
        pair[side as 0 | 1] += 1;
        counts.set(JSON.stringify(entry), pair);
      }
    }
    const totals = { inside: sides[0].length, outside: sides[1].length };
    const findings = [...counts]
      .filter(([, pair]) => pair[0] + pair[1] > 1)
      .map(([key, pair]): Finding & { readonly score: number } => {
        const counted = { inside: pair[0], outside: pair[1] };
        return { ...(JSON.parse(key) as Pick<Finding, "field" | "value">), ...counted, score: gTest(counted, totals) };
      })
      .filter(({ score }) => score > 1e-5);
    return { ...totals, findings };
  }

  function entriesOf(info: TraceInfo): Omit<Finding, "inside" | "outside">[] {
    const one = (field: string, value: string | undefined) => ({ field, value: value || null });
    const range = (field: string, number: number | undefined, exponents: [number, number]) => {
      if (number === undefined) return { field, value: null };
      const steps = [0];
      for (let exponent = exponents[0]; exponent <= exponents[1]; exponent++) {
        for (const digit of [1, 2, 5]) steps.push(Number(`${digit}e${exponent}`));
      }
      const min = steps.findLast((step) => step <= number) ?? 0;
      const max = steps[steps.indexOf(min) + 1];
      return { field, value: { min, ...(max !== undefined && { max }) } };
    };
    const entries = (field: string, record: Readonly<Record<string, string>>) =>
      Object.entries(record).map(([key, value]) => ({ field, key, value }));
    return [
      one("name", info.name),
      one("status", info.state),
      one("user", info.userId),
      one("version", info.version),
      one("source", info.source),
      one("error", info.errorPreview),
      ...(info.models ?? []).map((model) => one("model", model)),
      range("execution_time_ms", info.state === "IN_PROGRESS" ? undefined : info.durationMs, [0, 7]),
      range("tokens.total", info.tokenUsage?.totalTokens, [0, 8]),
      range("cost", info.costUsd, [-6, 3]),
      ...entries("tags", info.tags),
      ...entries("metadata", info.metadata),
    ];
  }

  test.each([
    { inside: "name = 'b'" },
    { inside: "status = 'ERROR'", outside: "status = 'OK'" },
    { inside: "tags.env = 'edited'", filter: "NOT name = 'a'" },
    {
      inside: "user = 'u1'",
      outside: "name = 'a'",
      from: SAMPLE_START + 10n * SECOND,
      to: SAMPLE_START + 50n * SECOND,
    },
  ])("the findings are those of plain counting: %o", async ({ inside, outside, filter, ...range }) => {
    const query: ExplainQuery = {
      ...{ experimentIds, inside: parsed(inside), limit: 1000 },
      ...(outside !== undefined && { outside: parsed(outside) }),
      ...(filter !== undefined && { filter: parsed(filter) }),
      ...range,
    };
    const expected = explain(query);
    const actual = await store.explainTraces(query);
    expect({ inside: actual.inside, outside: actual.outside, approximate: actual.approximate }).toEqual({
      ...{ inside: expected.inside, outside: expected.outside, approximate: false },
    });
    const key = ({ field, key, value }: Finding) => JSON.stringify([field, key, value]);
    const byKey = (left: Finding, right: Finding) => (key(left) < key(right) ? -1 : 1);
    expect(actual.findings.toSorted(byKey)).toEqual(expected.findings.map(({ score, ...rest }) => rest).sort(byKey));
    const scores = actual.findings.map((counts) => gTest(counts, expected));
    for (const [index, score] of scores.entries())
      expect(score).toBeLessThanOrEqual((scores[index - 1] ?? score) + 1e-6);
    expect(await store.explainTraces({ ...query, limit: 2 })).toEqual({
      ...actual,
      findings: actual.findings.slice(0, 2),
    });
  });

  test("what was done to some traces is found first", async () => {
    const experimentId = freshExperimentId();
    const traceIds = Array.from({ length: 40 }, freshTraceId);
    await store.writeSpans(
      traceIds.map((traceId, index) =>
        sampleSpan({
          traceId,
          experimentId,
          traceTags: { region: index % 2 === 0 ? "eu" : "us", request: String(index) },
          endTimeUnixNano: SAMPLE_START + (index < 10 ? 3n * SECOND : SECOND / 5n),
        }),
      ),
    );
    for (const traceId of traceIds.slice(0, 9)) await store.setTraceTags(traceId, { release: "canary" });
    const { findings, ...sides } = await store.explainTraces({
      ...{ experimentIds: [experimentId], inside: parsed("duration >= 2s"), limit: 4 },
    });
    expect(sides).toEqual({ inside: 10, outside: 30, approximate: false });
    expect(findings.slice(0, 3)).toEqual([
      { field: "execution_time_ms", value: { min: 200, max: 500 }, inside: 0, outside: 30 },
      { field: "execution_time_ms", value: { min: 2000, max: 5000 }, inside: 10, outside: 0 },
      { field: "tags", key: "release", value: "canary", inside: 9, outside: 0 },
    ]);
    // Half of both: says nothing.
    expect(findings.filter(({ key }) => key === "region" || key === "request")).toEqual([]);
  });

  test("sides that are too large are cut to their newest traces, each for itself", async () => {
    const query: ExplainQuery = { experimentIds, inside: parsed("name = 'b'"), limit: 10, maxTraces: 5 };
    const { inside, outside, approximate } = await store.explainTraces(query);
    expect(approximate).toBe(true);
    // Rows that were replaced make the cut come earlier.
    for (const count of [inside, outside]) {
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThanOrEqual(5);
    }
  });

  test("nothing on one side explains nothing", async () => {
    const query: ExplainQuery = { experimentIds, inside: parsed("name = 'nobody'"), limit: 10 };
    expect(await store.explainTraces(query)).toEqual({
      inside: 0,
      outside: traces.length,
      approximate: false,
      findings: [],
    });
    const other = { ...query, experimentIds: [freshExperimentId()] };
    expect(await store.explainTraces(other)).toEqual({ inside: 0, outside: 0, approximate: false, findings: [] });
  });
});

/** 2 Σ O ln(O/E) over "has it / has it not" and "inside / outside". */
function gTest(has: { inside: number; outside: number }, all: { inside: number; outside: number }): number {
  const total = all.inside + all.outside;
  let sum = 0;
  for (const side of ["inside", "outside"] as const) {
    const having = has.inside + has.outside;
    for (const [observed, row] of [
      [has[side], having],
      [all[side] - has[side], total - having],
    ] as const) {
      const expected = (row * all[side]) / total;
      if (observed > 0) sum += observed * Math.log(observed / expected);
    }
  }
  return 2 * sum;
}

function parsed(text: string): Filter {
  const result = parseFilter(text);
  if (!result.ok || !result.filter) throw new Error(`"${text}" is no filter.`);
  return result.filter;
}
