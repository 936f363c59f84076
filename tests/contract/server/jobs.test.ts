/**
 * What jobs promise: recorded in a real PostgreSQL, run by one process, taken up again after a crash.
 */

import { mkdir } from "node:fs/promises";
import type { JobContext, JobKind } from "@sightline/server/jobs/job-kind";
import { createJobs, type Jobs } from "@sightline/server/jobs/jobs";
import { startPostgres } from "@sightline/store/engines/embedded-postgres";
import { connectPostgres } from "@sightline/store/engines/postgres";
import type { EntityStore } from "@sightline/store/entity-store";
import { migratePostgres } from "@sightline/store/postgres/migrate-postgres";
import { openPostgresEntityStore } from "@sightline/store/postgres/postgres-entity-store";
import { SightlineError } from "@sightline/wire/errors";
import type { Job } from "@sightline/wire/model/job";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import * as z from "zod/mini";
import { makeDataDir, removeDataDir } from "../../harness/sightline-process.ts";

let dataDir: string;
let engine: Awaited<ReturnType<typeof startPostgres>>;
let records: EntityStore;
let opened: Jobs[] = [];

beforeAll(async () => {
  dataDir = await makeDataDir();
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  engine = await startPostgres({ dataDir });
});
beforeEach(async () => {
  const pool = connectPostgres(engine.url);
  await migratePostgres(pool, async () => undefined);
  await pool.query("TRUNCATE sightline.jobs");
  records = openPostgresEntityStore(pool);
});
afterEach(async () => {
  await Promise.all(opened.map((jobs) => jobs.close()));
  opened = [];
  await records.close();
});
afterAll(async () => {
  await engine?.close();
  await removeDataDir(dataDir);
});

/** Work whose steps the test takes: each call of `run` becomes an `Attempt`. */
interface Attempt {
  readonly params: { readonly name: string };
  readonly context: JobContext;
  finish(counts?: Record<string, number>): void;
  fail(error: unknown): void;
}

function steered(kind: string, concurrency?: number) {
  const attempts: Attempt[] = [];
  const watchers: (() => void)[] = [];
  const row: JobKind<{ name: string }> = {
    kind,
    params: z.strictObject({ name: z.string() }),
    ...(concurrency !== undefined && { concurrency }),
    run: (params, context) =>
      new Promise((resolve, reject) => {
        attempts.push({ params, context, finish: (counts = {}) => resolve(counts), fail: reject });
        context.signal.addEventListener("abort", () => reject(context.signal.reason));
        for (const tell of watchers.splice(0)) tell();
      }),
  };
  const begun = async (count: number): Promise<Attempt> => {
    while (attempts.length < count) await new Promise<void>((resolve) => watchers.push(resolve));
    return attempts[count - 1]!;
  };
  return { row, attempts, begun };
}

function makeJobs(...kinds: JobKind<unknown>[]): Jobs {
  const jobs = createJobs({ records, kinds });
  opened.push(jobs);
  return jobs;
}

function withoutTimes({ createTime, startTime, endTime, ...job }: Job) {
  return { ...job, times: [createTime, startTime, endTime].filter((time) => time !== undefined).length };
}

test("a job waits, runs, shows its progress and ends with its counts", async () => {
  const work = steered("count-things");
  const jobs = makeJobs(work.row);
  const queued = await jobs.start("count-things", { name: "a" });
  expect(withoutTimes(queued)).toEqual({
    jobId: expect.stringMatching(/^job-[0-9a-f]{32}$/),
    kind: "count-things",
    state: "queued",
    params: { name: "a" },
    done: 0,
    counts: {},
    attempts: 0,
    cancelRequested: false,
    requestedBy: "api",
    times: 1,
  });
  jobs.open();
  const attempt = await work.begun(1);
  attempt.context.progress(3, 10, { things: 3 });
  expect(await jobs.get(queued.jobId)).toMatchObject({
    state: "running",
    done: 3,
    total: 10,
    counts: { things: 3 },
    attempts: 1,
  });
  attempt.context.progress(10, 10);
  attempt.finish({ things: 10 });
  const ended = await jobs.ended(queued.jobId);
  expect(ended).toMatchObject({ state: "succeeded", done: 10, total: 10, counts: { things: 10 } });
  expect(Date.parse(ended.endTime!)).toBeGreaterThanOrEqual(Date.parse(ended.startTime!));
  expect(await jobs.list({ limit: 10 })).toEqual([ended]);
  expect(await jobs.list({ states: ["queued", "running"], limit: 10 })).toEqual([]);
  expect(await jobs.list({ kind: "other", limit: 10 })).toEqual([]);
});

test("params that are not those of the kind are refused before anything is recorded", async () => {
  const jobs = makeJobs(steered("one").row);
  await expect(jobs.start("one", { name: 5 })).rejects.toMatchObject({ code: "INVALID_PARAMETER" });
  await expect(jobs.start("two", {})).rejects.toThrow(RangeError);
  expect(await jobs.list({ limit: 10 })).toEqual([]);
});

test("jobs of a kind run one after another, or as many at once as the kind says; kinds do not wait for each other", async () => {
  const single = steered("single");
  const double = steered("double", 2);
  const jobs = makeJobs(single.row, double.row);
  for (const name of ["a", "b", "c"]) {
    await jobs.start("single", { name });
    await jobs.start("double", { name });
  }
  jobs.open();
  await Promise.all([single.begun(1), double.begun(2)]);
  expect(single.attempts.map(({ params }) => params.name)).toEqual(["a"]);
  expect(double.attempts.map(({ params }) => params.name)).toEqual(["a", "b"]);
  single.attempts[0]?.finish();
  double.attempts[1]?.finish();
  expect((await single.begun(2)).params.name).toBe("b");
  expect((await double.begun(3)).params.name).toBe("c");
});

test("cancelling ends a waiting job at once and a running one by its signal; ended jobs cannot be cancelled", async () => {
  const work = steered("long");
  const jobs = makeJobs(work.row);
  const running = await jobs.start("long", { name: "running" });
  const waiting = await jobs.start("long", { name: "waiting" });
  jobs.open();
  const attempt = await work.begun(1);
  attempt.context.progress(2, 5, { things: 2 });
  expect(await jobs.cancel(waiting.jobId)).toMatchObject({ state: "cancelled", attempts: 0 });
  expect(await jobs.cancel(running.jobId)).toMatchObject({ cancelRequested: true });
  // What it has done stays on record.
  expect(await jobs.ended(running.jobId)).toMatchObject({ state: "cancelled", done: 2, counts: { things: 2 } });
  await expect(jobs.cancel(running.jobId)).rejects.toMatchObject({ code: "JOB_ENDED" });
  await expect(jobs.cancel("job-none\u0000")).rejects.toMatchObject({ code: "JOB_NOT_FOUND" });
  await expect(jobs.get("job-none")).rejects.toMatchObject({ code: "JOB_NOT_FOUND" });
  expect(work.attempts).toHaveLength(1);
});

test("a failure is told with its code; what is not ours is told without its text", async () => {
  const work = steered("failing", 2);
  const jobs = makeJobs(work.row);
  jobs.open();
  const known = await jobs.start("failing", { name: "known" });
  (await work.begun(1)).fail(new SightlineError("STORAGE_FULL", "The disk is full of \u0000."));
  expect(await jobs.ended(known.jobId)).toMatchObject({
    state: "failed",
    error: { code: "STORAGE_FULL", message: "The disk is full of \ufffd." },
  });
  const unknown = await jobs.start("failing", { name: "unknown" });
  (await work.begun(2)).fail(new Error("secret"));
  const { error } = await jobs.ended(unknown.jobId);
  expect(error?.code).toBe("INTERNAL_ERROR");
  expect(error?.message).not.toContain("secret");
});

test("a job that meets an engine which is away is run again, with the counts it had, three times in all", async () => {
  const work = steered("patient");
  const jobs = makeJobs(work.row);
  jobs.open();
  const { jobId } = await jobs.start("patient", { name: "a" });
  const first = await work.begun(1);
  expect(first.context.earlierCounts).toEqual({});
  first.context.progress(1, 2, { things: 1 });
  for (const attempt of [1, 2, 3]) (await work.begun(attempt)).fail(new SightlineError("STORE_UNAVAILABLE", "away"));
  expect(work.attempts[1]?.context.earlierCounts).toEqual({ things: 1 });
  expect(await jobs.ended(jobId)).toMatchObject({ state: "failed", attempts: 3, error: { code: "STORE_UNAVAILABLE" } });
});

test("a server that stops interrupts its jobs and the next one takes them up; that counts as no attempt", async () => {
  const work = steered("interrupted");
  const jobs = makeJobs(work.row);
  jobs.open();
  const { jobId } = await jobs.start("interrupted", { name: "a" });
  (await work.begun(1)).context.progress(7, 9, { things: 7 });
  await jobs.close();
  expect(await records.getJob(jobId)).toMatchObject({ state: "queued", attempts: 0, done: 7, counts: { things: 7 } });
  const next = makeJobs(work.row);
  next.open();
  const attempt = await work.begun(2);
  expect(attempt.context.earlierCounts).toEqual({ things: 7 });
  attempt.finish({ things: 9 });
  expect(await next.ended(jobId)).toMatchObject({ state: "succeeded", attempts: 1 });
});

test("jobs of a process that was killed are run again, but not for ever; one that was to be cancelled is", async () => {
  const work = steered("crashing", 3);
  const make = (name: string) => records.createJob({ kind: "crashing", params: { name }, requestedBy: "api" });
  const [once, often, cancelled] = [await make("once"), await make("often"), await make("cancelled")];
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await records.claimJob(often.jobId);
    if (attempt < 3) await records.requeueJob(often.jobId, { done: 0, total: undefined, counts: {} }, true);
  }
  await records.claimJob(once.jobId);
  await records.claimJob(cancelled.jobId);
  await records.requestJobCancel(cancelled.jobId);

  const jobs = makeJobs(work.row);
  jobs.open();
  const attempt = await work.begun(1);
  expect(attempt.params.name).toBe("once");
  expect(await jobs.get(once.jobId)).toMatchObject({ state: "running", attempts: 2 });
  expect(await jobs.get(often.jobId)).toMatchObject({ state: "failed", attempts: 3, error: { code: "JOB_GAVE_UP" } });
  expect(await jobs.get(cancelled.jobId)).toMatchObject({ state: "cancelled" });
  expect(work.attempts).toHaveLength(1);
});

test("of two servers on one database one runs the jobs; when it stops, the other does", async () => {
  const work = steered("shared");
  const [first, second] = [makeJobs(work.row), makeJobs(work.row)];
  first.open();
  const one = await first.start("shared", { name: "one" });
  await work.begun(1);
  second.open();
  const two = await second.start("shared", { name: "two" });
  // Asked at the server that does not run it.
  await second.cancel(one.jobId);
  expect(await second.get(one.jobId)).toMatchObject({ state: "running", cancelRequested: true });
  await first.close();
  expect((await work.begun(2)).params.name).toBe("two");
  expect(await second.get(two.jobId)).toMatchObject({ state: "running" });
  expect(await second.get(one.jobId)).toMatchObject({ state: "cancelled" });
});

test("ended jobs are forgotten after 30 days", async () => {
  const work = steered("old");
  const jobs = makeJobs(work.row);
  jobs.open();
  const { jobId } = await jobs.start("old", { name: "a" });
  (await work.begun(1)).finish();
  await jobs.ended(jobId);
  await jobs.close();
  const later = createJobs({ records, kinds: [work.row], now: () => Date.now() + 31 * 24 * 3600 * 1000 });
  opened.push(later);
  const kept = await later.start("old", { name: "b" });
  later.open();
  await work.begun(2);
  expect((await later.list({ limit: 10 })).map((job) => job.jobId)).toEqual([kept.jobId]);
});
