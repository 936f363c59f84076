/**
 * What a kind of job is: a row of the table that `createJobs` is given.
 */
import type { Schema } from "@sightline/wire/api/endpoint";
import type * as z from "zod/mini";

/** What a running job is given. */
export interface JobContext {
  /** The same in every attempt. */
  readonly jobId: string;
  /** Aborted when the job is cancelled or the server stops; the job ends at its next step by throwing `signal.reason`. */
  readonly signal: AbortSignal;
  /** Counts that earlier attempts of this job reported, up to a second before they were cut; empty at the first. */
  readonly earlierCounts: Readonly<Record<string, number>>;
  /**
   * Tells how far the job is. Cheap: it is written to the database once a second at most, and shown at once.
   *
   * @param total  undefined = not known
   * @param counts  what came of it so far, earlier attempts included; absent = as before
   */
  progress(done: number, total: number | undefined, counts?: Readonly<Record<string, number>>): void;
}

export interface JobKind<Params> {
  /** Kebab-case, a verb first: `delete-traces`. */
  readonly kind: string;
  readonly params: Schema & z.ZodMiniType<Params>;
  /** Jobs of this kind that may run at once; default 1. */
  readonly concurrency?: number;
  /** Must be safe to run again from the start after a crash. @returns the final counts */
  run(params: Params, context: JobContext): Promise<Readonly<Record<string, number>>>;
}
