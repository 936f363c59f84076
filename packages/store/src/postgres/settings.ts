/**
 * Settings in PostgreSQL.
 */
import { eq, sql } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { settings } from "./schema.ts";

/** @see EntityStore.getSetting */
export async function getSetting(db: NodePgDatabase, name: string): Promise<unknown> {
  const [row] = await db.select({ value: settings.value }).from(settings).where(eq(settings.name, name));
  return row?.value;
}

/** @see EntityStore.putSetting */
export async function putSetting(db: NodePgDatabase, name: string, value: object): Promise<void> {
  await db
    .insert(settings)
    .values({ name, value })
    .onConflictDoUpdate({ target: settings.name, set: { value, updatedAt: sql`clock_timestamp()` } });
}
