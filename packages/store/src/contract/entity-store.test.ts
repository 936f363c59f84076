/**
 * What the entity store promises, on every PostgreSQL engine.
 */
import { SightlineError } from "@sightline/wire/errors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectPostgres } from "../engines/postgres.ts";
import type { EntityStore } from "../entity-store.ts";
import { migratePostgres } from "../postgres/migrate-postgres.ts";
import { openPostgresEntityStore } from "../postgres/postgres-entity-store.ts";
import { postgresEngines, type RunningEngine } from "./engines.ts";

const nothing = async () => undefined;

describe.each(postgresEngines)("entities on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: EntityStore;
  beforeAll(async () => {
    engine = await start();
    // Several servers that start at the same moment: one migrates, the others find it done.
    const pools = Array.from({ length: 4 }, () => connectPostgres(engine.url));
    await Promise.all(pools.map((pool) => migratePostgres(pool, nothing)));
    const [first, ...others] = pools;
    await Promise.all(others.map((pool) => pool.end()));
    store = openPostgresEntityStore(first!);
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  test("Default is there from the start, with id 0", async () => {
    const byId = await store.getExperiment("0");
    expect(byId).toMatchObject({ experimentId: "0", name: "Default" });
    expect(await store.getExperimentByName("Default")).toEqual(byId);
    expect(await store.ensureExperiment("Default")).toEqual(byId);
    expect(new Date(byId?.createTime ?? "").toISOString()).toBe(byId?.createTime);
  });

  test("an experiment is made on first use and found afterwards", async () => {
    expect(await store.getExperimentByName("billing agent")).toBeUndefined();
    const made = await store.ensureExperiment("billing agent");
    expect(made.experimentId).toMatch(/^[1-9]\d*$/);
    expect(await store.ensureExperiment("billing agent")).toEqual(made);
    expect(await store.getExperiment(made.experimentId)).toEqual(made);
    expect(await store.getExperimentByName("billing agent")).toEqual(made);
  });

  test("names are told apart by case and may be any text", async () => {
    const names = ["Case", "case", " case", "'; DROP TABLE experiments --", "日本 💡", "a/b.c", "x".repeat(500)];
    const made = await Promise.all(names.map((name) => store.ensureExperiment(name)));
    expect(new Set(made.map((experiment) => experiment.experimentId)).size).toBe(names.length);
    expect(made.map((experiment) => experiment.name)).toEqual(names);
    for (const name of names) expect((await store.getExperimentByName(name))?.name).toBe(name);
  });

  test("names that cannot be kept are refused", async () => {
    for (const name of ["", "a\u0000b", "x".repeat(501)]) {
      await expect(store.ensureExperiment(name)).rejects.toMatchObject({ code: "INVALID_PARAMETER" });
      expect(await store.getExperimentByName(name)).toBeUndefined();
    }
  });

  test("callers at the same moment get the same experiment", async () => {
    const made = await Promise.all(Array.from({ length: 30 }, () => store.ensureExperiment("race")));
    expect(new Set(made.map((experiment) => experiment.experimentId)).size).toBe(1);
  });

  test("an id that is none finds nothing", async () => {
    for (const id of ["", "x", "-1", "00x", "1.5", "999999999999999999", "1234567890123456789012345", "0; SELECT 1"]) {
      expect(await store.getExperiment(id)).toBeUndefined();
    }
  });

  test("the list has Default first, then the others by name", async () => {
    for (const name of ["zebra", "Apple", "banana"]) await store.ensureExperiment(name);
    const names = (await store.listExperiments()).map((experiment) => experiment.name);
    expect(names[0]).toBe("Default");
    const some = names.filter((name) => ["zebra", "Apple", "banana"].includes(name));
    expect(some).toEqual(["Apple", "banana", "zebra"]);
  });

  test("a second server on the same database sees what the first made", async () => {
    const made = await store.ensureExperiment("shared");
    const pool = connectPostgres(engine.url);
    await migratePostgres(pool, nothing);
    const other = openPostgresEntityStore(pool);
    expect(await other.getExperiment(made.experimentId)).toEqual(made);
    await other.close();
  });

  test("of two experiments none has the name of the other, deleted or not", async () => {
    const made = await store.createExperiment("taken");
    expect(made).toEqual({ experimentId: made.experimentId, name: "taken", createTime: made.createTime });
    await expect(store.createExperiment("taken")).rejects.toMatchObject({
      code: "EXPERIMENT_EXISTS",
      message: 'An experiment with the name "taken" exists. Use it, or choose another name.',
    });
    const other = await store.createExperiment("free");
    await expect(store.updateExperiment(other.experimentId, { name: "taken" })).rejects.toMatchObject({
      code: "EXPERIMENT_EXISTS",
    });
    const racers = Array.from({ length: 8 }, (_, index) => store.createExperiment(`racer ${index}`));
    const renamed = (await Promise.all(racers)).map(({ experimentId }) =>
      store.updateExperiment(experimentId, { name: "winner" }),
    );
    const results = await Promise.allSettled(renamed);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "EXPERIMENT_EXISTS" });
    }

    await store.deleteExperiment(made.experimentId);
    await expect(store.createExperiment("taken")).rejects.toMatchObject({
      code: "EXPERIMENT_EXISTS",
      message: expect.stringContaining("Restore it"),
    });
    expect((await store.updateExperiment(other.experimentId, { name: "free again" })).name).toBe("free again");
    expect((await store.createExperiment("free")).experimentId).not.toBe(other.experimentId);
    await expect(store.createExperiment("")).rejects.toMatchObject({ code: "INVALID_PARAMETER" });
  });

  test("a deleted experiment is marked, not listed and not brought back by its name; restored it is as before", async () => {
    const made = await store.createExperiment("old");
    const kept = await store.updateExperiment(made.experimentId, { retentionDays: 7 });
    const deleted = await store.deleteExperiment(made.experimentId);
    expect(deleted).toEqual({ ...kept, deleteTime: expect.stringMatching(/^20.*Z$/) });
    expect(await store.deleteExperiment(made.experimentId)).toEqual(deleted);
    expect(await store.getExperiment(made.experimentId)).toEqual(deleted);
    expect(await store.getExperimentByName("old")).toEqual(deleted);
    const ids = async (includeDeleted: boolean) =>
      (await store.listExperiments({ includeDeleted })).map(({ experimentId }) => experimentId);
    expect(await ids(false)).not.toContain(made.experimentId);
    expect(await ids(true)).toContain(made.experimentId);
    await expect(store.ensureExperiment("old")).rejects.toMatchObject({ code: "EXPERIMENT_DELETED" });
    await expect(store.updateExperiment(made.experimentId, { name: "x" })).rejects.toMatchObject({
      code: "EXPERIMENT_DELETED",
    });
    expect(await store.restoreExperiment(made.experimentId)).toEqual(kept);
    expect(await store.restoreExperiment(made.experimentId)).toEqual(kept);
    expect(await store.ensureExperiment("old")).toEqual(kept);
  });

  test("only a deleted experiment is removed for good, and its name is free then", async () => {
    const made = await store.createExperiment("short-lived");
    await store.removeExperiment(made.experimentId);
    expect(await store.getExperiment(made.experimentId)).toEqual(made);
    await store.deleteExperiment(made.experimentId);
    await store.removeExperiment(made.experimentId);
    await store.removeExperiment("none");
    expect(await store.getExperiment(made.experimentId)).toBeUndefined();
    expect((await store.createExperiment("short-lived")).experimentId).not.toBe(made.experimentId);
    for (const call of [store.deleteExperiment, store.restoreExperiment]) {
      await expect(call(made.experimentId)).rejects.toMatchObject({ code: "EXPERIMENT_NOT_FOUND" });
    }
  });

  test("Default is neither deleted nor renamed", async () => {
    await expect(store.deleteExperiment("0")).rejects.toMatchObject({ code: "INVALID_PARAMETER" });
    await expect(store.updateExperiment("0", { name: "Other" })).rejects.toMatchObject({ code: "INVALID_PARAMETER" });
    expect(await store.updateExperiment("0", { name: "Default", retentionDays: 3 })).toMatchObject({
      retentionDays: 3,
    });
    expect(await store.updateExperiment("0", { retentionDays: "default" })).not.toHaveProperty("retentionDays");
  });

  test("how long traces are kept is days, for ever, or as set for all", async () => {
    const { experimentId } = await store.createExperiment("kept");
    expect(await store.updateExperiment(experimentId, { retentionDays: 30 })).toMatchObject({ retentionDays: 30 });
    expect(await store.updateExperiment(experimentId, { retentionDays: null })).toMatchObject({ retentionDays: null });
    expect(await store.updateExperiment(experimentId, { name: "kept on" })).toMatchObject({ retentionDays: null });
    expect(await store.updateExperiment(experimentId, { retentionDays: "default" })).not.toHaveProperty(
      "retentionDays",
    );
  });

  test("settings are any JSON object, the latest wins", async () => {
    expect(await store.getSetting("nothing")).toBeUndefined();
    for (const value of [{ days: 30, text: "\u0000 💡" }, [1, "2"], { days: null }]) {
      await store.putSetting("some", value);
      expect(await store.getSetting("some")).toEqual(value);
    }
  });

  test("data of a newer version is refused", async () => {
    const pool = connectPostgres(engine.url);
    await pool.query("INSERT INTO sightline.schema_migrations (number, name) VALUES (9999, 'from-the-future')");
    try {
      await expect(migratePostgres(pool, nothing)).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        message: expect.stringContaining("newer"),
      });
    } finally {
      await pool.query("DELETE FROM sightline.schema_migrations WHERE number = 9999");
      await pool.end();
    }
  });

  test("migrations are undone when what runs alongside fails", async () => {
    const pool = connectPostgres(engine.url);
    const failure = new SightlineError("STORE_UNAVAILABLE", "ClickHouse said no");
    const alongside = async () => {
      throw failure;
    };
    await expect(migratePostgres(pool, alongside)).rejects.toBe(failure);
    await expect(migratePostgres(pool, nothing)).resolves.toBeUndefined();
    await pool.end();
  });

  test("knows its size and answers", async () => {
    expect(await store.bytesOnDisk()).toBeGreaterThan(1_000_000);
    await expect(store.ping()).resolves.toBeUndefined();
  });
});
