/**
 * A job: work that takes longer than a request, visible while it runs and for a while after.
 */
import * as z from "zod/mini";

export const JOB_STATES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export const JobState = z.enum(JOB_STATES);
export type JobState = z.infer<typeof JobState>;

export const Job = z.object({
  /** `job-` + 32 hex digits. */
  jobId: z.string(),
  /** What it does, e.g. `delete-traces`. */
  kind: z.string(),
  state: JobState,
  /** What it was asked to do; each kind has its own. */
  params: z.record(z.string(), z.unknown()),
  /** Units of work that are done; the kind says what a unit is, mostly a trace. */
  done: z.number(),
  /** All units; absent while it is not known. */
  total: z.optional(z.number()),
  /** What came of it so far, by name, e.g. `{ traces: 1200 }`. */
  counts: z.record(z.string(), z.number()),
  /** Why it failed. `code` is one of the error table. */
  error: z.optional(z.object({ code: z.string(), message: z.string() })),
  /** How often it was begun: more than once if the server or an engine ended while it ran. */
  attempts: z.number(),
  /** Cancelling was asked for; a running job ends at its next step. */
  cancelRequested: z.boolean(),
  /** RFC 3339 */
  createTime: z.string(),
  /** RFC 3339; absent until it runs. Of several attempts the last. */
  startTime: z.optional(z.string()),
  /** RFC 3339; absent until it ended. */
  endTime: z.optional(z.string()),
  /** Who asked for it: `api`, or the part of the server that did, e.g. `retention`. */
  requestedBy: z.string(),
});
export type Job = z.infer<typeof Job>;
