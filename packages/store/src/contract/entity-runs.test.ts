/**
 * What the entity store promises about runs, on every PostgreSQL engine.
 */
import { parseRunFilter, parseRunOrder } from "@sightline/wire/filter/run-filter";
import type { Run } from "@sightline/wire/model/run";
import fc from "fast-check";
import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectPostgres } from "../engines/postgres.ts";
import type { EntityStore } from "../entity-store.ts";
import { dumpTables, loadTables } from "../postgres/dump.ts";
import { migratePostgres } from "../postgres/migrate-postgres.ts";
import { openPostgresEntityStore } from "../postgres/postgres-entity-store.ts";
import type { Metric, NewRun, RunSearch } from "../runs.ts";
import { postgresEngines, type RunningEngine } from "./engines.ts";

const START = 1_795_508_709_717;
const newId = () => crypto.randomUUID().replaceAll("-", "");
const metric = (key: string, value: number, step = 0, timestampMs = START): Metric => ({
  key,
  value,
  step,
  timestampMs,
});

function filter(text: string): Pick<RunSearch, "conditions"> {
  const result = parseRunFilter(text);
  if (!result.ok) throw new Error(result.error.message);
  return { conditions: result.conditions };
}

function order(...texts: string[]): Pick<RunSearch, "order"> {
  return {
    order: texts.map((text) => {
      const result = parseRunOrder(text);
      if (!result.ok) throw new Error(result.error.message);
      return result.order;
    }),
  };
}

describe.each(postgresEngines)("runs on $name", ({ start }) => {
  let engine: RunningEngine;
  let pool: Pool;
  let store: EntityStore;
  beforeAll(async () => {
    engine = await start();
    pool = connectPostgres(engine.url);
    await migratePostgres(pool, async () => undefined);
    store = openPostgresEntityStore(pool);
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  const create = (facts: Partial<NewRun> = {}): Promise<Run> =>
    store.createRun({
      runId: newId(),
      experimentId: "0",
      name: "bold-fox-1",
      status: "RUNNING",
      startMs: START,
      tags: [],
      ...facts,
    });
  const newExperiment = async () => (await store.createExperiment(newId())).experimentId;

  test("a run is made with its tags, and found as it was made", async () => {
    const made = await create({ name: "first", userId: "ada", tags: [{ key: "env", value: "日本 💡" }] });
    expect(made).toEqual({
      runId: made.runId,
      experimentId: "0",
      name: "first",
      status: "RUNNING",
      userId: "ada",
      startTime: "2026-11-24T08:25:09.717Z",
      params: {},
      metrics: {},
      tags: { env: "日本 💡", "mlflow.runName": "first" },
    });
    expect(await store.getRun(made.runId)).toEqual(made);
    expect(await store.getRun("none")).toBeUndefined();
    expect(await store.getRun("a\u0000b")).toBeUndefined();
  });

  test("a run needs an experiment that is there", async () => {
    await expect(create({ experimentId: "987654321" })).rejects.toMatchObject({ code: "EXPERIMENT_NOT_FOUND" });
    await expect(create({ experimentId: "x" })).rejects.toMatchObject({ code: "EXPERIMENT_NOT_FOUND" });
    const experimentId = await newExperiment();
    await store.deleteExperiment(experimentId);
    await expect(create({ experimentId })).rejects.toMatchObject({ code: "EXPERIMENT_DELETED" });
  });

  test("name, status and end are changed; the tag follows the name, and the name the tag", async () => {
    const { runId } = await create();
    const ended = await store.updateRun(runId, { name: "second", status: "FINISHED", endMs: START + 1500 });
    expect(ended).toMatchObject({ name: "second", status: "FINISHED", endTime: "2026-11-24T08:25:11.217Z" });
    expect(ended.tags["mlflow.runName"]).toBe("second");
    expect(await store.updateRun(runId, {})).toEqual(ended);
    await store.logBatch(runId, { tags: [{ key: "mlflow.runName", value: "third" }] });
    expect(await store.getRun(runId)).toEqual({ ...ended, name: "third", tags: { "mlflow.runName": "third" } });
    await expect(store.updateRun("none", { name: "x" })).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });

  test("a deleted run is marked and takes nothing; restored it is as before", async () => {
    const made = await create();
    const deleted = await store.deleteRun(made.runId);
    expect(deleted).toEqual({ ...made, deleteTime: expect.stringMatching(/^20.*Z$/) });
    expect(await store.deleteRun(made.runId)).toEqual(deleted);
    expect(await store.getRun(made.runId)).toEqual(deleted);
    const writes = [
      () => store.updateRun(made.runId, { name: "x" }),
      () => store.logBatch(made.runId, { params: [{ key: "a", value: "1" }] }),
      () => store.deleteRunTag(made.runId, "mlflow.runName"),
    ];
    for (const write of writes) await expect(write()).rejects.toMatchObject({ code: "RUN_DELETED" });
    expect(await store.restoreRun(made.runId)).toEqual(made);
    expect(await store.restoreRun(made.runId)).toEqual(made);
    expect(await store.removeRun(made.runId)).toBe(false);
    for (const call of [store.deleteRun, store.restoreRun]) {
      await expect(call("none")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    }
  });

  test("runs are deleted with their experiment and come back with it; those deleted before stay deleted", async () => {
    const experimentId = await newExperiment();
    const kept = await create({ experimentId });
    const before = await store.deleteRun((await create({ experimentId })).runId);
    await store.deleteExperiment(experimentId);
    expect((await store.getRun(kept.runId))?.deleteTime).toBeDefined();
    await expect(store.logBatch(kept.runId, {})).rejects.toMatchObject({
      code: "RUN_DELETED",
      message: expect.stringContaining("deleted experiment"),
    });
    await expect(store.restoreRun(before.runId)).rejects.toMatchObject({ code: "EXPERIMENT_DELETED" });
    await store.restoreExperiment(experimentId);
    expect(await store.getRun(kept.runId)).toEqual(kept);
    expect(await store.getRun(before.runId)).toEqual(before);
  });

  const rowsOf = async (runId: string) => {
    const tables = ["runs", "run_params", "run_tags", "run_metrics", "run_latest_metrics"];
    const counts = tables.map(async (table) => {
      const { rows } = await pool.query(`SELECT count(*)::int AS n FROM sightline.${table} WHERE run_id = $1`, [runId]);
      return rows[0].n as number;
    });
    return await Promise.all(counts);
  };
  const everything = {
    metrics: [metric("m", 1)],
    params: [{ key: "p", value: "1" }],
    tags: [{ key: "t", value: "1" }],
  };

  test("with a removed experiment or run nothing of it is left", async () => {
    const experimentId = await newExperiment();
    const { runId: inExperiment } = await create({ experimentId });
    const { runId } = await create();
    const { runId: other } = await create();
    for (const id of [inExperiment, runId, other]) await store.logBatch(id, everything);
    expect(await rowsOf(inExperiment)).toEqual([1, 1, 2, 1, 1]);
    await store.deleteExperiment(experimentId);
    await store.removeExperiment(experimentId);
    expect(await rowsOf(inExperiment)).toEqual([0, 0, 0, 0, 0]);
    await store.deleteRun(runId);
    expect(await store.removeRun(runId)).toBe(true);
    expect(await rowsOf(runId)).toEqual([0, 0, 0, 0, 0]);
    expect(await rowsOf(other)).toEqual([1, 1, 2, 1, 1]);
  });

  test("runs that were deleted before a time are removed", async () => {
    const { runId } = await create();
    const { runId: kept } = await create();
    await store.deleteRun(runId);
    expect(await store.removeRunsDeletedBefore(new Date(Date.now() - 3600_000))).toBe(0);
    expect(await store.removeRunsDeletedBefore(new Date(Date.now() + 3600_000))).toBeGreaterThanOrEqual(1);
    expect(await store.getRun(runId)).toBeUndefined();
    expect(await store.getRun(kept)).toBeDefined();
  });

  test("params are logged once: the same value again is fine, another is refused with the whole batch", async () => {
    const { runId } = await create();
    await store.logBatch(runId, { params: [{ key: "lr", value: "0.1" }] });
    await store.logBatch(runId, {
      params: [
        { key: "lr", value: "0.1" },
        { key: "empty", value: "" },
      ],
    });
    const refused = store.logBatch(runId, {
      ...everything,
      params: [
        { key: "new", value: "1" },
        { key: "lr", value: "0.2" },
      ],
    });
    await expect(refused).rejects.toMatchObject({
      code: "PARAM_CHANGED",
      message: 'The param "lr" was logged as "0.1" and cannot become "0.2". Log another param, or start another run.',
      details: { key: "lr" },
    });
    expect(await store.getRun(runId)).toMatchObject({ params: { lr: "0.1", empty: "" }, metrics: {} });
  });

  test("of two writers at the same moment one logs the param, the other is refused", async () => {
    const { runId } = await create();
    const writes = Array.from({ length: 10 }, (_, index) =>
      store.logBatch(runId, {
        params: [{ key: "seed", value: String(index % 2) }],
        metrics: [metric(`m${index % 3}`, index), metric(`m${(index + 1) % 3}`, index)],
      }),
    );
    const outcomes = await Promise.allSettled(writes);
    const run = await store.getRun(runId);
    const won = Number(run?.params.seed);
    expect(outcomes.map(({ status }) => status)).toEqual(
      outcomes.map((_, index) => (index % 2 === won ? "fulfilled" : "rejected")),
    );
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "PARAM_CHANGED" });
    }
  });

  test("a batch that is sent again changes nothing", async () => {
    const { runId } = await create();
    const batch = {
      ...everything,
      metrics: [metric("m", 1), metric("m", Number.NaN, 1), metric("m", Number.NaN, 1), metric("n", -0)],
    };
    await store.logBatch(runId, batch);
    const before = await store.getRun(runId);
    await store.logBatch(runId, batch);
    expect(await store.getRun(runId)).toEqual(before);
    expect((await store.getMetricHistory(runId, "m", { limit: 10 })).points).toHaveLength(2);
  });

  test("the latest point of a metric is that of the highest step, time and value, in whatever order they come", async () => {
    const point = fc.record({
      step: fc.integer({ min: -2, max: 2 }),
      timestampMs: fc.integer({ min: START, max: START + 2 }),
      value: fc.constantFrom(
        0,
        1,
        -1,
        0.1,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        1e308,
        5e-324,
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(point, { minLength: 1, maxLength: 4 }), { maxLength: 5 }), async (batches) => {
        const { runId } = await create();
        for (const batch of batches) {
          await store.logBatch(runId, { metrics: batch.map((fields) => ({ key: "m", ...fields })) });
        }
        const rank = (value: number) => (Number.isNaN(value) ? Number.MAX_VALUE : value);
        const compare = (a: (typeof batches)[0][0], b: (typeof batches)[0][0]) =>
          a.step - b.step ||
          a.timestampMs - b.timestampMs ||
          (Number.isNaN(a.value) ? 1 : 0) - (Number.isNaN(b.value) ? 1 : 0) ||
          (rank(a.value) > rank(b.value) ? 1 : rank(a.value) < rank(b.value) ? -1 : 0);
        const latest = batches.flat().sort(compare).at(-1);
        const expected = latest && {
          ...latest,
          value: Number.isFinite(latest.value) ? latest.value : String(latest.value),
        };
        expect((await store.getRun(runId))?.metrics.m).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  test("the history of a metric is read page by page, every point once", async () => {
    const { runId } = await create();
    const values = [0.1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300];
    const points = Array.from({ length: 25 }, (_, index) =>
      metric("loss", values[index % 5]!, index % 3, START + (index % 4)),
    );
    await store.logBatch(runId, { metrics: [...points, metric("other", 1)] });
    const whole = (await store.getMetricHistory(runId, "loss", { limit: 100 })).points;
    const times = whole.map(({ timestampMs, step }) => timestampMs * 10 + step);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const read = [];
    let page = await store.getMetricHistory(runId, "loss", { limit: 4 });
    read.push(...page.points);
    while (page.next !== undefined) {
      page = await store.getMetricHistory(runId, "loss", { limit: 4, after: page.next });
      read.push(...page.points);
    }
    expect(read).toEqual(whole);
    expect(
      new Set(read.map((point) => JSON.stringify([point.timestampMs, point.step, String(point.value)]))).size,
    ).toBe(new Set(points.map((point) => JSON.stringify([point.timestampMs, point.step, String(point.value)]))).size);
    expect(await store.getMetricHistory(runId, "none", { limit: 4 })).toEqual({ points: [] });
    expect(await store.getMetricHistory("none", "loss", { limit: 4 })).toEqual({ points: [] });
  });

  test("tags are set again, and removed", async () => {
    const { runId } = await create();
    await store.logBatch(runId, {
      tags: [
        { key: "a", value: "1" },
        { key: "a", value: "2" },
      ],
    });
    await store.logBatch(runId, { tags: [{ key: "a", value: "3" }] });
    expect((await store.getRun(runId))?.tags).toEqual({ a: "3", "mlflow.runName": "bold-fox-1" });
    expect(await store.deleteRunTag(runId, "a")).toBe(true);
    expect(await store.deleteRunTag(runId, "a")).toBe(false);
    await expect(store.deleteRunTag("none", "a")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });

  describe("search", () => {
    let experimentId = "";
    const named = new Map<string, string>();
    beforeAll(async () => {
      experimentId = await newExperiment();
      const facts: [string, Partial<NewRun>, Metric[], Record<string, string>][] = [
        ["a", { startMs: START, userId: "ada" }, [metric("acc", 0.5)], { model: "gpt-4o", n: "1" }],
        ["b", { startMs: START + 1 }, [metric("acc", 0.9), metric("m/x y", 1)], { model: "GPT-4o_mini" }],
        ["c", { startMs: START + 2 }, [metric("acc", Number.NaN)], { model: "50%" }],
        ["d", { startMs: START + 3 }, [metric("acc", Number.POSITIVE_INFINITY)], {}],
        ["e", { startMs: START + 3 }, [metric("acc", -1)], { model: "b\\c" }],
        ["f", { startMs: START + 4, tags: [{ key: "env", value: "prod" }] }, [], {}],
      ];
      for (const [name, run, metrics, params] of facts) {
        const { runId } = await create({ experimentId, name, ...run });
        await store.logBatch(runId, {
          metrics,
          params: Object.entries(params).map(([key, value]) => ({ key, value })),
        });
        named.set(runId, name);
      }
      await store.updateRun(idOf("a"), { status: "FAILED", endMs: START + 5000 });
      await create({ experimentId: await newExperiment(), name: "a" });
    });
    const idOf = (name: string) => [...named].find(([, of]) => of === name)?.[0] ?? "";
    const find = async (search: Partial<RunSearch>) => {
      const whole = { experimentIds: [experimentId], conditions: [], order: [], view: "active", limit: 100 } as const;
      const { runs } = await store.searchRuns({ ...whole, ...search });
      return runs.map(({ name }) => name).join("");
    };

    test.each([
      ["metrics.acc > 0.5", "bd"],
      ["metric.acc >= 0.5", "abd"],
      ["metrics.acc < 0.6", "ae"],
      ["metrics.acc = 0.5", "a"],
      ["metrics.acc != 0.5", "bcde"],
      ["metrics.`m/x y` = 1", "b"],
      ["params.model = 'gpt-4o'", "a"],
      ["param.model != 'gpt-4o'", "bce"],
      ["params.model LIKE 'gpt%'", "a"],
      ["params.model ILIKE 'gpt%'", "ab"],
      ["params.model LIKE '%\\%'", "c"],
      ["params.model LIKE '%4o_mini'", "b"],
      ["params.model LIKE '%4o\\_mini'", "b"],
      ["params.model LIKE 'b\\c'", "e"],
      ["params.model IS NULL", "df"],
      ["parameters.model IS NOT NULL AND metrics.acc > 0.6", "b"],
      ["tags.env = 'prod'", "f"],
      ["tag.mlflow.runName = 'a'", "a"],
      ["attributes.status = 'FAILED'", "a"],
      ["status != 'FAILED'", "bcdef"],
      ["run_name IN ('a', 'c', 'zzz')", "ac"],
      ["attr.run_name NOT IN ('a', 'c')", "bdef"],
      ["attribute.`Run name` = 'b'", "b"],
      [`start_time >= ${START + 3}`, "def"],
      ["created < '2026-11-24T08:25:09.718Z'", "a"],
      ["end_time > 0", "a"],
      ["user_id = 'ada'", "a"],
      ["user_id != 'bob'", "a"],
      ["params.model = 'x' AND params.model = 'y'", ""],
    ])("%s", async (text, expected) => {
      const found = await find({ ...filter(text) });
      expect([...found].sort().join("")).toBe(expected);
    });

    test("newest first, equal starts by id", async () => {
      const [first, second] = [idOf("d"), idOf("e")].sort().map((id) => named.get(id));
      expect(await find({})).toBe(`f${first}${second}cba`);
      expect(await find(order("attributes.start_time ASC"))).toBe(`abc${first}${second}f`);
    });

    test("by metrics, params and tags; NaN behind the numbers and what is missing last, in both directions", async () => {
      expect(await find(order("metrics.acc DESC"))).toBe("dbaecf");
      expect(await find(order("metrics.acc"))).toBe("eabdcf");
      const [first, second] = [idOf("d"), idOf("e")].sort().map((id) => named.get(id));
      expect(await find(order("params.model"))).toMatch(/^cbea/);
      expect(await find(order("params.model DESC"))).toMatch(/^aebc/);
      expect(await find(order("tags.env ASC", "params.none DESC"))).toBe(`f${first}${second}cba`);
      expect(await find(order("attributes.end_time DESC"))).toBe(`af${first}${second}cb`);
    });

    test("page by page in every order: all runs, each once", async () => {
      const orders = [
        [],
        ["metrics.acc DESC"],
        ["metrics.acc ASC"],
        ["params.model DESC", "metrics.acc"],
        ["tags.env", "status DESC"],
        ["end_time", "run_name"],
        ["experiment_id", "user_id DESC"],
      ];
      for (const keys of orders) {
        const whole = await find(order(...keys));
        for (const limit of [1, 2, 5]) {
          const search = {
            experimentIds: [experimentId],
            conditions: [],
            view: "active",
            limit,
            ...order(...keys),
          } as const;
          let page = await store.searchRuns(search);
          let names = page.runs.map(({ name }) => name).join("");
          while (page.next !== undefined) {
            page = await store.searchRuns({ ...search, after: page.next });
            names += page.runs.map(({ name }) => name).join("");
          }
          expect([keys, names]).toEqual([keys, whole]);
        }
      }
    });

    test("deleted ones are found when asked for, also those of deleted experiments", async () => {
      const other = await newExperiment();
      const { runId } = await create({ experimentId: other, name: "x" });
      await create({ experimentId: other, name: "y" });
      const views = async () => ({
        active: await find({ experimentIds: [other], view: "active", ...order("run_name") }),
        deleted: await find({ experimentIds: [other], view: "deleted", ...order("run_name") }),
        all: await find({ experimentIds: [other], view: "all", ...order("run_name") }),
      });
      expect(await views()).toEqual({ active: "xy", deleted: "", all: "xy" });
      await store.deleteRun(runId);
      expect(await views()).toEqual({ active: "y", deleted: "x", all: "xy" });
      await store.deleteExperiment(other);
      expect(await views()).toEqual({ active: "", deleted: "xy", all: "xy" });
    });
  });

  test("a dump that is loaded again has the same runs", async () => {
    const { runId } = await create({ name: "dumped" });
    const metrics = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.1, 5e-324, 1e308].map(
      (value, step) => metric("m", value, step),
    );
    await store.logBatch(runId, { ...everything, metrics });
    const before = await store.getRun(runId);
    const history = await store.getMetricHistory(runId, "m", { limit: 100 });
    const tables = [];
    for await (const { engine: of, table, rows } of dumpTables(pool, { signal: new AbortController().signal })) {
      const kept: Uint8Array[] = [];
      for await (const bytes of rows()) kept.push(bytes);
      tables.push({ engine: of, table, rows: () => toStream(kept) });
    }
    await store.deleteRun(runId);
    await store.removeRun(runId);
    await loadTables(pool, toStream(tables));
    expect(await store.getRun(runId)).toEqual(before);
    expect(await store.getMetricHistory(runId, "m", { limit: 100 })).toEqual(history);
  });
});

async function* toStream<T>(items: readonly T[]): AsyncGenerator<T, void> {
  yield* items;
}
