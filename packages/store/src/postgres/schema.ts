/**
 * The tables of the entity store as Drizzle values. The SQL that makes them is in `migrations/`; a contract test reads and writes
 * every column through both.
 *
 * They lie in a schema of their own, so that a database shared with other programs (MLflow has an `experiments` table too) is safe.
 */
import { JOB_STATES } from "@sightline/wire/model/job";
import type { ModelPrice } from "@sightline/wire/model/model-price";
import { RUN_STATUSES } from "@sightline/wire/model/run";
import { SDK_MODES } from "@sightline/wire/model/sdk-process";
import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  doublePrecision,
  integer,
  json,
  pgSchema,
  primaryKey,
  text,
  timestamp,
} from "drizzle-orm/pg-core";

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

export const runs = sightline.table("runs", {
  runId: text("run_id").primaryKey(),
  experimentId: bigint("experiment_id", { mode: "bigint" }).notNull(),
  name: text("name").notNull(),
  userId: text("user_id"),
  status: text("status", { enum: RUN_STATUSES }).notNull(),
  startMs: bigint("start_ms", { mode: "number" }).notNull(),
  endMs: bigint("end_ms", { mode: "number" }),
  /** Of the run itself; its experiment may be deleted, too. */
  deletedAt: timestamp("deleted_at", { withTimezone: true, mode: "date" }),
});

const entry = { runId: text("run_id").notNull(), key: text("key").notNull() };

export const runParams = sightline.table("run_params", { ...entry, value: text("value").notNull() });

export const runTags = sightline.table("run_tags", { ...entry, value: text("value").notNull() });

const point = {
  ...entry,
  timestampMs: bigint("timestamp_ms", { mode: "number" }).notNull(),
  step: bigint("step", { mode: "number" }).notNull(),
  value: doublePrecision("value").notNull(),
};

/** The history of all metrics. */
export const runMetrics = sightline.table("run_metrics", point);

/** Of each metric the point of the highest step, time and value, in this order. */
export const runLatestMetrics = sightline.table("run_latest_metrics", point);

export const sdkProcesses = sightline.table("sdk_processes", {
  /** UUID. */
  instanceId: text("instance_id").primaryKey(),
  service: text("service").notNull(),
  host: text("host").notNull(),
  pid: bigint("pid", { mode: "number" }).notNull(),
  runtime: text("runtime").notNull(),
  sdkVersion: text("sdk_version").notNull(),
  startedAt: timestamp("started_at", { withTimezone: true, mode: "date" }),
  lastSeen: timestamp("last_seen", { withTimezone: true, mode: "date" }).notNull(),
  isFinal: boolean("is_final").notNull(),
  ended: bigint("ended", { mode: "number" }).notNull(),
  /** `1-512,514` */
  received: text("received").notNull(),
  /** Whether `received` has exactly what came; else small gaps in it were filled. */
  isExact: boolean("is_exact").notNull(),
  /** Of the ended ones. */
  unreceived: bigint("unreceived", { mode: "number" }).notNull(),
  /** Those of them that ended long ago: up to `settled_ended`. */
  overdue: bigint("overdue", { mode: "number" }).notNull(),
  settledEnded: bigint("settled_ended", { mode: "number" }).notNull(),
  /** What `ended` was at `next_at`: the next value of `settled_ended`. */
  nextEnded: bigint("next_ended", { mode: "number" }).notNull(),
  nextAt: timestamp("next_at", { withTimezone: true, mode: "date" }).notNull(),
  queueFull: bigint("queue_full", { mode: "number" }).notNull(),
  refused: bigint("refused", { mode: "number" }).notNull(),
  unsentAtExit: bigint("unsent_at_exit", { mode: "number" }).notNull(),
  broken: bigint("broken", { mode: "number" }).notNull(),
  truncations: bigint("truncations", { mode: "number" }).notNull(),
  retries: bigint("retries", { mode: "number" }).notNull(),
  failures: bigint("failures", { mode: "number" }).notNull(),
  mode: text("mode", { enum: SDK_MODES }).notNull(),
  overheadMs: doublePrecision("overhead_ms").notNull(),
  experimentIds: text("experiment_ids").array().notNull(),
});

export const attachments = sightline.table(
  "attachments",
  {
    traceId: text("trace_id").notNull(),
    attachmentId: text("attachment_id").notNull(),
    /** Names the blob. */
    sha256: text("sha256").notNull(),
    contentType: text("content_type").notNull(),
    size: bigint("size", { mode: "number" }).notNull(),
    createdAt: timestamp("created_at", { withTimezone: true, mode: "date" }).notNull().default(sql`clock_timestamp()`),
    /** The trace was there when somebody looked. */
    traceSeen: boolean("trace_seen").notNull().default(false),
  },
  (table) => [primaryKey({ columns: [table.traceId, table.attachmentId] })],
);
