/**
 * Prices that people set, in PostgreSQL.
 */
import type { ModelPrice } from "@sightline/wire/model/model-price";
import { eq, sql } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import type { KeptModelPrice } from "../model-prices.ts";
import { modelPrices } from "./schema.ts";

/** @see ModelPrices.listModelPrices */
export async function listModelPrices(db: NodePgDatabase): Promise<KeptModelPrice[]> {
  const rows = await db
    .select()
    .from(modelPrices)
    // "C": the same order on every server, whatever its locale.
    .orderBy(
      sql`${modelPrices.provider} COLLATE "C"`,
      sql`${modelPrices.model} COLLATE "C"`,
      sql`${modelPrices.effectiveFrom} COLLATE "C"`,
    );
  return rows.map(toKept);
}

/** @see ModelPrices.putModelPrice */
export async function putModelPrice(db: NodePgDatabase, price: ModelPrice): Promise<KeptModelPrice> {
  const { provider, model, effectiveFrom = "", usdPerMillion, longPrompt = null } = price;
  const [row] = await db
    .insert(modelPrices)
    .values({ provider, model, effectiveFrom, usdPerMillion, longPrompt })
    .onConflictDoUpdate({
      target: [modelPrices.provider, modelPrices.model, modelPrices.effectiveFrom],
      set: { usdPerMillion, longPrompt, updatedAt: sql`clock_timestamp()` },
    })
    .returning();
  if (row === undefined) throw new Error("INSERT … ON CONFLICT DO UPDATE returned no row.");
  return toKept(row);
}

/** @see ModelPrices.deleteModelPrice */
export async function deleteModelPrice(db: NodePgDatabase, priceId: string): Promise<boolean> {
  // 18 digits always fit bigint; other texts are no ids.
  if (!/^\d{1,18}$/.test(priceId)) return false;
  const gone = await db
    .delete(modelPrices)
    .where(eq(modelPrices.priceId, BigInt(priceId)))
    .returning({ priceId: modelPrices.priceId });
  return gone.length > 0;
}

function toKept(row: typeof modelPrices.$inferSelect): KeptModelPrice {
  return {
    priceId: String(row.priceId),
    price: {
      provider: row.provider,
      model: row.model,
      ...(row.effectiveFrom !== "" && { effectiveFrom: row.effectiveFrom }),
      usdPerMillion: row.usdPerMillion,
      ...(row.longPrompt !== null && { longPrompt: row.longPrompt }),
    },
  };
}
