/**
 * One job while it runs: its signal, its progress, and how it ends.
 */
import type { JobProgress, JobRecords } from "@sightline/store/job-records";
import { SightlineError } from "@sightline/wire/errors";
import type { Job } from "@sightline/wire/model/job";
import type { JobContext, JobKind } from "./job-kind.ts";

/** Progress is written this often at most: a job of 100,000 steps must not be 100,000 writes. */
const SAVE_EVERY_MS = 1000;

/** Why a job was told to end before it was done. */
type StopReason = "cancel" | "server-stops";

/** How an attempt ended. */
export type Outcome =
  | { readonly kind: "succeeded" }
  | { readonly kind: "cancelled" }
  /** The server stops; the job is to be run again by the next one. */
  | { readonly kind: "interrupted" }
  | { readonly kind: "failed"; readonly error: unknown };

export class RunningJob {
  readonly job: Job;
  readonly #records: Pick<JobRecords, "saveJobProgress">;
  readonly #abort = new AbortController();
  #stopReason: StopReason | undefined;
  #progress: JobProgress;
  #saving: Promise<void> | undefined;
  #savedAt: number;

  constructor(job: Job, records: Pick<JobRecords, "saveJobProgress">) {
    this.job = job;
    this.#records = records;
    this.#progress = { done: 0, total: job.total, counts: job.counts };
    this.#savedAt = performance.now();
  }

  /** As it is now, which may be newer than what is in the database. */
  get progress(): JobProgress {
    return this.#progress;
  }

  /** Tells the job to end. The first reason counts. */
  stop(reason: StopReason): void {
    if (this.#stopReason !== undefined) return;
    this.#stopReason = reason;
    const sentence =
      reason === "cancel" ? "The job was cancelled." : "The server stops; the job goes on when it is back.";
    this.#abort.abort(new DOMException(sentence, "AbortError"));
  }

  /** Does the work. Never rejects. */
  async run(kind: JobKind<unknown>): Promise<Outcome> {
    const context: JobContext = {
      jobId: this.job.jobId,
      signal: this.#abort.signal,
      earlierCounts: this.job.counts,
      progress: (done, total, counts) => {
        this.#progress = { done, total, counts: counts ?? this.#progress.counts };
        this.#saveNowAndThen();
      },
    };
    const outcome = await this.#attempt(kind, context);
    await this.#saving;
    return outcome;
  }

  async #attempt(kind: JobKind<unknown>, context: JobContext): Promise<Outcome> {
    try {
      // Parsed again: the record may be of an older version of the kind.
      const counts = await kind.run(kind.params.parse(this.job.params), context);
      this.#progress = { ...this.#progress, counts };
      return { kind: "succeeded" };
    } catch (error) {
      if (this.#stopReason === "cancel") return { kind: "cancelled" };
      if (this.#stopReason === "server-stops") return { kind: "interrupted" };
      return { kind: "failed", error };
    }
  }

  #saveNowAndThen(): void {
    if (this.#saving !== undefined || performance.now() - this.#savedAt < SAVE_EVERY_MS) return;
    this.#saving = this.#save().finally(() => {
      this.#saving = undefined;
      this.#savedAt = performance.now();
    });
  }

  async #save(): Promise<void> {
    try {
      const { cancelRequested } = await this.#records.saveJobProgress(this.job.jobId, this.#progress);
      // Another server on the same database may have been asked.
      if (cancelRequested) this.stop("cancel");
    } catch (error) {
      // The database may be away for a moment; the next save, or the end of the job, tells whether it stays away.
      if (!(error instanceof SightlineError && error.code === "STORE_UNAVAILABLE")) this.#abort.abort(error);
    }
  }
}
