/**
 * The tables of the entity store as Drizzle values. The SQL that makes them is in `migrations/`; a contract test reads and writes
 * every column through both.
 *
 * They lie in a schema of their own, so that a database shared with other programs (MLflow has an `experiments` table too) is safe.
 */
import { JOB_STATES } from "@sightline/wire/model/job";
import type { ModelPrice } from "@sightline/wire/model/model-price";
import { sql } from "drizzle-orm";
import { bigint, boolean, integer, json, pgSchema, text, timestamp } from "drizzle-orm/pg-core";

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
  /** NULL unless `lifecycle_stage` is deleted. */
  deletedAt: timestamp("deleted_at", { withTimezone: true, mode: "date" }),
  /** NULL = as set for all, 0 = for ever. */
  retentionDays: integer("retention_days"),
});

export const settings = sightline.table("settings", {
  name: text("name").primaryKey(),
  value: json("value").notNull().$type<unknown>(),
  updatedAt: timestamp("updated_at", { withTimezone: true, mode: "date" }).notNull().default(sql`clock_timestamp()`),
});

export const jobs = sightline.table("jobs", {
  jobId: text("job_id").primaryKey(),
  kind: text("kind").notNull(),
  params: json("params").notNull().$type<Record<string, unknown>>(),
  state: text("state", { enum: JOB_STATES }).notNull().default("queued"),
  done: bigint("done", { mode: "number" }).notNull().default(0),
  total: bigint("total", { mode: "number" }),
  counts: json("counts").notNull().$type<Record<string, number>>().default({}),
  errorCode: text("error_code"),
  errorMessage: text("error_message"),
  /** How often it was begun. */
  attempts: integer("attempts").notNull().default(0),
  cancelRequested: boolean("cancel_requested").notNull().default(false),
  requestedBy: text("requested_by").notNull(),
  createdAt: timestamp("created_at", { withTimezone: true, mode: "date" }).notNull().default(sql`clock_timestamp()`),
  startedAt: timestamp("started_at", { withTimezone: true, mode: "date" }),
  endedAt: timestamp("ended_at", { withTimezone: true, mode: "date" }),
});

export const modelPrices = sightline.table("model_prices", {
  priceId: bigint("price_id", { mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
  provider: text("provider").notNull(),
  model: text("model").notNull(),
  /** "" = always. */
  effectiveFrom: text("effective_from").notNull(),
  usdPerMillion: json("usd_per_million").notNull().$type<ModelPrice["usdPerMillion"]>(),
  longPrompt: json("long_prompt").$type<NonNullable<ModelPrice["longPrompt"]>>(),
  updatedAt: timestamp("updated_at", { withTimezone: true, mode: "date" }).notNull().default(sql`clock_timestamp()`),
});
