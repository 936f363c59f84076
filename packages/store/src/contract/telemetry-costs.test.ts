/**
 * What counting costs anew promises, on every ClickHouse engine.
 */
import type { PricedSpan } from "@sightline/wire/pricing/cost";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SpanRecord, TelemetryStore } from "../telemetry-store.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshTraceId, SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15, cacheReadInputTokens: 2 };
const HOUR = 3_600_000_000_000n;

/** A price for each model, a cent a token. */
const costOf =
  (models: Readonly<Record<string, number>>) =>
  ({ model, usage: counts }: PricedSpan): number | undefined => {
    const price = models[model];
    return price === undefined || counts === undefined ? undefined : price * counts.totalTokens;
  };

describe.each(clickHouseEngines)("costs on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url);
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  /** Costs of the spans by name, and of the trace. */
  async function costsOf(traceId: string): Promise<Record<string, number | undefined>> {
    const spans = (await store.getSpans([traceId])).get(traceId) ?? [];
    const [info] = await store.getTraceInfos([traceId]);
    return { ...Object.fromEntries(spans.map(({ name, costUsd }) => [name, costUsd])), trace: info?.costUsd };
  }

  test("costs that were counted here follow the prices, those that were sent stay", async () => {
    const traceId = freshTraceId();
    const span = (id: number, facts: Partial<SpanRecord>): SpanRecord =>
      sampleSpan({
        traceId,
        spanId: spanId(id),
        parentSpanId: spanId(1),
        startTimeUnixNano: SAMPLE_START + BigInt(id) * HOUR,
        usage,
        inputs: { json: `{"text":"日本 ${id}"}` },
        attributes: { k: `${id}` },
        ...facts,
      });
    const records = [
      span(1, { name: "root", parentSpanId: "", traceTags: { a: "b" }, usage: { ...usage, totalTokens: 0 } }),
      span(2, { name: "ours", model: "m", costUsd: 1, isCostComputed: true }),
      span(3, { name: "sent", model: "m", costUsd: 7 }),
      span(4, { name: "unknown", model: "new" }),
      span(5, { name: "gone", model: "old", costUsd: 3, isCostComputed: true }),
      span(6, { name: "no model", model: "" }),
    ];
    await store.writeSpans(records);
    await store.setTraceTags(traceId, { c: "d" });
    const before = (await store.getSpans([traceId])).get(traceId) ?? [];

    const told: [number, number][] = [];
    const counts = await store.recomputeCosts(costOf({ m: 2, new: 0.5 }), {
      onProgress: ({ spans }, total) => told.push([spans, total]),
    });
    // The spans lie in three hours: the row is made anew after each.
    expect(counts).toEqual({ spans: 3, changed: 3, traces: 3 });
    expect(told).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(await costsOf(traceId)).toEqual({
      root: undefined,
      ours: 30,
      sent: 7,
      unknown: 7.5,
      gone: undefined,
      "no model": undefined,
      trace: 44.5,
    });
    // Nothing else of the spans changed, and edits are still there.
    const withoutCost = (spans: typeof before) => spans.map(({ costUsd, isCostComputed, ...rest }) => rest);
    const after = (await store.getSpans([traceId])).get(traceId) ?? [];
    expect(withoutCost(after)).toEqual(withoutCost(before));
    expect((await store.getTraceInfos([traceId]))[0]).toMatchObject({ tags: { a: "b", c: "d" }, spanCount: 6 });

    expect(await store.recomputeCosts(costOf({ m: 2, new: 0.5 }))).toEqual({ spans: 3, changed: 0, traces: 0 });
    // What was unknown once is ours from then on.
    expect(await store.recomputeCosts(costOf({ m: 3, new: 1, old: 1 }))).toMatchObject({ changed: 3 });
    expect(await costsOf(traceId)).toMatchObject({ ours: 45, sent: 7, unknown: 15, gone: 15, trace: 82 });

    // The trace is as if it had been written so: later spans of it add up.
    await store.writeSpans([span(7, { name: "later", model: "m", costUsd: 100 })]);
    expect((await costsOf(traceId))["trace"]).toBe(182);
    await store.deleteTraces([traceId]);
    expect(await store.recomputeCosts(costOf({ m: 9 }))).toEqual({ spans: 0, changed: 0, traces: 0 });
  });

  test("thousands of spans of one hour are counted in steps, also those of one trace", async () => {
    const long = freshTraceId();
    const short = Array.from({ length: 3000 }, freshTraceId);
    await store.writeSpans([
      ...Array.from({ length: 2500 }, (_, index) =>
        sampleSpan({
          traceId: long,
          spanId: spanId(index + 1),
          parentSpanId: index === 0 ? "" : spanId(1),
          model: index === 0 ? "" : "m",
          usage,
        }),
      ),
      ...short.map((traceId) => sampleSpan({ traceId, model: "m", usage })),
    ]);
    const counts = await store.recomputeCosts(costOf({ m: 1 }));
    expect(counts).toMatchObject({ spans: 5499, changed: 5499 });
    const infos = await store.getTraceInfos([long, ...short]);
    expect(infos[0]?.costUsd).toBe(2499 * 15);
    expect(new Set(infos.slice(1).map(({ costUsd }) => costUsd))).toEqual(new Set([15]));
    await store.deleteTraces([long, ...short]);
  });

  test("a caller who gives up stops it between two steps", async () => {
    const traceId = freshTraceId();
    await store.writeSpans([sampleSpan({ traceId, model: "m", usage })]);
    const given = AbortSignal.abort(new Error("enough"));
    await expect(store.recomputeCosts(costOf({ m: 1 }), { signal: given })).rejects.toThrow("enough");
    expect((await costsOf(traceId))["trace"]).toBeUndefined();
  });
});
