/**
 * A run: one execution of an experiment's code (an evaluation, a training), with what went in, what was measured and what is said of it.
 *
 * Names and limits are MLflow's, so that its clients find what they know.
 *
 * @see mlflow/utils/validation.py
 */
import * as z from "zod/mini";

export const RUN_STATUSES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"] as const;
export const RunStatus = z.enum(RUN_STATUSES);
export type RunStatus = z.infer<typeof RunStatus>;

/** Whether a run of this status has ended. */
export function isFinalStatus(status: RunStatus): boolean {
  return status === "FINISHED" || status === "FAILED" || status === "KILLED";
}

/** A double. JSON has no numbers for the three in quotes. Literals: of an enum, TypeScript declares a member `[-Infinity]`. */
export const MetricValue = z.union([z.number(), z.literal(["NaN", "Infinity", "-Infinity"])]);
export type MetricValue = z.infer<typeof MetricValue>;

/** One measurement. */
export const MetricPoint = z.object({
  value: MetricValue,
  /** Whole number, whatever the program counts: epochs, examples; may be negative. */
  step: z.number(),
  /** Milliseconds since the epoch. */
  timestampMs: z.number(),
});
export type MetricPoint = z.infer<typeof MetricPoint>;

export const Run = z.object({
  /** 32 hex digits. */
  runId: z.string(),
  experimentId: z.string(),
  /** As given, else two words and a number; tag `mlflow.runName` says the same. */
  name: z.string(),
  status: RunStatus,
  /** Who started it. */
  userId: z.optional(z.string()),
  /** RFC 3339 with milliseconds. */
  startTime: z.string(),
  /** RFC 3339 with milliseconds; absent while it runs. */
  endTime: z.optional(z.string()),
  /** RFC 3339; set while the run, or the experiment it is in, is deleted. */
  deleteTime: z.optional(z.string()),
  /** What went in. A param that was logged never changes. */
  params: z.record(z.string(), z.string()),
  /** The latest point of each metric: the one of the highest step, of these the one of the latest time. */
  metrics: z.record(z.string(), MetricPoint),
  tags: z.record(z.string(), z.string()),
});
export type Run = z.infer<typeof Run>;

/** The tag that holds the name of a run. */
export const RUN_NAME_TAG = "mlflow.runName";

/** MLflow's limits; lengths in characters (code points). */
export const RUN_LIMITS = {
  /** Of a param, metric or tag. */
  keyChars: 250,
  paramChars: 6000,
  tagChars: 8000,
  nameChars: 250,
  metricsInBatch: 1000,
  paramsInBatch: 100,
  tagsInBatch: 100,
  /** Metrics, params and tags together. */
  entriesInBatch: 1000,
} as const;
