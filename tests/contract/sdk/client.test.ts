/**
 * The SDK's client against a real server.
 */
import { execFile } from "node:child_process";
import * as sightline from "@sightline/sdk";
import { SightlineClient, SpanType, Trace, toTable } from "@sightline/sdk";
import type { SightlineError } from "@sightline/wire/errors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "../server/in-process.ts";

let server: ServerUnderTest;
let client: SightlineClient;
beforeAll(async () => {
  server = await startInProcess();
  sightline.init({ url: server.url, experiment: "of init" });
  client = new SightlineClient();
});
afterAll(async () => {
  await sightline.shutdown();
  await server?.stop();
});

const code = (answer: Promise<unknown>) =>
  answer.then(
    () => undefined,
    (error: SightlineError) => error.code,
  );

/** Sends a trace of one span. */
function traced(name: string, inputs: unknown, experiment: string): string {
  const root = client.startTrace({ name, inputs, experiment });
  client.endTrace(root, { outputs: `answer to ${JSON.stringify(inputs)}` });
  return root.traceId;
}

describe("spans by hand", () => {
  test("a trace is built with explicit parents, whatever span is current", async () => {
    const traceId = await sightline.withSpan({ name: "around" }, async () => {
      const root = client.startTrace({
        name: "import",
        spanType: SpanType.WORKFLOW,
        inputs: { file: "a.csv" },
        attributes: { rows: 3 },
        tags: { env: "test" },
        metadata: { build: "7" },
        sessionId: "s-1",
        userId: "ada",
        startTime: new Date("2026-11-24T08:00:00Z"),
      });
      const parse = client.startSpan({ name: "parse", parent: root, spanType: SpanType.PARSER });
      const row = client.startSpan({ name: "row", parent: parse, inputs: [1] });
      client.endSpan(parse, { outputs: { rows: 3 }, attributes: { bytes: 12 } });
      client.endSpan(row, { error: new TypeError("no number"), endTime: new Date("2026-11-24T08:00:01Z") });
      client.endSpan(row, { outputs: "too late" });
      client.endTrace(root, { outputs: "done", tags: { checked: "yes" }, endTime: new Date("2026-11-24T08:00:02Z") });
      return root.traceId;
    });
    const trace = await client.getTrace(traceId);
    expect(trace.info).toMatchObject({
      name: "import",
      state: "OK",
      requestTime: "2026-11-24T08:00:00.000000Z",
      durationMs: expect.any(Number),
      tags: { env: "test", checked: "yes" },
      sessionId: "s-1",
      userId: "ada",
      spanCount: 3,
    });
    expect(trace.info.metadata).toMatchObject({ build: "7" });
    expect(trace.root).toMatchObject({
      name: "import",
      spanType: "WORKFLOW",
      inputs: { file: "a.csv" },
      outputs: "done",
    });
    const [parse] = trace.findSpans({ type: SpanType.PARSER });
    expect(parse).toMatchObject({ parentSpanId: trace.root?.spanId, outputs: { rows: 3 }, attributes: { bytes: 12 } });
    const [row] = trace.findSpans({ name: "row" });
    expect(row).toMatchObject({
      parentSpanId: parse?.spanId,
      outputs: null,
      status: { code: "ERROR", message: "no number" },
      events: [{ name: "exception", attributes: { "exception.type": "TypeError" } }],
    });
  });

  test("spans that still run end with their trace", async () => {
    const root = client.startTrace({ name: "root" });
    const child = client.startSpan({ name: "child", parent: root });
    client.startSpan({ name: "grandchild", parent: child });
    client.endTrace(root, { status: "ERROR", statusMessage: "cut off" });
    const trace = await client.getTrace(root.traceId);
    expect(trace.info.state).toBe("ERROR");
    expect(trace.spans.map(({ name }) => name).sort()).toEqual(["child", "grandchild", "root"]);
    expect(trace.spans.every(({ endTimeUnixNano }) => endTimeUnixNano !== "0")).toBe(true);
  });

  test("a span goes below one of another process, named by its ids", async () => {
    const root = client.startTrace({ name: "here" });
    const elsewhere = { traceId: root.traceId, spanId: root.spanId };
    client.endSpan(client.startSpan({ name: "there", parent: elsewhere }));
    client.endTrace(root);
    const { spans } = await client.getTrace(root.traceId);
    expect(spans.find(({ name }) => name === "there")?.parentSpanId).toBe(root.spanId);
  });

  test("a client of another server sends its traces there, in the experiment that it names", async () => {
    const other = await startInProcess();
    try {
      const there = new SightlineClient({ url: other.url });
      const root = there.startTrace({ name: "elsewhere", experiment: "of the other" });
      there.endSpan(there.startSpan({ name: "step", parent: root }));
      there.endTrace(root);
      const found = await there.searchTraces({ experiments: ["of the other"], include: ["spans"] });
      expect(found.map(({ spans }) => spans.length)).toEqual([2]);
      expect(await code(client.getTrace(root.traceId))).toBe("TRACE_NOT_FOUND");
    } finally {
      await other.stop();
    }
  });
});

describe("searching", () => {
  beforeAll(async () => {
    for (let index = 0; index < 25; index++) traced("weather", { city: index % 5 }, "searched");
    await sightline.flush();
  });

  test("finds traces that were just recorded, with their spans when asked for", async () => {
    const traceId = traced("last", "?", "searched anew");
    const [bare] = await sightline.searchTraces({ experiments: ["searched anew"] });
    expect(bare).toBeInstanceOf(Trace);
    expect(bare?.info.traceId).toBe(traceId);
    expect(bare).not.toHaveProperty("spans");
    const [whole] = await sightline.searchTraces({ experiments: ["searched anew"], include: ["spans"] });
    expect(whole?.root?.inputs).toBe("?");
    expect(Trace.fromJSON(JSON.stringify(whole))).toEqual(whole);
    expect(await sightline.getTrace(traceId)).toEqual(whole);
  });

  test("gives as many as asked for, and all one after another", async () => {
    const experiments = ["searched"];
    expect(await client.searchTraces({ experiments, maxResults: 7 })).toHaveLength(7);
    expect(await client.searchTraces({ experiments, maxResults: 0 })).toEqual([]);
    const all = await client.searchTraces({ experiments, maxResults: Number.POSITIVE_INFINITY });
    expect(all).toHaveLength(25);
    const ids: string[] = [];
    for await (const { info } of sightline.iterateTraces({ experiments })) ids.push(info.traceId);
    expect(ids).toEqual(all.map(({ info }) => info.traceId));
    let read = 0;
    for await (const trace of client.iterateTraces({ experiments, include: ["spans"], maxResults: 10 })) {
      read += trace.spans.length;
      if (read === 4) break;
    }
    expect(read).toBe(4);
  });

  test("a table has each question once", async () => {
    const traces = await sightline.searchTraces({ experiments: ["searched"], orderBy: ["timestamp_ms ASC"] });
    const rows = toTable(traces, { dropDuplicatesBy: "request" });
    expect(rows.map(({ request }) => request)).toEqual([0, 1, 2, 3, 4].map((city) => `city: ${city}`));
    expect(rows[0]).toMatchObject({ response: 'answer to {"city":0}', status: "OK", trace: traces[0] });
  });

  test("by time, in an order, and says what is wrong with a filter", async () => {
    const experiments = ["searched"];
    expect(await client.searchTraces({ experiments, from: new Date(Date.now() + 3600_000) })).toEqual([]);
    expect(await client.searchTraces({ experiments, to: new Date(Date.now() + 3600_000) })).toHaveLength(25);
    await expect(client.searchTraces({ filter: "stats = 'OK'" })).rejects.toMatchObject({
      code: "BAD_FILTER",
      details: { position: 0 },
    });
    expect(await code(client.searchTraces({ experiments: ["never made"] }))).toBe("EXPERIMENT_NOT_FOUND");
  });

  test("traces are deleted by ids and by filter, and counted before", async () => {
    const ids = [traced("a", 1, "deleted"), traced("a", 2, "deleted"), traced("b", 3, "deleted")];
    const experiments = ["deleted"];
    expect(await client.deleteTraces({ experiments, dryRun: true })).toBe(3);
    expect(await client.deleteTraces({ experiments, filter: "name = 'a'" })).toBe(2);
    expect(await client.deleteTraces({ traceIds: ids.slice(2) })).toBe(1);
    expect(await client.searchTraces({ experiments })).toEqual([]);
    expect(await code(client.deleteTraces({}))).toBe("INVALID_PARAMETER");
  });
});

describe("what is said of traces", () => {
  test("tags are set and removed", async () => {
    const traceId = traced("tagged", 1, "assessed");
    await sightline.setTraceTag(traceId, "quality", "good");
    expect((await client.getTrace(traceId)).info.tags).toMatchObject({ quality: "good" });
    await sightline.deleteTraceTag(traceId, "quality");
    expect((await client.getTrace(traceId)).info.tags).not.toHaveProperty("quality");
  });

  test("a trace that still runs takes tags and feedback, and is read as it is by now", async () => {
    const root = client.startTrace({ name: "running", experiment: "running" });
    const { traceId } = root;
    await sightline.setTraceTag(traceId, "early", "yes");
    await sightline.logFeedback({ traceId, value: 1 });
    await client.linkTracesToRun("some run", [traceId]);
    const { info } = await client.getTrace(traceId);
    expect(info).toMatchObject({ state: "IN_PROGRESS", tags: { early: "yes" }, assessments: [{ value: 1 }] });
    client.endTrace(root);
    expect((await client.getTrace(traceId)).info).toMatchObject({ state: "OK", tags: { early: "yes" } });
  });

  test("feedback is logged, changed, corrected and deleted", async () => {
    const traceId = traced("judged", 1, "assessed");
    const first = await sightline.logFeedback({ traceId, name: "helpful", value: false, metadata: { by: "hand" } });
    expect(first).toMatchObject({
      kind: "feedback",
      value: false,
      source: { type: "CODE", id: "default" },
      valid: true,
    });
    const source = { type: "HUMAN", id: "ada" };
    const second = await sightline.logFeedback({
      traceId,
      name: "helpful",
      value: true,
      source,
      rationale: "it was",
      overrides: first.assessmentId,
    });
    const judged = (await client.getTrace(traceId)).info.assessments;
    expect(judged.map(({ value, valid }) => [value, valid])).toEqual([
      [false, false],
      [true, true],
    ]);
    const changed = await client.updateAssessment(traceId, second.assessmentId, { value: 0.5, metadata: { a: "b" } });
    expect(changed).toMatchObject({ value: 0.5, rationale: "it was", source, metadata: { a: "b" } });
    await client.deleteAssessment(traceId, second.assessmentId);
    expect((await client.getTrace(traceId)).info.assessments).toMatchObject([
      { assessmentId: first.assessmentId, valid: true },
    ]);
    expect(await code(client.deleteAssessment(traceId, second.assessmentId))).toBe("ASSESSMENT_NOT_FOUND");
  });

  test("a failed scorer's error stands in place of a value", async () => {
    const traceId = traced("judged", 1, "assessed");
    const logged = await sightline.logFeedback({ traceId, error: new RangeError("no score") });
    expect(logged).toMatchObject({
      name: "feedback",
      value: null,
      error: { code: "RangeError", message: "no score", stackTrace: expect.stringContaining("RangeError") },
    });
  });

  test("expectations are logged for a trace, and found by the filter", async () => {
    const traceId = traced("expected", 1, "assessed");
    const logged = await sightline.logExpectation({ traceId, name: "city", value: { is: "Paris" } });
    expect(logged).toMatchObject({
      kind: "expectation",
      value: { is: "Paris" },
      source: { type: "HUMAN", id: "default" },
    });
    const found = await client.searchTraces({ filter: "expectation.city IS NOT NULL" });
    expect(found.map(({ info }) => info.traceId)).toEqual([traceId]);
    expect(await code(sightline.logExpectation({ traceId: `tr-${"1".repeat(32)}`, name: "x", value: 1 }))).toBe(
      "TRACE_NOT_FOUND",
    );
  });
});

test("experiments are made, found, renamed, deleted, restored and purged", async () => {
  const made = await client.createExperiment("made by hand");
  expect(await code(client.createExperiment("made by hand"))).toBe("EXPERIMENT_EXISTS");
  const traceId = traced("in it", 1, "made by hand");
  expect(await client.getExperiment(made.experimentId)).toMatchObject({ ...made, traces: 1 });
  expect(await client.getExperimentByName("made by hand")).toMatchObject(made);
  expect(await client.getExperimentByName("never made")).toBeUndefined();
  expect(await code(client.getExperiment("4711"))).toBe("EXPERIMENT_NOT_FOUND");
  await client.updateExperiment(made.experimentId, { name: "renamed by hand", retentionDays: 7 });
  await client.deleteExperiment(made.experimentId);
  expect((await client.getExperiment(made.experimentId)).deleteTime).toBeDefined();
  const names = async () => (await client.listExperiments()).map(({ name }) => name);
  expect(await names()).not.toContain("renamed by hand");
  expect(await client.restoreExperiment(made.experimentId)).toMatchObject({
    name: "renamed by hand",
    retentionDays: 7,
  });
  expect(await names()).toContain("renamed by hand");
  await client.deleteExperiment(made.experimentId, { purge: true });
  expect(await code(client.getExperiment(made.experimentId))).toBe("EXPERIMENT_NOT_FOUND");
  expect(await code(client.getTrace(traceId))).toBe("TRACE_NOT_FOUND");
});

describe("runs", () => {
  test("a run is started in the experiment of init, logged to, and ended", async () => {
    const run = await client.createRun({
      name: "nightly",
      params: { model: "gpt-4o", k: 3, strict: true },
      tags: { env: "ci" },
    });
    expect(run).toMatchObject({
      name: "nightly",
      status: "RUNNING",
      params: { model: "gpt-4o", k: "3", strict: "true" },
    });
    expect((await client.getExperiment(run.experimentId)).name).toBe("of init");
    const { runId } = run;
    await client.logMetric(runId, "accuracy", 0.5, { step: 1 });
    await client.logMetric(runId, "accuracy", Number.NaN, { step: 2, time: 1000 });
    await client.logMetrics(runId, { loss: Number.POSITIVE_INFINITY, "score/mean": 0.1 });
    await client.logMetrics(runId, [
      { key: "loss", value: 1, step: 3, time: new Date(2000) },
      { key: "loss", value: 0.5 },
    ]);
    await client.logParam(runId, "k", 3);
    expect(await code(client.logParam(runId, "k", 4))).toBe("PARAM_CHANGED");
    await client.setRunTag(runId, "env", "prod");
    await client.deleteRunTag(runId, "never");
    const ended = await client.endRun(runId);
    expect(ended).toMatchObject({ status: "FINISHED", tags: { env: "prod" }, endTime: expect.any(String) });
    expect(ended.metrics).toMatchObject({
      accuracy: { value: Number.NaN, step: 2, timestampMs: 1000 },
      loss: { value: 1, step: 3, timestampMs: 2000 },
      "score/mean": { value: 0.1, step: 0 },
    });
    expect(await client.getRun(runId)).toEqual(ended);
    const history = await client.getMetricHistory(runId, "loss");
    expect(history.map(({ value }) => value).sort()).toEqual([0.5, 1, Number.POSITIVE_INFINITY]);
  });

  test("more than the server takes at once is sent in parts", async () => {
    const { runId } = await client.createRun({ experiment: "large" });
    const points = Array.from({ length: 2500 }, (_, step) => ({ key: "m", value: step, step, time: step }));
    await client.logMetrics(runId, points);
    await client.logParams(runId, Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`p${index}`, index])));
    const run = await client.getRun(runId);
    expect(run.metrics.m).toEqual({ value: 2499, step: 2499, timestampMs: 2499 });
    expect(Object.keys(run.params)).toHaveLength(250);
    expect(await client.getMetricHistory(runId, "m")).toEqual(
      points.map(({ value, step, time }) => ({ value, step, timestampMs: time })),
    );
  });

  test("runs are found, deleted and restored", async () => {
    const experiment = "runs to find";
    for (let index = 0; index < 5; index++) {
      const { runId } = await client.createRun({ experiment, name: `run ${index}`, startTime: new Date(index * 1000) });
      await client.logMetric(runId, "score", index);
    }
    const search = { experiments: [experiment], filter: "metrics.score > 1", orderBy: ["metrics.score ASC"] };
    const found = await client.searchRuns(search);
    expect(found.map(({ name }) => name)).toEqual(["run 2", "run 3", "run 4"]);
    expect((await client.searchRuns({ ...search, maxResults: 2 })).map(({ name }) => name)).toEqual(["run 2", "run 3"]);
    const runId = found[0]?.runId ?? "";
    await client.deleteRun(runId);
    expect(await client.searchRuns(search)).toHaveLength(2);
    expect(await client.searchRuns({ ...search, view: "deleted" })).toHaveLength(1);
    expect(await client.restoreRun(runId)).toEqual(found[0]);
    expect(
      await client.updateRun(runId, { name: "other", status: "KILLED", endTime: "2026-11-24T08:00:00Z" }),
    ).toMatchObject({
      name: "other",
      endTime: "2026-11-24T08:00:00.000Z",
    });
  });

  test("traces are linked to a run, and found by it", async () => {
    const { runId } = await client.createRun();
    const traceIds = [traced("linked", 1, "linked"), traced("linked", 2, "linked")];
    await client.linkTracesToRun(runId, traceIds);
    const found = await client.searchTraces({ filter: `run = '${runId}'` });
    expect(found.map(({ info }) => info.traceId).sort()).toEqual(traceIds.sort());
  });
});

test("a client that names its server traces to it without init(), until shutdown() and while nothing is disabled", () => {
  // Its own process: in this one init() was called.
  const program = `
    import assert from "node:assert";
    import * as sightline from "@sightline/sdk";
    const client = new sightline.SightlineClient({ url: process.env.SERVER });
    const make = () => {
      const root = client.startTrace({ name: "detached", experiment: "without init" });
      client.endSpan(client.startSpan({ name: "step", parent: root }));
      client.endTrace(root);
      return root;
    };
    assert.equal(sightline.trace(() => sightline.getCurrentSpan())(), undefined);
    const first = make();
    assert.equal(first.isRecording, false);
    const trace = await client.getTrace(first.traceId);
    assert.equal(trace.spans.length, 2);
    sightline.disable();
    make();
    sightline.enable();
    await sightline.shutdown();
    make();
    const found = await client.searchTraces({ experiments: ["without init"], include: ["spans"] });
    console.log(found.map(({ spans }) => spans.length).join());
  `;
  const { SIGHTLINE_URL: _, MLFLOW_TRACKING_URI: __, ...env } = process.env;
  return new Promise<void>((resolve, reject) => {
    const options = { env: { ...env, SERVER: server.url } };
    const args = ["--import", "tsx", "--conditions=@sightline/source", "--input-type=module", "-e", program];
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (error) return reject(error);
      expect([stdout, stderr]).toEqual(["2,2\n", ""]);
      resolve();
    });
  });
});

test("without a server it says so; with a wrong one, too", async () => {
  await expect(new SightlineClient({ url: "ftp://nowhere" }).getTrace("tr-1")).rejects.toMatchObject({
    code: "BAD_SETTING",
    message:
      'The url of the client is "ftp://nowhere"; give the address of a Sightline server, e.g. http://127.0.0.1:5500.',
  });
  expect(await code(new SightlineClient({ url: "http://127.0.0.1:1" }).listExperiments())).toBe("SERVER_UNREACHABLE");
});
