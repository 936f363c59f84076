/**
 * Runs over HTTP, held to their schemas by the client of `in-process.ts`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@sightline/server/lifecycle/clock";
import { restoreBackup } from "@sightline/server/transfer/restore-backup";
import type { SightlineError } from "@sightline/wire/errors";
import type { Run } from "@sightline/wire/model/run";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { errorOf, makeSpan, send } from "./spans.ts";

const DAY_MS = 24 * 3600 * 1000;

/** The machine's time, moved on by the test. */
let movedMs = 0;
const clock: Clock = { now: () => Date.now() + movedMs, every: () => () => undefined };

let under: ServerUnderTest;
beforeAll(async () => {
  under = await startInProcess({}, undefined, { clock });
});
afterAll(() => under.stop());

const code = (answer: Promise<unknown>) =>
  answer.then(
    () => undefined,
    (error: SightlineError) => error.code,
  );
/** What a call takes as its body. */
type Body<Call extends keyof ServerUnderTest["client"]> = NonNullable<
  (Parameters<ServerUnderTest["client"][Call]>[0] & { readonly body?: unknown })["body"]
>;

const create = async (body: Body<"createRun"> = {}): Promise<Run> => (await under.client.createRun({ body })).run;
const get = async (runId: string): Promise<Run> => (await under.client.getRun({ params: { runId } })).run;

test("a run is made in an experiment by its name, which is made too, or by its id", async () => {
  const run = await create({ experiment: "evaluation Ü", name: "first", tags: { env: "prod" }, userId: "ada" });
  expect(run).toMatchObject({
    runId: expect.stringMatching(/^[0-9a-f]{32}$/),
    name: "first",
    status: "RUNNING",
    userId: "ada",
    tags: { env: "prod", "mlflow.runName": "first" },
  });
  const { experiments } = await under.client.listExperiments();
  expect(experiments.find(({ name }) => name === "evaluation Ü")?.experimentId).toBe(run.experimentId);
  expect((await create({ experiment: run.experimentId })).experimentId).toBe(run.experimentId);
  expect((await create()).experimentId).toBe("0");
  expect(await code(create({ experiment: "4711" }))).toBe("EXPERIMENT_NOT_FOUND");
  expect(await code(create({ experiment: " " }))).toBe("INVALID_PARAMETER");
  expect(await get(run.runId)).toEqual(run);
});

test("a run without a name gets one, and one by its tag has that", async () => {
  const run = await create();
  expect(run.name).toMatch(/^[a-z]+-[a-z]+-\d+$/);
  expect(run.tags).toEqual({ "mlflow.runName": run.name });
  expect((await create({ name: "", tags: { "mlflow.runName": "by tag" } })).name).toBe("by tag");
  expect(await code(create({ name: "one", tags: { "mlflow.runName": "other" } }))).toBe("INVALID_PARAMETER");
});

test("a run that ends gets its end, once; one that is taken up again has none", async () => {
  const { runId, startTime } = await create({ startTime: "2026-11-24T08:25:09.717+01:00" });
  expect(startTime).toBe("2026-11-24T07:25:09.717Z");
  const update = async (body: Body<"updateRun">) => (await under.client.updateRun({ params: { runId }, body })).run;
  const failed = await update({ status: "FAILED" });
  expect(Date.parse(failed.endTime ?? "")).toBeGreaterThan(Date.now() - 60_000);
  expect(await update({ status: "KILLED" })).toEqual({ ...failed, status: "KILLED" });
  expect(await update({ status: "RUNNING", name: "again" })).not.toHaveProperty("endTime");
  const ended = await update({ status: "FINISHED", endTime: "2026-11-25T00:00:00Z" });
  expect(ended).toMatchObject({ name: "again", endTime: "2026-11-25T00:00:00.000Z" });
  expect(ended.tags["mlflow.runName"]).toBe("again");
  expect(await code(update({ endTime: "tomorrow" }))).toBe("INVALID_PARAMETER");
  expect(await code(update({ name: "" }))).toBe("INVALID_PARAMETER");
  expect(await code(under.client.updateRun({ params: { runId: "none" }, body: {} }))).toBe("RUN_NOT_FOUND");
});

describe("logging", () => {
  const log = (runId: string, body: Body<"logBatch">) => under.client.logBatch({ params: { runId }, body });

  test("metrics, params and tags come in one batch and are read back to the last digit", async () => {
    const { runId, name } = await create();
    const batch = {
      metrics: [
        { key: "loss/train 1", value: 0.1 + 0.2, step: 1, timestampMs: 5 },
        { key: "loss/train 1", value: 5e-324, step: 2, timestampMs: 4 },
        { key: "inf", value: "-Infinity" as const, step: -3, timestampMs: 0 },
        { key: "nan", value: "NaN" as const, timestampMs: 1 },
        { key: "large", value: 1e300, timestampMs: 1 },
        { key: "digits", value: 1e20, timestampMs: 1 },
      ],
      params: { "model.name": "gpt-4o", prompt: "日本 💡\n'quoted'", empty: "" },
      tags: { a: "1" },
    };
    await log(runId, batch);
    await log(runId, batch);
    expect(await get(runId)).toMatchObject({
      params: batch.params,
      tags: { a: "1", "mlflow.runName": name },
      metrics: {
        "loss/train 1": { value: 5e-324, step: 2, timestampMs: 4 },
        inf: { value: "-Infinity", step: -3, timestampMs: 0 },
        nan: { value: "NaN", step: 0, timestampMs: 1 },
        large: { value: 1e300 },
        digits: { value: 1e20 },
      },
    });
    const history = await under.client.getMetricHistory({ params: { runId, key: "loss/train 1" } });
    expect(history).toEqual({
      points: [
        { value: 5e-324, step: 2, timestampMs: 4 },
        { value: 0.1 + 0.2, step: 1, timestampMs: 5 },
      ],
    });
  });

  test("integers of any length are metrics; what is no number is none", async () => {
    const { runId } = await create();
    const post = (value: string) =>
      fetch(`${under.url}/api/v1/runs/${runId}/log-batch`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `{"metrics":[{"key":"m","value":${value},"timestampMs":1}]}`,
      });
    expect((await post("12345678901234567890")).status).toBe(200);
    expect((await get(runId)).metrics.m?.value).toBe(Number(12345678901234567890n));
    for (const value of ['"many"', "null", "true", "1e999"]) {
      expect((await errorOf(await post(value))).code, value).toMatch(/^(INVALID_PARAMETER|BAD_REQUEST)$/);
    }
  });

  test("a param keeps its first value", async () => {
    const { runId } = await create();
    await log(runId, { params: { lr: "0.1", half: "\ud800" } });
    await log(runId, { params: { lr: "0.1", half: "\ud800" } });
    await expect(log(runId, { params: { lr: "0.2" }, tags: { a: "1" } })).rejects.toMatchObject({
      code: "PARAM_CHANGED",
      details: { key: "lr" },
    });
    expect((await get(runId)).tags).not.toHaveProperty("a");
  });

  test.each([
    ["1,001 metrics", { metrics: Array.from({ length: 1001 }, () => ({ key: "m", value: 1 })) }],
    ["101 params", { params: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`p${index}`, ""])) }],
    ["101 tags", { tags: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`t${index}`, ""])) }],
    [
      "1,000 metrics and a tag",
      { metrics: Array.from({ length: 1000 }, () => ({ key: "m", value: 1 })), tags: { a: "1" } },
    ],
    ["a param of 6,001 characters", { params: { p: "x".repeat(6001) } }],
    ["a tag of 8,001 characters", { tags: { t: "x".repeat(8001) } }],
    ["a key of 251 characters", { params: { ["k".repeat(251)]: "" } }],
    ["an empty key", { metrics: [{ key: "", value: 1 }] }],
    ["a key that leads elsewhere", { tags: { "a/../b": "" } }],
    ["a key that begins with a slash", { tags: { "/a": "" } }],
    ["a key with a quote", { tags: { "a'b": "" } }],
    ["a NUL", { params: { p: "a\u0000b" } }],
    ["a time before 1970", { metrics: [{ key: "m", value: 1, timestampMs: -1 }] }],
    ["half a step", { metrics: [{ key: "m", value: 1, step: 0.5 }] }],
    ["an empty name", { tags: { "mlflow.runName": "" } }],
  ])("%s cannot be logged", async (_, body) => {
    const { runId } = await create();
    expect(await code(log(runId, body))).toBe("INVALID_PARAMETER");
  });

  test("what is as long as it may be can be logged, counted in characters", async () => {
    const { runId } = await create();
    const body = {
      params: { ["k".repeat(250)]: "💡".repeat(6000), "Ünï-côdé_1.2:3/4 5": "" },
      tags: { t: "x".repeat(8000) },
      metrics: Array.from({ length: 990 }, (_, step) => ({ key: "m", value: step, step, timestampMs: step })),
    };
    await log(runId, body);
    expect((await get(runId)).params).toEqual(body.params);
    expect((await get(runId)).metrics.m).toEqual({ value: 989, step: 989, timestampMs: 989 });
  });

  test("a history is read page by page", async () => {
    const { runId } = await create();
    const points = Array.from({ length: 10 }, (_, step) => ({ value: step / 3, step, timestampMs: 1000 + step }));
    await log(runId, { metrics: points.map((point) => ({ key: "a/b", ...point })) });
    const params = { runId, key: "a/b" };
    const read = [];
    let pageToken: string | undefined;
    do {
      const page = await under.client.getMetricHistory({
        params,
        query: { maxResults: "3", ...(pageToken !== undefined && { pageToken }) },
      });
      read.push(...page.points);
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    expect(read).toEqual(points);
    const history = (query: object, key = "a/b") => under.client.getMetricHistory({ params: { runId, key }, query });
    expect(await history({}, "none")).toEqual({ points: [] });
    expect(await code(history({ maxResults: "0" }))).toBe("INVALID_PARAMETER");
    expect(await code(history({ maxResults: "25001" }))).toBe("INVALID_PARAMETER");
    expect(await code(history({ pageToken: "x" }))).toBe("BAD_PAGE_TOKEN");
    const { nextPageToken = "" } = await history({ maxResults: "3" });
    expect(await code(history({ pageToken: nextPageToken }, "other"))).toBe("BAD_PAGE_TOKEN");
    expect(await code(under.client.getMetricHistory({ params: { runId: "none", key: "m" } }))).toBe("RUN_NOT_FOUND");
  });

  test("tags are set and removed one by one", async () => {
    const { runId, name } = await create();
    const params = { runId, key: "a/b c" };
    await under.client.setRunTag({ params, body: { value: "1" } });
    await under.client.setRunTag({ params, body: { value: "2" } });
    expect((await get(runId)).tags).toEqual({ "a/b c": "2", "mlflow.runName": name });
    await under.client.deleteRunTag({ params });
    await under.client.deleteRunTag({ params });
    expect((await get(runId)).tags).toEqual({ "mlflow.runName": name });
    await under.client.setRunTag({ params: { runId, key: "mlflow.runName" }, body: { value: "renamed" } });
    expect((await get(runId)).name).toBe("renamed");
    expect(await code(under.client.setRunTag({ params: { runId, key: "a'b" }, body: { value: "" } }))).toBe(
      "INVALID_PARAMETER",
    );
    expect(await code(under.client.deleteRunTag({ params: { runId: "none", key: "a" } }))).toBe("RUN_NOT_FOUND");
  });
});

describe("searching", () => {
  const search = (body: Body<"searchRuns">) => under.client.searchRuns({ body });
  const names = async (body: Parameters<typeof search>[0]) => (await search(body)).runs.map(({ name }) => name);
  const experiment = "runs to search";
  beforeAll(async () => {
    for (const [index, name] of ["a", "b", "c", "d", "e"].entries()) {
      const { runId } = await create({
        experiment,
        name,
        startTime: `2026-11-24T08:00:0${index}Z`,
        tags: { odd: String(index % 2 === 1) },
      });
      await under.client.logBatch({
        params: { runId },
        body: { metrics: [{ key: "score", value: index / 4 }], params: { model: index < 2 ? "small" : "large" } },
      });
    }
  });

  test("by metric, param, tag and attribute, in any order, page by page", async () => {
    const experiments = [experiment];
    expect(await names({ experiments })).toEqual(["e", "d", "c", "b", "a"]);
    const filter = "metrics.score >= 0.25 AND params.model = 'large' AND tags.odd != 'true' AND status = 'RUNNING'";
    expect(await names({ experiments, filter })).toEqual(["e", "c"]);
    const pages = [];
    let pageToken: string | undefined;
    do {
      const page = await search({
        experiments,
        orderBy: ["params.model ASC", "metrics.score DESC"],
        maxResults: 2,
        ...(pageToken !== undefined && { pageToken }),
      });
      pages.push(page.runs.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    expect(pages).toEqual([["e", "d"], ["c", "b"], ["a"]]);
  });

  test("what cannot be understood is told where", async () => {
    await expect(search({ filter: "metrics.a > 'x'" })).rejects.toMatchObject({
      code: "BAD_FILTER",
      details: { position: 12, length: 3 },
    });
    expect(await code(search({ orderBy: ["metrics.a UP"] }))).toBe("INVALID_PARAMETER");
    expect(await code(search({ orderBy: ["a", "b", "c", "d", "e"].map((key) => `params.${key}`) }))).toBe(
      "INVALID_PARAMETER",
    );
    expect(await code(search({ experiments: ["never made"] }))).toBe("EXPERIMENT_NOT_FOUND");
    expect(await names({ experiments: [] })).toEqual([]);
    const { nextPageToken = "" } = await search({ experiments: [experiment], maxResults: 1 });
    expect(
      await code(search({ experiments: [experiment], filter: "status = 'FAILED'", pageToken: nextPageToken })),
    ).toBe("BAD_PAGE_TOKEN");
    const [owner] = JSON.parse(Buffer.from(nextPageToken, "base64url").toString()) as string[];
    for (const place of [[], ["x", "y"], [1.5, "y"], [1, 2], [1, "y", 3], { 0: 1 }, null]) {
      const pageToken = Buffer.from(JSON.stringify([owner, place])).toString("base64url");
      expect(await code(search({ experiments: [experiment], pageToken }))).toBe("BAD_PAGE_TOKEN");
    }
  });

  test("deleted runs are found when asked for", async () => {
    const { runId, name } = await create({ experiment: "runs to delete" });
    const experiments = ["runs to delete"];
    await under.client.deleteRun({ params: { runId } });
    await under.client.deleteRun({ params: { runId } });
    expect((await get(runId)).deleteTime).toBeDefined();
    expect(await names({ experiments })).toEqual([]);
    expect(await names({ experiments, view: "deleted" })).toEqual([name]);
    expect(await code(under.client.logBatch({ params: { runId }, body: { tags: { a: "1" } } }))).toBe("RUN_DELETED");
    expect((await under.client.restoreRun({ params: { runId } })).run).not.toHaveProperty("deleteTime");
    expect(await names({ experiments })).toEqual([name]);
    await under.client.deleteRun({ params: { runId }, query: { purge: "true" } });
    expect(await names({ experiments, view: "all" })).toEqual([]);
    expect(await code(get(runId))).toBe("RUN_NOT_FOUND");
    expect(await code(under.client.deleteRun({ params: { runId } }))).toBe("RUN_NOT_FOUND");
    expect(await code(under.client.restoreRun({ params: { runId } }))).toBe("RUN_NOT_FOUND");
  });
});

test("runs go with their experiment: hidden, restored, purged", async () => {
  const { runId, experimentId } = await create({ experiment: "short-lived" });
  await send(under.url, [makeSpan()], { "x-sightline-experiment": "short-lived" });
  await under.client.deleteExperiment({ params: { experimentId } });
  expect((await get(runId)).deleteTime).toBeDefined();
  expect(await code(create({ experiment: "short-lived" }))).toBe("EXPERIMENT_DELETED");
  expect(await code(create({ experiment: experimentId }))).toBe("EXPERIMENT_DELETED");
  expect(await code(under.client.restoreRun({ params: { runId } }))).toBe("EXPERIMENT_DELETED");
  await under.client.restoreExperiment({ params: { experimentId } });
  expect(await get(runId)).not.toHaveProperty("deleteTime");
  const { job } = await under.client.deleteExperiment({ params: { experimentId }, query: { purge: "true" } });
  await under.client.getJob({ params: { jobId: job?.jobId ?? "" }, query: { waitSeconds: "60" } });
  expect(await code(get(runId))).toBe("RUN_NOT_FOUND");
});

test("a deleted run is removed after 30 days", async () => {
  const { runId } = await create();
  const { runId: kept } = await create();
  await under.client.deleteRun({ params: { runId } });
  const check = async (days: number) => {
    movedMs = days * DAY_MS;
    // Setting what holds already makes the server look at what is due, and answers when it has.
    await under.client.setRetention({ body: { days: null } });
  };
  await check(29);
  expect((await get(runId)).deleteTime).toBeDefined();
  await check(31);
  expect(await code(get(runId))).toBe("RUN_NOT_FOUND");
  expect((await get(kept)).runId).toBe(kept);
  movedMs = 0;
});

test("a backup has the runs", async () => {
  const { runId } = await create({ experiment: "backed up", tags: { a: "日本" } });
  const metrics = (["NaN", "Infinity", "-Infinity"] as const).map((value, step) => ({
    key: "m",
    value,
    step,
    timestampMs: step,
  }));
  await under.client.logBatch({ params: { runId }, body: { metrics, params: { p: "1" } } });
  const before = await get(runId);
  const { job } = await under.client.createBackup({ body: { name: "with-runs" } });
  const { job: ended } = await under.client.getJob({ params: { jobId: job.jobId }, query: { waitSeconds: "60" } });
  expect(ended.state).toBe("succeeded");
  const folder = await mkdtemp(join(tmpdir(), "sightline-runs-test-"));
  try {
    const dataDir = join(folder, "data");
    await restoreBackup({
      from: join(under.dataDir, "backups", "with-runs"),
      dataDir,
      onStep: () => undefined,
      onProgress: () => undefined,
    });
    const restored = await startInProcess({ SIGHTLINE_DATA_DIR: dataDir });
    try {
      expect((await restored.client.getRun({ params: { runId } })).run).toEqual(before);
      const { points } = await restored.client.getMetricHistory({ params: { runId, key: "m" } });
      expect(points.map(({ value }) => value)).toEqual(["NaN", "Infinity", "-Infinity"]);
    } finally {
      await restored.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
