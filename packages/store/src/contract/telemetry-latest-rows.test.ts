/**
 * The promise that a store which remembers rows of traces gives what one gives that reads them, on every ClickHouse engine.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TelemetryStore, TraceQuery } from "../telemetry-store.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { anyRecords, editAndDelete } from "./random-traces.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

describe.each(clickHouseEngines)("remembered rows on $name", ({ start }) => {
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

  async function expectTheSame(experimentId: string, traceIds: readonly string[]): Promise<number> {
    const filters: readonly Pick<TraceQuery, "filter">[] = [
      {},
      { filter: { kind: "comparison", left: { field: "status" }, operator: "=", value: "ERROR" } },
      { filter: { kind: "comparison", left: { field: "tags", key: "env" }, operator: "=", value: "x" } },
    ];
    // Opened anew, because it knows only of its own changes.
    const forgetful = await openTelemetryStore(engine.url, { rememberedTraces: 0 });
    let found = 0;
    for (const filter of filters) {
      for (const key of ["timestamp_ms", "execution_time_ms"] as const) {
        const query: TraceQuery = {
          experimentIds: [experimentId],
          ...filter,
          order: { key, direction: "DESC" },
          limit: 1000,
        };
        const page = await store.searchTraces(query);
        expect(page).toEqual(await forgetful.searchTraces(query));
        found += page.traces.length;
      }
    }
    expect(await store.getTraceInfos(traceIds)).toEqual(await forgetful.getTraceInfos(traceIds));
    await forgetful.close();
    return found;
  }

  test("random traces, as they are written, replaced, edited, moved, priced and deleted", async () => {
    const experimentId = freshExperimentId();
    const records = anyRecords(experimentId);
    const traceIds = [...new Set(records.map(({ traceId }) => traceId))];
    await store.writeSpans(records);
    expect(await expectTheSame(experimentId, traceIds)).toBeGreaterThan(160);
    await editAndDelete(store, records);
    expect(await expectTheSame(experimentId, traceIds)).toBeGreaterThan(150);
    const [first, second, third] = traceIds.slice(5) as [string, string, string];
    // An earlier span moves the row of its trace.
    await store.writeSpans([
      sampleSpan({
        experimentId,
        traceId: first,
        spanId: spanId(9),
        startTimeUnixNano: SAMPLE_START - 7_200_000_000_000n,
      }),
    ]);
    await store.putClientInfo({
      experimentId,
      traceId: second,
      name: "said",
      tags: { env: "x" },
    });
    await store.deleteTraces([third]);
    await store.recomputeCosts(() => 12.5);
    expect(await expectTheSame(experimentId, traceIds)).toBeGreaterThan(150);
    await store.writeSpans(records.filter(({ traceId }) => traceId === third));
    await expectTheSame(experimentId, traceIds);
  });

  test("texts that UTF-8 cannot hold and counts that are no whole numbers", async () => {
    const experimentId = freshExperimentId();
    const half = "a\ud83d b";
    const record = sampleSpan({
      experimentId,
      traceId: freshTraceId(),
      parentSpanId: "",
      name: half,
      sessionId: half,
      requestPreview: half,
      traceTags: { [half]: half, env: "x", "": "" },
      usage: { inputTokens: 1.6, outputTokens: 2 ** 60, totalTokens: 3 },
      costUsd: 0.1 + 0.2,
      endTimeUnixNano: 2n ** 63n,
    });
    await store.writeSpans([record]);
    expect(await expectTheSame(experimentId, [record.traceId])).toBe(4);
  });
});
