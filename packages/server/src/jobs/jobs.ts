/**
 * Jobs: work that takes longer than a request. Recorded in the database, run by one process, visible while it runs.
 *
 * A job that was running when its process ended is run again from its start by the next one; so kinds are safe to run twice.
 */
import type { JobProgress, JobRecords, JobRunnerLock } from "@sightline/store/job-records";
import { check } from "@sightline/wire/api/check";
import { SightlineError } from "@sightline/wire/errors";
import type { Job, JobState } from "@sightline/wire/model/job";
import type { JobKind } from "./job-kind.ts";
import { type Outcome, RunningJob } from "./running-job.ts";

export interface Jobs {
  /**
   * Records a job; it runs as soon as there is room.
   *
   * @param requestedBy  who asked, for the list; default `api`
   * @throws RangeError for a kind that is not in the table, INVALID_PARAMETER for params that are not its own
   */
  start(kind: string, params: unknown, requestedBy?: string): Promise<Job>;
  /** @throws JOB_NOT_FOUND */
  get(jobId: string): Promise<Job>;
  /** The latest jobs, newest first. */
  list(query: {
    readonly states?: readonly JobState[];
    readonly kind?: string;
    readonly limit: number;
  }): Promise<Job[]>;
  /** Cancels a waiting job at once, a running one at its next step. @throws JOB_NOT_FOUND, JOB_ENDED */
  cancel(jobId: string): Promise<Job>;
  /** Resolves when the job has ended, when `close` was called, or when the signal says so. @throws JOB_NOT_FOUND */
  ended(jobId: string, signal?: AbortSignal): Promise<Job>;
  /** Begins to run jobs, those that an earlier process left among them. */
  open(): void;
  /** Tells running jobs to end; they wait for the next process. Resolves when none runs. */
  close(): Promise<void>;
}

export interface JobsOptions {
  readonly records: JobRecords;
  /** The table of kinds. */
  readonly kinds: readonly JobKind<unknown>[];
  /** Told in a sentence what a reader of the log should know. */
  readonly onEvent?: (sentence: string) => void;
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
}

/** A job is begun this often at most: one that brings the server down must not do so for ever. */
const MAX_ATTEMPTS = 3;
/** Jobs that are looked at when there is room for one. */
const LOOK_AHEAD = 100;
/** How often a server that does not run the jobs asks whether it should, and one that does whether another server added some. */
const POLL_MS = 2000;
const KEEP_ENDED_MS = 30 * 24 * 3600 * 1000;

/** Makes the jobs of a server; nothing runs before `open`. */
export function createJobs(options: JobsOptions): Jobs {
  return new JobRunner(options);
}

class JobRunner implements Jobs {
  readonly #records: JobRecords;
  readonly #kinds: ReadonlyMap<string, JobKind<unknown>>;
  readonly #onEvent: (sentence: string) => void;
  readonly #now: () => number;
  readonly #running = new Map<string, { readonly job: RunningJob; readonly finished: Promise<void> }>();
  readonly #waiters = new Map<string, Set<() => void>>();
  #lock: JobRunnerLock | undefined;
  #isClosed = false;
  #pumping: Promise<void> | undefined;
  #pumpAgain = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: JobsOptions) {
    this.#records = options.records;
    this.#kinds = new Map(options.kinds.map((kind) => [kind.kind, kind]));
    this.#onEvent = options.onEvent ?? (() => undefined);
    this.#now = options.now ?? Date.now;
  }

  async start(kind: string, params: unknown, requestedBy = "api"): Promise<Job> {
    const known = this.#kinds.get(kind);
    if (known === undefined) throw new RangeError(`There is no kind of job "${kind}".`);
    const result = check(known.params, params);
    if (!result.ok) {
      const [first] = result.problems;
      throw new SightlineError(
        "INVALID_PARAMETER",
        `The job ${kind} cannot be started: ${first?.path} ${first?.message}.`,
      );
    }
    // Kinds have objects as params: the list shows them by name.
    const job = await this.#records.createJob({ kind, params: result.value as Record<string, unknown>, requestedBy });
    this.#pump();
    return job;
  }

  async get(jobId: string): Promise<Job> {
    const job = await this.#records.getJob(jobId);
    if (job === undefined) throw notFound(jobId);
    return this.#withProgress(job);
  }

  async list(query: Parameters<Jobs["list"]>[0]): Promise<Job[]> {
    const jobs = await this.#records.listJobs(query);
    return jobs.map((job) => this.#withProgress(job));
  }

  async cancel(jobId: string): Promise<Job> {
    const before = await this.#records.getJob(jobId);
    if (before === undefined) throw notFound(jobId);
    if (before.endTime !== undefined) {
      throw new SightlineError(
        "JOB_ENDED",
        `The job ${jobId} has ended already (${before.state}); there is nothing to cancel.`,
      );
    }
    const job = await this.#records.requestJobCancel(jobId);
    if (job === undefined) throw notFound(jobId);
    this.#running.get(jobId)?.job.stop("cancel");
    if (job.endTime !== undefined) this.#tellWaiters(jobId);
    return this.#withProgress(job);
  }

  async ended(jobId: string, signal?: AbortSignal): Promise<Job> {
    const stop = () => this.#tellWaiters(jobId);
    signal?.addEventListener("abort", stop);
    try {
      return await this.#untilEnded(jobId, signal);
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  async #untilEnded(jobId: string, signal: AbortSignal | undefined): Promise<Job> {
    for (;;) {
      // Waited for before it is looked at: it may end in between.
      const next = this.#nextNews(jobId);
      const job = await this.get(jobId);
      if (job.endTime !== undefined || this.#isClosed || signal?.aborted) return job;
      await next;
    }
  }

  open(): void {
    this.#pump();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const { job } of this.#running.values()) job.stop("server-stops");
    await this.#pumping;
    // Those that the last pump began.
    for (const { job } of this.#running.values()) job.stop("server-stops");
    await Promise.all(Array.from(this.#running.values(), ({ finished }) => finished));
    await this.#lock?.release();
    this.#lock = undefined;
    for (const jobId of [...this.#waiters.keys()]) this.#tellWaiters(jobId);
  }

  /** Fills the room there is; called whenever there may be work or room. Calls during a round make it go round again. */
  #pump(): void {
    if (this.#isClosed) return;
    this.#pumpAgain = true;
    this.#pumping ??= this.#pumpUntilQuiet().finally(() => {
      this.#pumping = undefined;
      if (this.#isClosed) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        // Jobs of another process end without a word to this one.
        for (const jobId of [...this.#waiters.keys()]) this.#tellWaiters(jobId);
        this.#pump();
      }, POLL_MS);
      this.#timer.unref();
    });
  }

  async #pumpUntilQuiet(): Promise<void> {
    while (this.#pumpAgain && !this.#isClosed) {
      this.#pumpAgain = false;
      try {
        if (await this.#isRunner()) await this.#fillRoom();
      } catch (error) {
        // The database is away for the moment, as a rule; the timer tries again.
        this.#onEvent(`Jobs cannot be run now (${messageOf(error)}).`);
        return;
      }
    }
  }

  /** Whether this process runs the jobs; takes the right if it is free, and the jobs that were left behind with it. */
  async #isRunner(): Promise<boolean> {
    if (this.#lock !== undefined) return true;
    // Jobs that were cut must be through before they are begun anew; the last to end looks here again.
    if (this.#running.size > 0) return false;
    const lock = await this.#records.lockJobRunner();
    if (lock === undefined) return false;
    const recovered = await this.#records
      .recoverJobs(MAX_ATTEMPTS, {
        code: "JOB_GAVE_UP",
        message: `The server ended ${MAX_ATTEMPTS} times while it ran this job; it is not tried again. The server's log may say why.`,
      })
      .catch(async (error: unknown) => {
        await lock.release();
        throw error;
      });
    if (recovered > 0) this.#onEvent(`${recovered} jobs that were interrupted are taken up again.`);
    this.#lock = lock;
    void lock.lost.then(() => this.#onLost(lock));
    await this.#records.trimJobs(new Date(this.#now() - KEEP_ENDED_MS));
    return true;
  }

  /** Another process may take the jobs now: those that run here are given back to it. */
  #onLost(lock: JobRunnerLock): void {
    if (this.#lock !== lock) return;
    this.#onEvent("The right to run jobs was lost with the connection to PostgreSQL; running jobs are interrupted.");
    this.#lock = undefined;
    for (const { job } of this.#running.values()) job.stop("server-stops");
    this.#pump();
  }

  async #fillRoom(): Promise<void> {
    for (const job of await this.#records.listQueuedJobs(LOOK_AHEAD)) {
      const kind = this.#kinds.get(job.kind);
      if (kind === undefined || this.#isClosed || this.#running.has(job.jobId)) continue;
      const sameKind = Array.from(this.#running.values()).filter((other) => other.job.job.kind === job.kind);
      if (sameKind.length >= (kind.concurrency ?? 1)) continue;
      const claimed = await this.#records.claimJob(job.jobId);
      if (claimed === undefined) continue;
      const running = new RunningJob(claimed, this.#records);
      this.#running.set(job.jobId, { job: running, finished: this.#run(running, kind) });
    }
  }

  async #run(running: RunningJob, kind: JobKind<unknown>): Promise<void> {
    const { jobId } = running.job;
    const outcome = await running.run(kind);
    try {
      await this.#record(running.job, running.progress, outcome);
      await this.#records.trimJobs(new Date(this.#now() - KEEP_ENDED_MS));
    } catch (error) {
      // It stays `running` in the database and is taken up again by whoever next gets the right to run jobs: this process, too.
      this.#onEvent(`The end of the job ${jobId} could not be recorded (${messageOf(error)}); it will be run again.`);
      const lock = this.#lock;
      this.#lock = undefined;
      for (const { job } of this.#running.values()) job.stop("server-stops");
      await lock?.release();
    } finally {
      this.#running.delete(jobId);
      this.#tellWaiters(jobId);
      this.#pump();
    }
  }

  async #record(job: Job, progress: JobProgress, outcome: Outcome): Promise<void> {
    if (outcome.kind === "interrupted") return this.#records.requeueJob(job.jobId, progress, false);
    if (outcome.kind !== "failed") return this.#records.endJob(job.jobId, { ...progress, state: outcome.kind });
    const { error } = outcome;
    if (isPassing(error) && job.attempts < MAX_ATTEMPTS) {
      this.#onEvent(`The job ${job.jobId} (${job.kind}) is run again: ${messageOf(error)}`);
      return this.#records.requeueJob(job.jobId, progress, true);
    }
    this.#onEvent(`The job ${job.jobId} (${job.kind}) failed: ${messageOf(error)}`);
    await this.#records.endJob(job.jobId, {
      ...progress,
      state: "failed",
      error:
        error instanceof SightlineError
          ? { code: error.code, message: error.message }
          : {
              code: "INTERNAL_ERROR",
              message: `The job failed; the server's log has the reason under its id ${job.jobId}.`,
            },
    });
  }

  #withProgress(job: Job): Job {
    const running = this.#running.get(job.jobId);
    if (job.state !== "running" || running === undefined) return job;
    const { done, total, counts } = running.job.progress;
    const { total: _, ...rest } = job;
    return { ...rest, done, ...(total !== undefined && { total }), counts };
  }

  #nextNews(jobId: string): Promise<void> {
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(jobId) ?? new Set();
      waiters.add(resolve);
      this.#waiters.set(jobId, waiters);
    });
  }

  #tellWaiters(jobId: string): void {
    const waiters = this.#waiters.get(jobId);
    this.#waiters.delete(jobId);
    for (const tell of waiters ?? []) tell();
  }
}

/** An engine that restarts is no fault of the job. */
function isPassing(error: unknown): boolean {
  return error instanceof SightlineError && error.code === "STORE_UNAVAILABLE";
}

function notFound(jobId: string): SightlineError {
  return new SightlineError(
    "JOB_NOT_FOUND",
    `Job "${jobId.slice(0, 50)}" does not exist. Ended jobs are kept for 30 days; GET /api/v1/jobs lists them.`,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
