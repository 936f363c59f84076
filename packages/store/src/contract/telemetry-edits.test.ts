/**
 * What tags and deletion promise, on every ClickHouse engine.
 */
import { parseFilter } from "@sightline/wire/filter/parser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TelemetryStore } from "../telemetry-store.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

describe.each(clickHouseEngines)("editing on $name", ({ start }) => {
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

  async function tagsOf(traceId: string): Promise<Readonly<Record<string, string>> | undefined> {
    return (await store.getTraceInfos([traceId]))[0]?.tags;
  }

  async function found(experimentId: string, text: string): Promise<string[]> {
    const result = parseFilter(text);
    if (!result.ok || result.filter === undefined) throw new Error(`${text} is no filter`);
    const order = { key: "timestamp_ms", direction: "DESC" } as const;
    const page = await store.searchTraces({ experimentIds: [experimentId], filter: result.filter, order, limit: 10 });
    return page.traces.map((trace) => trace.traceId);
  }

  test("tags that people set lie over those the spans carry", async () => {
    const traceId = freshTraceId();
    const experimentId = freshExperimentId();
    const record = sampleSpan({ traceId, experimentId, traceTags: { env: "prod", team: "a" } });
    await store.writeSpans([record]);
    expect(await tagsOf(traceId)).toEqual({ env: "prod", team: "a" });

    await store.setTraceTags(traceId, { env: "dev", note: "" });
    expect(await tagsOf(traceId)).toEqual({ env: "dev", team: "a", note: "" });
    expect(await found(experimentId, "tags.env = 'prod'")).toEqual([]);
    expect(await found(experimentId, "tags.env = 'dev' AND tags.team = 'a' AND tags.note = ''")).toEqual([traceId]);

    await store.deleteTraceTag(traceId, "team");
    await store.deleteTraceTag(traceId, "never there");
    expect(await tagsOf(traceId)).toEqual({ env: "dev", note: "" });
    expect(await found(experimentId, "tags.team LIKE '%'")).toEqual([]);

    await store.setTraceTags(traceId, { team: "b" });
    await store.deleteTraceTag(traceId, "env");
    expect(await tagsOf(traceId)).toEqual({ team: "b", note: "" });

    // Spans that come later, or again, do not undo what people did.
    await store.writeSpans([record, sampleSpan({ traceId, experimentId, spanId: spanId(2), traceTags: { new: "1" } })]);
    expect(await tagsOf(traceId)).toEqual({ team: "b", note: "", new: "1" });
  });

  test("keys and values may be any text", async () => {
    const traceId = freshTraceId();
    await store.writeSpans([sampleSpan({ traceId })]);
    const tags = { "a.b c`'\"\\": "line\nbreak\t\u0000 {p0:String}", 日本: "💡", __proto__x: "1", constructor: "2" };
    await store.setTraceTags(traceId, tags);
    expect(await tagsOf(traceId)).toEqual(tags);
    for (const key of Object.keys(tags)) await store.deleteTraceTag(traceId, key);
    expect(await tagsOf(traceId)).toEqual({});
  });

  test("of edits at the same time none is lost, and the last of a key wins", async () => {
    const traceId = freshTraceId();
    await store.writeSpans([sampleSpan({ traceId })]);
    const edits = Array.from({ length: 20 }, (_, index) =>
      store.setTraceTags(traceId, { [`k${index}`]: "v", last: String(index) }),
    );
    await Promise.all(edits);
    const tags = await tagsOf(traceId);
    expect(Object.keys(tags ?? {})).toHaveLength(21);
    expect(tags?.["last"]).toBe("19");
  });

  test("tags of a trace that is not there are refused", async () => {
    const traceId = freshTraceId();
    await expect(store.setTraceTags(traceId, { a: "b" })).rejects.toMatchObject({ code: "TRACE_NOT_FOUND" });
    await expect(store.deleteTraceTag(traceId, "a")).rejects.toMatchObject({ code: "TRACE_NOT_FOUND" });
  });

  test("a deleted trace is gone from every read", async () => {
    const experimentId = freshExperimentId();
    const [gone, kept] = [freshTraceId(), freshTraceId()];
    const spansOf = (traceId: string) =>
      [1, 2, 3].map((id) =>
        // Hours apart: the spans of a trace lie in several places.
        sampleSpan({
          traceId,
          experimentId,
          spanId: spanId(id),
          startTimeUnixNano: SAMPLE_START + BigInt(id) * 3_600_000_000_000n,
        }),
      );
    const before = await store.stats();
    await store.writeSpans([...spansOf(gone), ...spansOf(kept)]);
    await store.setTraceTags(gone, { a: "b" });
    await store.deleteTraces([gone, freshTraceId()]);

    expect(await store.getTraceInfos([gone, kept])).toMatchObject([{ traceId: kept }]);
    expect([...(await store.getSpans([gone, kept])).keys()]).toEqual([kept]);
    expect(await store.getSpan(gone, spanId(1))).toBeUndefined();
    expect(await store.getSpanOutlines(gone)).toEqual([]);
    expect(await store.countTraces({ experimentIds: [experimentId], limit: 10 })).toEqual({ total: 1, errors: 0 });
    expect(await found(experimentId, "tags.a = 'b'")).toEqual([]);
    expect((await store.experimentActivity()).get(experimentId)?.traces).toBe(1);
    expect(await store.stats()).toMatchObject({ traces: before.traces + 1, spans: before.spans + 3 });
    await expect(store.setTraceTags(gone, { a: "b" })).rejects.toMatchObject({ code: "TRACE_NOT_FOUND" });

    // Spans that come afterwards begin a new trace, in whatever experiment they name.
    const other = freshExperimentId();
    await store.writeSpans([sampleSpan({ traceId: gone, experimentId: other })]);
    expect(await store.getTraceInfos([gone])).toMatchObject([{ experimentId: other, spanCount: 1, tags: {} }]);
    await store.deleteTraces([kept]);
    expect((await store.experimentActivity()).has(experimentId)).toBe(false);
  });

  test("many traces are deleted at once", async () => {
    const experimentId = freshExperimentId();
    const traceIds = Array.from({ length: 450 }, freshTraceId);
    await store.writeSpans(traceIds.map((traceId) => sampleSpan({ traceId, experimentId })));
    await store.deleteTraces(traceIds);
    expect(await store.countTraces({ experimentIds: [experimentId], limit: 1000 })).toEqual({ total: 0, errors: 0 });
    await expect(store.deleteTraces([])).resolves.toBeUndefined();
  });

  test("stats count bytes", async () => {
    const { bytesOnDisk } = await store.stats();
    expect(bytesOnDisk).toBeGreaterThan(1000);
    await expect(store.ping()).resolves.toBeUndefined();
  });
});
