/**
 * Jobs in PostgreSQL.
 */
import type { Job } from "@sightline/wire/model/job";
import { and, desc, eq, inArray, lt, sql } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import type { Pool } from "pg";
import type { JobEnd, JobProgress, JobRecords, JobRunnerLock } from "../job-records.ts";
import { jobs } from "./schema.ts";

/** Times are the database's, so that they agree between servers. */
const now = sql`clock_timestamp()`;

/** @see JobRecords.createJob */
export async function createJob(db: NodePgDatabase, job: Parameters<JobRecords["createJob"]>[0]): Promise<Job> {
  const jobId = `job-${crypto.randomUUID().replaceAll("-", "")}`;
  const [row] = await db
    .insert(jobs)
    .values({ jobId, kind: job.kind, params: job.params, requestedBy: job.requestedBy })
    .returning();
  if (row === undefined) throw new Error("INSERT returned no row.");
  return toJob(row);
}

/** @see JobRecords.getJob */
export async function getJob(db: NodePgDatabase, jobId: string): Promise<Job | undefined> {
  const [row] = await db
    .select()
    .from(jobs)
    .where(eq(jobs.jobId, storable(jobId)));
  return row && toJob(row);
}

/** @see JobRecords.listJobs */
export async function listJobs(db: NodePgDatabase, query: Parameters<JobRecords["listJobs"]>[0]): Promise<Job[]> {
  const { states, kind, limit } = query;
  const rows = await db
    .select()
    .from(jobs)
    .where(
      and(states && inArray(jobs.state, [...states]), kind === undefined ? undefined : eq(jobs.kind, storable(kind))),
    )
    .orderBy(desc(jobs.createdAt), jobs.jobId)
    .limit(limit);
  return rows.map(toJob);
}

/** @see JobRecords.listQueuedJobs */
export async function listQueuedJobs(db: NodePgDatabase, limit: number): Promise<Job[]> {
  const rows = await db
    .select()
    .from(jobs)
    .where(eq(jobs.state, "queued"))
    .orderBy(jobs.createdAt, jobs.jobId)
    .limit(limit);
  return rows.map(toJob);
}

/** @see JobRecords.claimJob */
export async function claimJob(db: NodePgDatabase, jobId: string): Promise<Job | undefined> {
  const [row] = await db
    .update(jobs)
    .set({ state: "running", attempts: sql`${jobs.attempts} + 1`, startedAt: now })
    .where(and(eq(jobs.jobId, jobId), eq(jobs.state, "queued")))
    .returning();
  return row && toJob(row);
}

/** @see JobRecords.saveJobProgress */
export async function saveJobProgress(
  db: NodePgDatabase,
  jobId: string,
  progress: JobProgress,
): Promise<{ readonly cancelRequested: boolean }> {
  const [row] = await db
    .update(jobs)
    .set(progressColumns(progress))
    .where(isRunning(jobId))
    .returning({ cancelRequested: jobs.cancelRequested });
  return { cancelRequested: row?.cancelRequested ?? false };
}

/** @see JobRecords.endJob */
export async function endJob(db: NodePgDatabase, jobId: string, end: JobEnd): Promise<void> {
  await db
    .update(jobs)
    .set({
      ...progressColumns(end),
      state: end.state,
      endedAt: now,
      errorCode: end.error?.code ?? null,
      errorMessage: end.error === undefined ? null : storable(end.error.message),
    })
    .where(isRunning(jobId));
}

/** @see JobRecords.requeueJob */
export async function requeueJob(
  db: NodePgDatabase,
  jobId: string,
  progress: JobProgress,
  isCounted: boolean,
): Promise<void> {
  await db
    .update(jobs)
    .set({
      ...progressColumns(progress),
      // The wish to cancel it may have come to another server.
      state: sql`CASE WHEN ${jobs.cancelRequested} THEN 'cancelled' ELSE 'queued' END`,
      endedAt: sql`CASE WHEN ${jobs.cancelRequested} THEN ${now} END`,
      attempts: isCounted ? sql`${jobs.attempts}` : sql`greatest(${jobs.attempts} - 1, 0)`,
    })
    .where(isRunning(jobId));
}

/** @see JobRecords.requestJobCancel */
export async function requestJobCancel(db: NodePgDatabase, jobId: string): Promise<Job | undefined> {
  const isQueued = sql`${jobs.state} = 'queued'`;
  const [row] = await db
    .update(jobs)
    .set({
      cancelRequested: true,
      state: sql`CASE WHEN ${isQueued} THEN 'cancelled' ELSE ${jobs.state} END`,
      endedAt: sql`CASE WHEN ${isQueued} THEN ${now} ELSE ${jobs.endedAt} END`,
    })
    .where(and(eq(jobs.jobId, storable(jobId)), inArray(jobs.state, ["queued", "running"])))
    .returning();
  return row ? toJob(row) : await getJob(db, jobId);
}

/** @see JobRecords.recoverJobs */
export async function recoverJobs(
  db: NodePgDatabase,
  maxAttempts: number,
  error: { readonly code: string; readonly message: string },
): Promise<number> {
  const isSpent = sql`(NOT ${jobs.cancelRequested} AND ${jobs.attempts} >= ${maxAttempts})`;
  const rows = await db
    .update(jobs)
    .set({
      state: sql`CASE WHEN ${jobs.cancelRequested} THEN 'cancelled' WHEN ${isSpent} THEN 'failed' ELSE 'queued' END`,
      endedAt: sql`CASE WHEN ${jobs.cancelRequested} OR ${isSpent} THEN ${now} END`,
      errorCode: sql`CASE WHEN ${isSpent} THEN ${error.code} END`,
      errorMessage: sql`CASE WHEN ${isSpent} THEN ${error.message} END`,
    })
    .where(eq(jobs.state, "running"))
    .returning({ jobId: jobs.jobId });
  return rows.length;
}

/** @see JobRecords.trimJobs */
export async function trimJobs(db: NodePgDatabase, before: Date): Promise<void> {
  await db.delete(jobs).where(lt(jobs.endedAt, before));
}

/** Any number that no other program uses for its advisory locks: "sightjob" in ASCII. */
const RUNNER_LOCK_KEY = "8316291885310045026";

/**
 * A lock of a session: PostgreSQL gives it up when the connection ends, also after a kill -9 of this process. A pooler between us and
 * PostgreSQL must keep sessions apart ("session pooling").
 *
 * @see JobRecords.lockJobRunner
 */
export async function lockJobRunner(pool: Pool): Promise<JobRunnerLock | undefined> {
  const client = await pool.connect();
  let isOver = false;
  // The connection is closed, not given back: the lock goes with it.
  const end = () => {
    if (!isOver) client.release(true);
    isOver = true;
  };
  // Listened to before the first query: an error that nobody listens to would end the process.
  const lost = new Promise<void>((resolve) => {
    const onLoss = () => {
      end();
      resolve();
    };
    client.on("error", onLoss);
    client.on("end", onLoss);
  });
  try {
    const { rows } = await client.query<{ held: boolean }>(`SELECT pg_try_advisory_lock(${RUNNER_LOCK_KEY}) AS held`);
    if (rows[0]?.held === true) return { lost, release: async () => end() };
  } catch (error) {
    end();
    throw error;
  }
  end();
  return undefined;
}

function isRunning(jobId: string) {
  return and(eq(jobs.jobId, jobId), eq(jobs.state, "running"));
}

function progressColumns({ done, total, counts }: JobProgress) {
  return { done, total: total ?? null, counts };
}

/** PostgreSQL text holds every character but NUL. */
function storable(text: string): string {
  return text.replaceAll("\u0000", "\ufffd");
}

function toJob(row: typeof jobs.$inferSelect): Job {
  return {
    jobId: row.jobId,
    kind: row.kind,
    state: row.state,
    params: row.params,
    done: row.done,
    ...(row.total !== null && { total: row.total }),
    counts: row.counts,
    ...(row.errorCode !== null && { error: { code: row.errorCode, message: row.errorMessage ?? "" } }),
    attempts: row.attempts,
    cancelRequested: row.cancelRequested,
    createTime: row.createdAt.toISOString(),
    ...(row.startedAt !== null && { startTime: row.startedAt.toISOString() }),
    ...(row.endedAt !== null && { endTime: row.endedAt.toISOString() }),
    requestedBy: row.requestedBy,
  };
}
