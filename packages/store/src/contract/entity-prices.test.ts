/**
 * What the entity store promises about prices that people set, on every PostgreSQL engine.
 */
import type { ModelPrice } from "@sightline/wire/model/model-price";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectPostgres } from "../engines/postgres.ts";
import type { EntityStore } from "../entity-store.ts";
import { migratePostgres } from "../postgres/migrate-postgres.ts";
import { openPostgresEntityStore } from "../postgres/postgres-entity-store.ts";
import { postgresEngines, type RunningEngine } from "./engines.ts";

describe.each(postgresEngines)("prices on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: EntityStore;
  beforeAll(async () => {
    engine = await start();
    const pool = connectPostgres(engine.url);
    await migratePostgres(pool, async () => undefined);
    store = openPostgresEntityStore(pool);
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  test("prices are kept, replaced by those of the same provider, model and date, and taken away", async () => {
    const plain: ModelPrice = { provider: "", model: "mine*", usdPerMillion: { input: 0.1, output: 0.2 } };
    const whole: ModelPrice = {
      provider: "azure",
      model: "gpt-4o",
      effectiveFrom: "2026-01-01",
      usdPerMillion: { input: 1, output: 2, cacheRead: 0.5, cacheWrite: 1.5, reasoning: 3 },
      longPrompt: { aboveInputTokens: 1000, usdPerMillion: { input: 2, output: 4 } },
    };
    expect(await store.listModelPrices()).toEqual([]);
    const first = await store.putModelPrice(whole);
    const second = await store.putModelPrice(plain);
    expect(first.price).toEqual(whole);
    expect(await store.listModelPrices()).toEqual([second, first]);

    const dearer = { ...plain, usdPerMillion: { input: 9, output: 9 } };
    expect(await store.putModelPrice(dearer)).toEqual({ priceId: second.priceId, price: dearer });
    const later = await store.putModelPrice({ ...plain, effectiveFrom: "2027-01-01" });
    expect((await store.listModelPrices()).map(({ priceId }) => priceId)).toEqual(
      [second, later, first].map(({ priceId }) => priceId),
    );
    expect(await store.deleteModelPrice(first.priceId)).toBe(true);
    expect(await store.deleteModelPrice(first.priceId)).toBe(false);
    for (const id of ["", "x", "-1", "1.5", "9".repeat(30)]) expect(await store.deleteModelPrice(id)).toBe(false);
    expect(await store.listModelPrices()).toHaveLength(2);
  });
});
