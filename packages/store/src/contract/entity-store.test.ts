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

  test("an experiment that was deleted is not found, and comes back when it is used again", async () => {
    const made = await store.ensureExperiment("old");
    const pool = connectPostgres(engine.url);
    await pool.query("UPDATE sightline.experiments SET lifecycle_stage = 'deleted' WHERE name = 'old'");
    expect(await store.getExperimentByName("old")).toBeUndefined();
    expect(await store.getExperiment(made.experimentId)).toBeUndefined();
    expect((await store.listExperiments()).map((experiment) => experiment.name)).not.toContain("old");
    expect(await store.ensureExperiment("old")).toEqual(made);
    expect(await store.getExperiment(made.experimentId)).toEqual(made);
    await pool.end();
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
