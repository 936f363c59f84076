/**
 * What assessments, links, metadata edits and client infos promise, on every ClickHouse engine.
 */
import { RawJson } from "@sightline/wire/json";
import type { Assessment } from "@sightline/wire/model/assessment";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clickHouseAddress } from "../clickhouse/address.ts";
import { traceTables } from "../clickhouse/trace-tables.ts";
import { connectClickHouse } from "../engines/clickhouse.ts";
import type { TelemetryStore } from "../telemetry-store.ts";
import type { NewAssessment } from "../trace-parts.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

const human = { type: "HUMAN", id: "ada" };

function feedback(traceId: string, facts: Partial<NewAssessment> = {}): NewAssessment {
  return { traceId, kind: "feedback", name: "correct", valueJson: "true", source: human, ...facts };
}

describe.each(clickHouseEngines)("parts of traces on $name", ({ start }) => {
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

  async function newTrace(): Promise<string> {
    const traceId = freshTraceId();
    await store.writeSpans([sampleSpan({ traceId })]);
    return traceId;
  }

  async function infoOf(traceId: string) {
    const [info] = await store.getTraceInfos([traceId]);
    return info;
  }

  async function validity(traceId: string): Promise<Record<string, boolean>> {
    const list = (await store.getAssessments([traceId])).get(traceId) ?? [];
    return Object.fromEntries(list.map(({ name, valid }) => [name, valid]));
  }

  describe("assessments", () => {
    test("everything that is said of an assessment comes back, also in the row of its trace", async () => {
      const traceId = await newTrace();
      const created = await store.createAssessment({
        traceId,
        spanId: spanId(1),
        kind: "feedback",
        name: "groundedness",
        error: { code: "SCORER_ERROR", message: "boom", stackTrace: "at line 1" },
        rationale: "because\n日本 💡",
        source: { type: "LLM_JUDGE", id: "judge-1" },
        metadata: { "mlflow.assessment.sourceRunId": "run-1", "mlflow.trace.session": "s-1", k: "v" },
        createTimeUnixNano: SAMPLE_START,
      });
      expect(created).toEqual({
        assessmentId: expect.stringMatching(/^a-[0-9a-f]{32}$/),
        traceId,
        spanId: spanId(1),
        sessionId: "s-1",
        runId: "run-1",
        kind: "feedback",
        name: "groundedness",
        value: null,
        error: { code: "SCORER_ERROR", message: "boom", stackTrace: "at line 1" },
        rationale: "because\n日本 💡",
        source: { type: "LLM_JUDGE", id: "judge-1" },
        metadata: { "mlflow.assessment.sourceRunId": "run-1", "mlflow.trace.session": "s-1", k: "v" },
        valid: true,
        createTime: "2026-11-24T08:25:09.717123Z",
        updateTime: expect.stringMatching(/Z$/),
      } satisfies Assessment);
      expect(await store.getAssessment(traceId, created.assessmentId)).toEqual(created);
      expect((await store.getAssessments([traceId, freshTraceId()])).get(traceId)).toEqual([created]);
      expect((await infoOf(traceId))?.assessments).toEqual([created]);
      const order = { key: "timestamp_ms", direction: "DESC" } as const;
      const page = await store.searchTraces({ experimentIds: ["0"], order, limit: 1000 });
      expect(page.traces.find((info) => info.traceId === traceId)?.assessments).toEqual([created]);
    });

    test.each([
      ["true", "true"],
      ["1", "1"],
      ["1.0", "1.0"],
      ['"1"', '"1"'],
      ["null", "null"],
      ["12345678901234567890123", "12345678901234567890123"],
      ['{"b": [1, {"a": "x\\ny"}], "a": 0.10}', '{"b": [1, {"a": "x\\ny"}], "a": 0.10}'],
    ])("the value %s comes back as that very text", async (valueJson, text) => {
      const traceId = await newTrace();
      const { assessmentId } = await store.createAssessment(feedback(traceId, { valueJson }));
      expect((await store.getAssessment(traceId, assessmentId))?.value).toEqual(new RawJson(text));
    });

    test("a value that is not JSON is refused", async () => {
      const traceId = await newTrace();
      await expect(store.createAssessment(feedback(traceId, { valueJson: "{" }))).rejects.toMatchObject({
        code: "INVALID_PARAMETER",
      });
      expect(await validity(traceId)).toEqual({});
    });

    test("an update replaces the judgement, joins the metadata and keeps source, span and time of creation", async () => {
      const traceId = await newTrace();
      const before = await store.createAssessment(
        feedback(traceId, {
          spanId: spanId(1),
          valueJson: "1",
          error: { code: "E" },
          rationale: "old",
          metadata: { a: "1", b: "2" },
        }),
      );
      const changed = await store.updateAssessment(traceId, before.assessmentId, {
        kind: "feedback",
        judgement: { valueJson: "2" },
        metadata: { b: "3", c: "4" },
      });
      const { error, ...rest } = before;
      expect(error).toEqual({ code: "E" });
      expect(changed).toEqual({
        ...rest,
        value: new RawJson("2"),
        metadata: { a: "1", b: "3", c: "4" },
        updateTime: changed.updateTime,
      });
      expect(changed.updateTime > before.updateTime).toBe(true);
      expect(await store.getAssessment(traceId, before.assessmentId)).toEqual(changed);

      const renamed = await store.updateAssessment(traceId, before.assessmentId, { name: "new", rationale: "" });
      expect(renamed).toMatchObject({ name: "new", value: new RawJson("2") });
      expect(renamed).not.toHaveProperty("rationale");
      await expect(store.updateAssessment(traceId, before.assessmentId, { kind: "expectation" })).rejects.toMatchObject(
        { code: "INVALID_PARAMETER" },
      );
    });

    test("what is overridden is not valid until the one that overrides it is deleted", async () => {
      const traceId = await newTrace();
      const a = await store.createAssessment(feedback(traceId, { name: "a" }));
      const b = await store.createAssessment(feedback(traceId, { name: "b", overrides: a.assessmentId }));
      expect(b).toMatchObject({ overrides: a.assessmentId, valid: true });
      const c = await store.createAssessment(feedback(traceId, { name: "c", overrides: b.assessmentId }));
      const again = await store.createAssessment(feedback(traceId, { name: "again", overrides: a.assessmentId }));
      expect(await validity(traceId)).toEqual({ a: false, b: false, c: true, again: true });

      // An update does not make it valid again.
      expect(await store.updateAssessment(traceId, a.assessmentId, { rationale: "x" })).toMatchObject({ valid: false });
      expect(await store.deleteAssessment(traceId, c.assessmentId)).toBe(true);
      expect(await validity(traceId)).toEqual({ a: false, b: true, again: true });
      expect(await store.deleteAssessment(traceId, b.assessmentId)).toBe(true);
      expect(await validity(traceId)).toEqual({ a: false, again: true });
      expect(await store.deleteAssessment(traceId, again.assessmentId)).toBe(true);
      expect(await validity(traceId)).toEqual({ a: true });
      expect(await store.deleteAssessment(traceId, again.assessmentId)).toBe(false);
    });

    test("one that is written again under its id is there once", async () => {
      const traceId = await newTrace();
      const assessmentId = `a-${"0".repeat(31)}1`;
      await store.createAssessment(feedback(traceId, { assessmentId, valueJson: "1" }));
      await store.createAssessment(feedback(traceId, { assessmentId, valueJson: "2" }));
      expect((await store.getAssessments([traceId])).get(traceId)).toMatchObject([{ value: new RawJson("2") }]);
    });

    test("an assessment of nothing is refused", async () => {
      const missing = freshTraceId();
      const notFound = { code: "TRACE_NOT_FOUND" };
      await expect(store.createAssessment(feedback(missing))).rejects.toMatchObject(notFound);
      await expect(store.updateAssessment(missing, "a-1", {})).rejects.toMatchObject(notFound);
      await expect(store.deleteAssessment(missing, "a-1")).rejects.toMatchObject(notFound);
      expect(await store.getAssessment(missing, "a-1")).toBeUndefined();

      const traceId = await newTrace();
      const noAssessment = { code: "ASSESSMENT_NOT_FOUND" };
      await expect(store.updateAssessment(traceId, "a-1", {})).rejects.toMatchObject(noAssessment);
      await expect(store.createAssessment(feedback(traceId, { overrides: "a-1" }))).rejects.toMatchObject(noAssessment);
      expect(await validity(traceId)).toEqual({});
    });
  });

  describe("links", () => {
    test("traces are linked, found and unlinked; doing it again changes nothing", async () => {
      const [one, two] = [await newTrace(), await newTrace()];
      await store.linkTraces("run", "run-1", [one, two, one]);
      await store.linkTraces("run", "run-1", [two]);
      await store.linkTraces("prompt", "greet/2", [one]);
      expect(await store.getTraceLinks([one, two, freshTraceId()])).toEqual(
        new Map([
          [
            one,
            [
              { kind: "prompt", target: "greet/2" },
              { kind: "run", target: "run-1" },
            ],
          ],
          [two, [{ kind: "run", target: "run-1" }]],
        ]),
      );
      await store.unlinkTraces("run", "run-1", [two, freshTraceId()]);
      await store.unlinkTraces("run", "run-9", [one]);
      expect([...(await store.getTraceLinks([one, two])).keys()]).toEqual([one]);
      await store.linkTraces("run", "run-1", [two]);
      expect((await store.getTraceLinks([two])).get(two)).toEqual([{ kind: "run", target: "run-1" }]);
    });

    test("if one of the traces is not there, none is linked", async () => {
      const traceId = await newTrace();
      await expect(store.linkTraces("run", "run-1", [traceId, freshTraceId()])).rejects.toMatchObject({
        code: "TRACE_NOT_FOUND",
      });
      expect(await store.getTraceLinks([traceId])).toEqual(new Map());
    });
  });

  test("metadata that was set lies over what the spans and the client said", async () => {
    const traceId = freshTraceId();
    const record = sampleSpan({ traceId, traceMetadata: { a: "span", b: "span", c: "span" } });
    await store.writeSpans([record]);
    await store.putClientInfo({ traceId, experimentId: "0", metadata: { b: "client", d: "client" } });
    await store.setTraceMetadata(traceId, { c: "edit", d: "edit", e: "" });
    await store.writeSpans([record]);
    await store.putClientInfo({ traceId, experimentId: "0", metadata: { d: "client again" } });
    expect((await infoOf(traceId))?.metadata).toEqual({ a: "span", b: "client", c: "edit", d: "edit", e: "" });
    await store.deleteTraceMetadata(traceId, "d");
    await store.deleteTraceMetadata(traceId, "never there");
    expect((await infoOf(traceId))?.metadata).toEqual({ a: "span", b: "client", c: "edit", e: "" });
    const missing = freshTraceId();
    await expect(store.setTraceMetadata(missing, {})).rejects.toMatchObject({ code: "TRACE_NOT_FOUND" });
    await expect(store.deleteTraceMetadata(missing, "a")).rejects.toMatchObject({ code: "TRACE_NOT_FOUND" });
  });

  describe("client infos", () => {
    const said = {
      name: "said",
      state: "ERROR",
      requestTimeUnixNano: SAMPLE_START - 5_000_000_000n,
      durationNano: 7_000_000_000n,
      requestPreview: "asked",
      responsePreview: "",
      clientRequestId: "req-1",
      tags: { both: "client", client: "1" },
      metadata: { "mlflow.trace.session": "s-1", "sightline.version": "v2", "mlflow.source.name": "main.py" },
    } as const;

    test("a trace that only its client spoke of is visible and in progress", async () => {
      const traceId = freshTraceId();
      const experimentId = freshExperimentId();
      await store.putClientInfo({ traceId, experimentId, name: "soon" });
      const info = await infoOf(traceId);
      expect(info).toMatchObject({ name: "soon", state: "IN_PROGRESS", spanCount: 0, durationMs: 0, experimentId });
      expect(Math.abs(Date.parse(info?.requestTime ?? "") - Date.now())).toBeLessThan(600_000);
      const order = { key: "timestamp_ms", direction: "DESC" } as const;
      expect((await store.searchTraces({ experimentIds: [experimentId], order, limit: 5 })).traces).toEqual([info]);
      expect(await store.getSpans([traceId])).toEqual(new Map());
      await store.setTraceTags(traceId, { a: "b" });

      // With its first span it moves to where the span is, and is there once.
      await store.writeSpans([sampleSpan({ traceId, experimentId })]);
      expect((await store.searchTraces({ experimentIds: [experimentId], order, limit: 5 })).traces).toMatchObject([
        { name: "soon", state: "OK", spanCount: 1, requestTime: "2026-11-24T08:25:09.717123Z", tags: { a: "b" } },
      ]);
    });

    test("what the client said wins and stays, whatever spans come", async () => {
      const traceId = freshTraceId();
      const experimentId = freshExperimentId();
      const root = sampleSpan({
        traceId,
        experimentId,
        name: "root",
        requestPreview: "root's question",
        responsePreview: "root's answer",
        sessionId: "root's",
        userId: "ada",
        traceTags: { both: "span", span: "1" },
      });
      await store.writeSpans([sampleSpan({ ...root, spanId: spanId(2), parentSpanId: spanId(1), model: "m-2" })]);
      await store.putClientInfo({ traceId, experimentId: "99", ...said });
      await store.writeSpans([root, sampleSpan({ ...root, spanId: spanId(3), parentSpanId: spanId(1), model: "m-1" })]);
      expect(await infoOf(traceId)).toEqual({
        traceId,
        experimentId,
        name: "said",
        state: "ERROR",
        requestTime: "2026-11-24T08:25:04.717123Z",
        durationMs: 7000,
        requestPreview: "asked",
        tags: { both: "client", client: "1", span: "1" },
        metadata: said.metadata,
        sessionId: "s-1",
        userId: "ada",
        clientRequestId: "req-1",
        version: "v2",
        source: "main.py",
        models: ["m-1", "m-2"],
        spanCount: 3,
        assessments: [],
      });
      // A later call changes what it says and keeps the rest.
      await store.putClientInfo({ traceId, experimentId, state: "OK", tags: { client: "2" } });
      expect(await infoOf(traceId)).toMatchObject({
        name: "said",
        state: "OK",
        durationMs: 7000,
        tags: { both: "client", client: "2", span: "1" },
      });
    });

    test("version and source are found in what spans carry", async () => {
      const traceId = freshTraceId();
      await store.writeSpans([sampleSpan({ traceId, traceTags: { "service.version": "1.2" } })]);
      expect(await infoOf(traceId)).toMatchObject({ version: "1.2", source: "shop" });
      expect(await infoOf(traceId)).not.toHaveProperty("models");
    });

    test("the next life of the server knows what clients said", async () => {
      const traceId = freshTraceId();
      await store.putClientInfo({ traceId, experimentId: "7", ...said });
      await store.close();
      store = await openTelemetryStore(engine.url);
      await store.writeSpans([sampleSpan({ traceId, experimentId: "8" })]);
      expect(await infoOf(traceId)).toMatchObject({ experimentId: "7", name: "said", state: "ERROR", spanCount: 1 });
    });
  });

  test("of 50 writers at the same time none is lost while spans rewrite the trace", async () => {
    const traceId = freshTraceId();
    await store.writeSpans([sampleSpan({ traceId })]);
    const { assessmentId } = await store.createAssessment(feedback(traceId));
    const numbers = Array.from({ length: 50 }, (_, index) => index);
    await Promise.all(
      numbers.flatMap((index) => [
        store.writeSpans([
          sampleSpan({
            traceId,
            spanId: spanId(index + 2),
            parentSpanId: spanId(1),
            traceTags: { [`s${index}`]: "v" },
          }),
        ]),
        store.setTraceTags(traceId, { [`t${index}`]: "v", last: String(index) }),
        store.setTraceMetadata(traceId, { [`m${index}`]: "v" }),
        store.createAssessment(feedback(traceId, { name: `n${index}` })),
        store.updateAssessment(traceId, assessmentId, { metadata: { [`k${index}`]: "v" } }),
        store.linkTraces("run", `run-${index}`, [traceId]),
        store.putClientInfo({ traceId, experimentId: "0", metadata: { [`c${index}`]: "v" } }),
      ]),
    );
    const info = await infoOf(traceId);
    expect(info?.spanCount).toBe(51);
    expect(Object.keys(info?.tags ?? {})).toHaveLength(101);
    expect(info?.tags["last"]).toBe("49");
    expect(Object.keys(info?.metadata ?? {})).toHaveLength(100);
    expect(info?.assessments).toHaveLength(51);
    const updated = await store.getAssessment(traceId, assessmentId);
    expect(Object.keys(updated?.metadata ?? {})).toHaveLength(50);
    expect((await store.getTraceLinks([traceId])).get(traceId)).toHaveLength(50);
  });

  test("deleting a trace deletes every row of it in every table", async () => {
    const [gone, kept] = [freshTraceId(), freshTraceId()];
    for (const traceId of [gone, kept]) {
      await store.putClientInfo({ traceId, experimentId: "0", name: "x" });
      await store.writeSpans([sampleSpan({ traceId }), sampleSpan({ traceId, spanId: spanId(2) })]);
      await store.setTraceTags(traceId, { a: "b" });
      await store.setTraceMetadata(traceId, { a: "b" });
      await store.createAssessment(feedback(traceId));
      await store.linkTraces("run", "run-1", [traceId]);
      await store.linkTraces("prompt", "p/1", [traceId]);
    }
    const { serverUrl, database } = clickHouseAddress(engine.url);
    const admin = connectClickHouse(serverUrl);
    const read = async (query: string): Promise<string[]> => {
      const answer = await admin.query({ query, format: "JSONCompactEachRow" });
      return (await answer.json<[string]>()).map(([cell]) => String(cell));
    };
    try {
      // From the database, so that a table which is added later cannot be forgotten. `removals` is a list of what is still to be
      // deleted, which its removal clears.
      const tables = await read(
        `SELECT table FROM system.columns
          WHERE database = '${database}' AND name = 'trace_id' AND table != 'removals' ORDER BY table`,
      );
      expect(tables).toEqual(traceTables.map(({ name }) => name).sort());
      const rowsOf = async (traceId: string): Promise<Record<string, number>> => {
        const counts: Record<string, number> = {};
        for (const table of tables) {
          const [rows] = await read(`SELECT count() FROM ${database}.${table} FINAL WHERE trace_id = '${traceId}'`);
          counts[table] = Number(rows);
        }
        return counts;
      };
      const all = await rowsOf(gone);
      expect(Object.values(all).every((rows) => rows > 0)).toBe(true);
      await store.deleteTraces([gone]);
      expect(Object.values(await rowsOf(gone)).every((rows) => rows === 0)).toBe(true);
      expect(await rowsOf(kept)).toEqual(all);
    } finally {
      await admin.close();
    }
  });
});
