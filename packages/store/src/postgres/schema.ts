/**
 * The tables of the entity store as Drizzle values. The SQL that makes them is in `migrations/`; a contract test reads and writes
 * every column through both.
 *
 * They lie in a schema of their own, so that a database shared with other programs (MLflow has an `experiments` table too) is safe.
 */
import { bigint, pgSchema, text, timestamp } from "drizzle-orm/pg-core";

const sightline = pgSchema("sightline");

export const experiments = sightline.table("experiments", {
  /** 0 is `Default`, others come from a sequence; decimal text outside. */
  experimentId: bigint("experiment_id", { mode: "bigint" }).primaryKey().generatedByDefaultAsIdentity(),
  /** Unique; case matters. */
  name: text("name").notNull().unique(),
  createdAt: timestamp("created_at", { withTimezone: true, mode: "date" }).notNull().defaultNow(),
  lifecycleStage: text("lifecycle_stage", { enum: ["active", "deleted"] })
    .notNull()
    .default("active"),
});
