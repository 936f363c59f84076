/**
 * The port to the records of jobs: what is to be done, by whom it is being done, and what came of it.
 *
 * The server's `jobs/` folder runs them; here they are only kept. Part of {@link EntityStore}.
 */
import type { Job, JobState } from "@sightline/wire/model/job";

/** What a job says of itself while it runs. */
export interface JobProgress {
  readonly done: number;
  /** Undefined = not known. */
  readonly total: number | undefined;
  readonly counts: Readonly<Record<string, number>>;
}

/** How a job ended. */
export interface JobEnd extends JobProgress {
  readonly state: Extract<JobState, "succeeded" | "failed" | "cancelled">;
  readonly error?: { readonly code: string; readonly message: string };
}

/** The right to run jobs, held by one process at a time. */
export interface JobRunnerLock {
  /** Resolves when the right was lost without being given back: the connection to the database broke. */
  readonly lost: Promise<void>;
  release(): Promise<void>;
}

export interface JobRecords {
  /** Adds a job that waits. */
  createJob(job: {
    readonly kind: string;
    readonly params: Readonly<Record<string, unknown>>;
    readonly requestedBy: string;
  }): Promise<Job>;

  /** Undefined if no job has this id. */
  getJob(jobId: string): Promise<Job | undefined>;

  /** Jobs in any of the states and of the kind, newest first. */
  listJobs(query: {
    readonly states?: readonly JobState[];
    readonly kind?: string;
    readonly limit: number;
  }): Promise<Job[]>;

  /** Jobs that wait, oldest first. */
  listQueuedJobs(limit: number): Promise<Job[]>;

  /** Marks a waiting job as running and counts the attempt; undefined if it does not wait any more. */
  claimJob(jobId: string): Promise<Job | undefined>;

  /** Keeps the progress of a running job. Tells whether somebody asked for it to be cancelled. */
  saveJobProgress(jobId: string, progress: JobProgress): Promise<{ readonly cancelRequested: boolean }>;

  /** Ends a running job; nothing happens if it does not run. */
  endJob(jobId: string, end: JobEnd): Promise<void>;

  /**
   * Lets a running job wait again, with its progress; one that was to be cancelled is.
   *
   * @param isCounted  false takes the attempt back: it ended for no fault of the job
   */
  requeueJob(jobId: string, progress: JobProgress, isCounted: boolean): Promise<void>;

  /** Cancels a waiting job, marks a running one; others stay as they are. The job afterwards; undefined if there is none. */
  requestJobCancel(jobId: string): Promise<Job | undefined>;

  /**
   * After the process that ran them has ended: running jobs wait again; those that were begun `maxAttempts` times fail with `error`,
   * those that were to be cancelled are.
   *
   * @returns how many there were
   */
  recoverJobs(maxAttempts: number, error: { readonly code: string; readonly message: string }): Promise<number>;

  /** Removes jobs that ended before `before`. */
  trimJobs(before: Date): Promise<void>;

  /** Undefined if another process holds it. It ends with the process, however that ends. */
  lockJobRunner(): Promise<JobRunnerLock | undefined>;
}
