/**
 * The life of data: deleted by request, by retention and for want of room; restored; never orphaned. Over real HTTP and engines.
 */
import type { Clock } from "@sightline/server/lifecycle/clock";
import type { Job } from "@sightline/wire/model/job";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { makeDataDir, removeDataDir, type SightlineProcess, startSightline } from "../../harness/sightline-process.ts";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { encodeSpans, errorOf, makeSpan, makeTrace, START, send } from "./spans.ts";

const DAY_MS = 24 * 3600 * 1000;
const NANOS_PER_MS = 1_000_000n;

/** Time that the test lets pass. */
class TestClock implements Clock {
  #now = Number(START / NANOS_PER_MS) + DAY_MS;
  readonly #work = new Set<() => void>();

  now(): number {
    return this.#now;
  }

  every(_ms: number, work: () => void): () => void {
    this.#work.add(work);
    return () => this.#work.delete(work);
  }

  /** Lets time pass; everything that happens regularly happens once. */
  pass(ms: number): void {
    this.#now += ms;
    for (const work of this.#work) work();
  }
}

let clock: TestClock;
let server: ServerUnderTest;
let client: ServerUnderTest["client"];

beforeAll(async () => {
  clock = new TestClock();
  server = await startInProcess({}, undefined, { clock });
  client = server.client;
});
afterEach(async () => {
  expect(await checkStore()).toEqual({ problems: 0 });
});
afterAll(() => server?.stop());

/** A job that has ended. */
async function ended(job: Job | undefined): Promise<Job> {
  if (job === undefined) throw new Error("no job was started");
  return await endedAt(client, job);
}

async function endedAt({ getJob }: Pick<ServerUnderTest["client"], "getJob">, { jobId }: Job): Promise<Job> {
  for (;;) {
    const { job } = await getJob({ params: { jobId }, query: { waitSeconds: "30" } });
    if (job.endTime !== undefined) return job;
  }
}

/** The latest job of a kind, when it has ended. */
async function latest(kind: string): Promise<Job> {
  for (;;) {
    const { jobs } = await client.listJobs({ query: { kind } });
    if (jobs[0] !== undefined) return await ended(jobs[0]);
  }
}

async function checkStore(): Promise<Readonly<Record<string, number>>> {
  const { job } = await client.checkStorage();
  const { state, counts } = await ended(job);
  expect(state).toBe("succeeded");
  return counts;
}

let experiments = 0;
function freshExperiment(): string {
  experiments += 1;
  return `life ${experiments}`;
}

/** Sends traces of two spans, `everyMs` apart, into an experiment; gives their ids in order of time. */
async function sendTraces(
  experiment: string,
  count: number,
  { startMs = Number(START / NANOS_PER_MS), everyMs = 1000, status = 1, text = "", name = "agent" } = {},
): Promise<string[]> {
  const traces = Array.from({ length: count }, (_, index) =>
    makeTrace(1, {
      startTimeUnixNano: BigInt(startMs + index * everyMs) * NANOS_PER_MS,
      statusCode: status as 1 | 2,
      name,
      ...(text !== "" && { attributes: { "mlflow.spanInputs": JSON.stringify(text) } }),
    }),
  );
  const answer = await send(server.url, encodeSpans(traces.flat()), { "x-sightline-experiment": experiment });
  expect(answer.status).toBe(200);
  return traces.map(([root]) => `tr-${root?.traceId}`);
}

async function traceIdsOf(experiment: string): Promise<string[]> {
  const body = { experiments: [experiment], maxResults: 1000, orderBy: ["timestamp_ms ASC"] };
  const found: string[] = [];
  let page = await client.searchTraces({ body });
  for (;;) {
    for (const { info } of page.traces) found.push(info.traceId);
    if (page.nextPageToken === undefined) return found;
    page = await client.searchTraces({ body: { ...body, pageToken: page.nextPageToken } });
  }
}

async function idOf(experiment: string): Promise<string> {
  const list = await client.listExperiments({ query: { includeDeleted: "true" } });
  const found = list.experiments.find(({ name }) => name === experiment);
  if (found === undefined) throw new Error(`no experiment ${experiment}`);
  return found.experimentId;
}

describe("deleting traces", () => {
  test("a filter, experiments and a time range say which; a dry run counts them", async () => {
    const [experiment, other] = [freshExperiment(), freshExperiment()];
    const good = await sendTraces(experiment, 3);
    const bad = await sendTraces(experiment, 4, { status: 2 });
    const elsewhere = await sendTraces(other, 2, { status: 2 });
    const body = { experiments: [experiment], filter: "status = 'ERROR'", to: "2026-11-24T08:25:12.000Z" };
    // The bad ones start at 09.7, 10.7, 11.7 and 12.7 seconds.
    expect(await client.deleteTraces({ body: { ...body, dryRun: true } })).toEqual({ traces: 3 });
    const { job } = await client.deleteTraces({ body });
    expect(job).toMatchObject({ kind: "delete-traces", requestedBy: "api" });
    expect(await ended(job)).toMatchObject({ state: "succeeded", done: 3, total: 3, counts: { traces: 3, spans: 6 } });
    expect(new Set(await traceIdsOf(experiment))).toEqual(new Set([...good, bad[3]]));
    expect(await traceIdsOf(other)).toEqual(elsewhere);
    expect((await fetch(`${server.url}/api/v1/traces/${bad[0]}`)).status).toBe(404);

    const byId = { traceIds: [good[0]!, good[1]!.slice(3).toUpperCase(), `tr-${"0".repeat(31)}1`] };
    expect(await client.deleteTraces({ body: { ...byId, dryRun: true } })).toEqual({ traces: 2 });
    expect(await ended((await client.deleteTraces({ body: byId })).job)).toMatchObject({ counts: { traces: 2 } });
    expect(new Set(await traceIdsOf(experiment))).toEqual(new Set([good[2], bad[3]]));
  });

  test("a request that does not say which traces, or says it wrongly, is refused and deletes nothing", async () => {
    const bodies: [object, string][] = [
      [{}, "INVALID_PARAMETER"],
      [{ dryRun: true }, "INVALID_PARAMETER"],
      [{ experiments: [] }, "INVALID_PARAMETER"],
      [{ traceIds: ["nonsense"] }, "INVALID_PARAMETER"],
      [{ traceIds: ["0".repeat(32)], filter: "status = 'OK'" }, "INVALID_PARAMETER"],
      [{ from: "yesterday" }, "INVALID_PARAMETER"],
      [{ filter: "status = " }, "BAD_FILTER"],
      [{ experiments: ["there is none"] }, "EXPERIMENT_NOT_FOUND"],
      [{ experiment: "typo" }, "INVALID_PARAMETER"],
    ];
    const before = (await client.listJobs({ query: { kind: "delete-traces" } })).jobs.length;
    for (const [body, code] of bodies) {
      const answer = await fetch(`${server.url}/api/v1/traces/delete`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      expect((await errorOf(answer)).code, JSON.stringify(body)).toBe(code);
    }
    expect((await client.listJobs({ query: { kind: "delete-traces" } })).jobs).toHaveLength(before);
  });

  test("while a deletion runs spans are taken; what began to match later stays", async () => {
    const experiment = freshExperiment();
    await sendTraces(experiment, 2500, { everyMs: 1 });
    const { job } = await client.deleteTraces({ body: { experiments: [experiment] } });
    // From the moment on at which the job has made its list.
    for (;;) {
      const { job: now } = await client.getJob({ params: { jobId: job!.jobId }, query: {} });
      if (now.total !== undefined || now.endTime !== undefined) break;
    }
    const late: string[] = [];
    let isOver = false;
    const writing = (async () => {
      do late.push(...(await sendTraces(experiment, 3)));
      while (!isOver);
    })();
    const result = await ended(job);
    isOver = true;
    await writing;
    expect(result).toMatchObject({ state: "succeeded", counts: { traces: 2500, spans: 5000 } });
    expect(new Set(await traceIdsOf(experiment))).toEqual(new Set(late));
  });

  test("a cancelled deletion stops at a step, and what is left is whole", async () => {
    const experiment = freshExperiment();
    await sendTraces(experiment, 6000, { everyMs: 1 });
    const { job } = await client.deleteTraces({ body: { experiments: [experiment] } });
    for (;;) {
      const { job: now } = await client.getJob({ params: { jobId: job!.jobId }, query: {} });
      if (now.done > 0 || now.endTime !== undefined) break;
    }
    await client.cancelJob({ params: { jobId: job!.jobId } });
    const result = await ended(job);
    const counted = await client.countTraces({ body: { experiments: [experiment] } });
    expect(result.state).toBe("cancelled");
    expect(result.counts.traces).toBeGreaterThan(0);
    expect(result.counts.traces! + counted.total).toBe(6000);
    expect(counted.total % 1000).toBe(0);
  });
});

describe("experiments", () => {
  test("are made, renamed and found under their new name; a name that is taken is refused", async () => {
    const [name, renamed] = [freshExperiment(), freshExperiment()];
    const { experiment } = await client.createExperiment({ body: { name: ` ${name} ` } });
    expect(experiment.name).toBe(name);
    const [traceId] = await sendTraces(name, 1);
    await client.updateExperiment({ params: experiment, body: { name: renamed } });
    expect(await traceIdsOf(renamed)).toEqual([traceId]);
    // The name is free at once, also for spans: nothing remembers the old one.
    await sendTraces(name, 1);
    expect(await idOf(name)).not.toBe(experiment.experimentId);
    await expect(client.createExperiment({ body: { name } })).rejects.toMatchObject({ code: "EXPERIMENT_EXISTS" });
    await expect(client.createExperiment({ body: { name: "a\nb" } })).rejects.toMatchObject({
      code: "INVALID_PARAMETER",
    });
    await expect(client.updateExperiment({ params: { experimentId: "999999" }, body: {} })).rejects.toMatchObject({
      code: "EXPERIMENT_NOT_FOUND",
    });
  });

  test("a deleted one is hidden with its traces and takes no spans, by id or by name; restored it is all there", async () => {
    const [name, other] = [freshExperiment(), freshExperiment()];
    const [traceId] = await sendTraces(name, 1, { name: "findable" });
    const [visible] = await sendTraces(other, 1, { name: "findable" });
    const experimentId = await idOf(name);
    const inAll = async () => {
      const { traces } = await client.searchTraces({ body: { filter: "name = 'findable'", maxResults: 10 } });
      return traces.map(({ info }) => info.traceId);
    };
    expect(await inAll()).toContain(traceId);

    const { experiment } = await client.deleteExperiment({ params: { experimentId }, query: {} });
    expect(experiment.deleteTime).toBeDefined();
    const names = async (includeDeleted: "true" | "false") =>
      (await client.listExperiments({ query: { includeDeleted } })).experiments.map((each) => each.name);
    expect(await names("false")).not.toContain(name);
    expect(await names("true")).toContain(name);
    expect(await inAll()).not.toContain(traceId);
    expect(await inAll()).toContain(visible);
    await expect(traceIdsOf(name)).rejects.toMatchObject({ code: "EXPERIMENT_NOT_FOUND" });
    for (const path of ["", "/skeleton"]) {
      const error = await errorOf(await fetch(`${server.url}/api/v1/traces/${traceId}${path}`));
      expect(error).toMatchObject({ code: "TRACE_NOT_FOUND", message: expect.stringContaining("Restore") });
    }
    const headers = [{ "x-mlflow-experiment-id": experimentId }, { "x-sightline-experiment": name }];
    for (const header of headers) {
      const answer = await send(server.url, [makeSpan()], header as Record<string, string>);
      expect(answer.status).toBe(400);
      expect(await errorOf(answer)).toMatchObject({
        code: "EXPERIMENT_DELETED",
        message: expect.stringContaining("Restore"),
      });
    }
    await expect(client.createExperiment({ body: { name } })).rejects.toMatchObject({
      code: "EXPERIMENT_EXISTS",
      message: expect.stringContaining("is deleted"),
    });

    await client.restoreExperiment({ params: { experimentId } });
    expect(await traceIdsOf(name)).toEqual([traceId]);
    expect((await client.getTrace({ params: { traceId: traceId! } })).trace.spans).toHaveLength(2);
    await sendTraces(name, 1);
    expect(await traceIdsOf(name)).toHaveLength(2);
  });

  test("purging removes one for good, with its traces, and frees its name; Default stays", async () => {
    const name = freshExperiment();
    await sendTraces(name, 3);
    const experimentId = await idOf(name);
    const { job } = await client.deleteExperiment({ params: { experimentId }, query: { purge: "true" } });
    expect(await ended(job)).toMatchObject({ state: "succeeded", counts: { traces: 3, spans: 6 } });
    await expect(idOf(name)).rejects.toThrow("no experiment");
    const { experiment } = await client.createExperiment({ body: { name } });
    expect(experiment.experimentId).not.toBe(experimentId);
    expect(await traceIdsOf(name)).toEqual([]);
    await expect(client.deleteExperiment({ params: { experimentId: "0" }, query: {} })).rejects.toMatchObject({
      code: "INVALID_PARAMETER",
    });
  });

  test("one that was restored before its purge began is left alone", async () => {
    const name = freshExperiment();
    const [traceId] = await sendTraces(name, 1);
    const experimentId = await idOf(name);
    await client.deleteExperiment({ params: { experimentId }, query: {} });
    // Thirty days of the clock are not over.
    clock.pass(0);
    await client.restoreExperiment({ params: { experimentId } });
    expect(await traceIdsOf(name)).toEqual([traceId]);
  });
});

describe("retention", () => {
  test("traces expire by their start: as set for their experiment, else as set for all; late spans go with the next job", async () => {
    const [kept, short, usual] = [freshExperiment(), freshExperiment(), freshExperiment()];
    const nowMs = clock.now();
    const ages = async (experiment: string) => {
      const ids: string[] = [];
      for (const days of [200, 20, 5])
        ids.push(...(await sendTraces(experiment, 1, { startMs: nowMs - days * DAY_MS })));
      return ids;
    };
    const [ofKept, ofShort, ofUsual] = [await ages(kept), await ages(short), await ages(usual)];

    // Nothing is deleted for ever until somebody says so.
    expect(await client.getRetention()).toEqual({ retention: { days: null } });
    clock.pass(3600_000);
    expect((await client.listJobs({ query: { kind: "retention" } })).jobs).toEqual([]);

    await client.updateExperiment({ params: { experimentId: await idOf(kept) }, body: { retentionDays: null } });
    await client.updateExperiment({ params: { experimentId: await idOf(short) }, body: { retentionDays: 10 } });
    expect(await latest("retention")).toMatchObject({
      state: "succeeded",
      requestedBy: "retention",
      counts: { traces: 2, spans: 4 },
    });
    expect(await traceIdsOf(short)).toEqual(ofShort.slice(2));

    await client.setRetention({ body: { days: 100 } });
    expect(await client.getRetention()).toEqual({ retention: { days: 100 } });
    expect(await latest("retention")).toMatchObject({ state: "succeeded", counts: { traces: 1, spans: 2 } });
    expect(await traceIdsOf(kept)).toEqual(ofKept);
    expect(await traceIdsOf(usual)).toEqual(ofUsual.slice(1));

    // A span that comes late for the expired trace is taken, and goes within the hour.
    const late = makeSpan({
      traceId: ofUsual[0]!.slice(3),
      startTimeUnixNano: BigInt(nowMs - 200 * DAY_MS) * NANOS_PER_MS,
    });
    expect((await send(server.url, [late], { "x-sightline-experiment": usual })).status).toBe(200);
    expect(await traceIdsOf(usual)).toEqual(ofUsual);
    const before = await latest("retention");
    clock.pass(3600_000);
    await untilAnotherJob("retention", before);
    expect(await traceIdsOf(usual)).toEqual(ofUsual.slice(1));

    // Time passes: the trace that was 20 days old expires, too. Where nothing expires no job is started.
    const last = await latest("retention");
    clock.pass(90 * DAY_MS);
    await untilAnotherJob("retention", last);
    expect(await traceIdsOf(usual)).toEqual(ofUsual.slice(2));
    expect(await traceIdsOf(kept)).toEqual(ofKept);
    expect(await traceIdsOf(short)).toEqual([]);
    const jobs = (await client.listJobs({ query: { kind: "retention" } })).jobs.length;
    await client.setRetention({ body: { days: null } });
    await client.setRetention({ body: { days: 36_500 } });
    expect((await client.listJobs({ query: { kind: "retention" } })).jobs).toHaveLength(jobs);
    await client.setRetention({ body: { days: null } });
  });

  test("days that are none are refused", async () => {
    for (const days of [0, -1, 1.5, "7", 36_501]) {
      const answer = await fetch(`${server.url}/api/v1/settings/retention`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ days }),
      });
      expect((await errorOf(answer)).code).toBe("INVALID_PARAMETER");
    }
    expect(await client.getRetention()).toEqual({ retention: { days: null } });
  });

  test("an experiment that was deleted 30 days ago is purged", async () => {
    const name = freshExperiment();
    await sendTraces(name, 2);
    const experimentId = await idOf(name);
    await client.deleteExperiment({ params: { experimentId }, query: {} });
    // The deletion is stamped by the database, whose clock is the machine's.
    clock.pass(Date.now() - clock.now() + 29 * DAY_MS);
    expect(
      (await client.listExperiments({ query: { includeDeleted: "true" } })).experiments.map((each) => each.name),
    ).toContain(name);
    const before = await latest("purge-experiment");
    clock.pass(2 * DAY_MS);
    expect(await untilAnotherJob("purge-experiment", before)).toMatchObject({
      requestedBy: "retention",
      params: { experimentId },
      counts: { traces: 2 },
    });
    await expect(idOf(name)).rejects.toThrow("no experiment");
  });

  async function untilAnotherJob(kind: string, before: Job): Promise<Job> {
    for (;;) {
      const job = await latest(kind);
      if (job.jobId !== before.jobId) return job;
    }
  }
});

test("the storage report has the bytes, rows, times and rules", async () => {
  const name = freshExperiment();
  await sendTraces(name, 2);
  const report = await client.getStorage();
  const { bytes } = report;
  expect(bytes.total).toBe(bytes.telemetry + bytes.entities + bytes.journal + bytes.attachments);
  for (const part of [bytes.telemetry, bytes.entities]) expect(part).toBeGreaterThan(0);
  expect(report.tables.find((table) => table.name === "spans")?.rows).toBeGreaterThanOrEqual(4);
  expect(report.experiments.find((experiment) => experiment.name === name)).toMatchObject({
    isDeleted: false,
    traces: 2,
    spans: 4,
    oldestTraceTime: "2026-11-24T08:25:09.717000Z",
    newestTraceTime: "2026-11-24T08:25:10.717000Z",
    retentionDays: null,
  });
  expect(report.disk?.freeBytes).toBeGreaterThan(0);
  expect(report).not.toHaveProperty("cap");
  expect(report).not.toHaveProperty("refusal");
  expect(report.jobs.length).toBeGreaterThan(0);
});

test("a purge of the storage is a job with counts", async () => {
  const name = freshExperiment();
  await sendTraces(name, 50, { text: "x".repeat(2000) });
  const [first] = await traceIdsOf(name);
  await ended((await client.deleteTraces({ body: { traceIds: [first!] } })).job);
  const { job } = await client.purgeStorage();
  const { state, counts } = await ended(job);
  expect(state).toBe("succeeded");
  expect(counts.rewritten).toBeGreaterThan(0);
  expect((await traceIdsOf(name)).length).toBe(49);
});

describe("disk", () => {
  let capped: ServerUnderTest | undefined;
  afterEach(async () => {
    await capped?.stop();
    capped = undefined;
  });

  /** A server with so many bytes of room beside what an empty one takes. */
  async function startWithRoom(roomBytes: number, policy: string, clock: Clock): Promise<ServerUnderTest> {
    const empty = await startInProcess();
    const { bytes } = await empty.client.getStorage();
    await empty.stop();
    const env = { SIGHTLINE_MAX_DISK_BYTES: String(bytes.total + roomBytes), SIGHTLINE_DISK_POLICY: policy };
    return await startInProcess(env, undefined, { clock });
  }

  function randomText(chars: number): string {
    return Array.from({ length: chars / 32 }, () => crypto.randomUUID().replaceAll("-", "")).join("");
  }

  /** One trace of about 200 KB that hardly compresses, a minute after the one before. */
  function sendLarge({ url }: ServerUnderTest, index: number, experiment: string): Promise<Response> {
    const span = makeSpan({
      startTimeUnixNano: START + BigInt(index) * 60_000_000_000n,
      attributes: { "mlflow.spanInputs": JSON.stringify(randomText(400_000)) },
    });
    return send(url, [span], { "x-sightline-experiment": experiment });
  }

  test("at the cap the oldest traces are deleted until there is room; kept experiments are spared", async () => {
    const clock = new TestClock();
    capped = await startWithRoom(30_000_000, "delete-oldest", clock);
    const { client } = capped;
    const { experiment } = await client.createExperiment({ body: { name: "kept" } });
    await client.updateExperiment({ params: experiment, body: { retentionDays: null } });
    // The oldest of all, but kept for ever.
    expect((await sendLarge(capped, -1, "kept")).status).toBe(200);
    let sent = 0;
    let jobs: Job[] = [];
    while (jobs.length === 0 && sent < 400) {
      const answer = await sendLarge(capped, sent, "usual");
      if (answer.status === 200) sent += 1;
      clock.pass(0);
      ({ jobs } = await client.listJobs({ query: { kind: "free-disk" } }));
    }
    const freed = await endedAt(client, jobs[0]!);
    expect(freed).toMatchObject({ state: "succeeded", requestedBy: "disk-cap" });
    expect(freed.counts.traces).toBeGreaterThan(0);
    // What arrived while the first job ran is for the next one: the guard looks again and again.
    let report = await client.getStorage();
    while (report.bytes.total >= report.cap!.maxBytes * 0.95) {
      clock.pass(0);
      ({ jobs } = await client.listJobs({ query: { kind: "free-disk" } }));
      await endedAt(client, jobs[0]!);
      report = await client.getStorage();
    }
    const { traces } = await client.searchTraces({
      body: { experiments: ["usual"], maxResults: 1000, orderBy: ["timestamp_ms ASC"] },
    });
    // The newest are there without a gap, the oldest are not.
    const minutes = traces.map(({ info }) =>
      Math.round((Date.parse(info.requestTime) - Number(START / NANOS_PER_MS)) / 60_000),
    );
    expect(minutes[0]).toBeGreaterThan(0);
    expect(minutes).toEqual(Array.from({ length: minutes.length }, (_, index) => minutes[0]! + index));
    expect(minutes.at(-1)).toBe(sent - 1);
    expect((await client.countTraces({ body: { experiments: ["kept"] } })).total).toBe(1);
    clock.pass(0);
    const { job } = await client.checkStorage();
    expect((await endedAt(client, job)).counts).toEqual({ problems: 0 });
  });

  test("with the policy refuse nothing is deleted, and spans are refused until somebody makes room", async () => {
    const clock = new TestClock();
    capped = await startWithRoom(10_000_000, "refuse", clock);
    let sent = 0;
    let refused: Response | undefined;
    while (refused === undefined && sent < 400) {
      const answer = await sendLarge(capped, sent, "usual");
      if (answer.status === 200) sent += 1;
      else refused = answer;
      clock.pass(0);
    }
    expect(refused?.status).toBe(503);
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await errorOf(refused!)).toMatchObject({
      code: "STORAGE_FULL",
      message: expect.stringMatching(
        /^The data takes \d+ MB, over the \d+ MB of SIGHTLINE_MAX_DISK_BYTES; no spans are taken\./,
      ),
    });
    expect((await capped.client.getStorage()).refusal).toBeDefined();
    // Reads go on, and deleting makes room.
    expect((await capped.client.countTraces({ body: {} })).total).toBe(sent);
    const { job } = await capped.client.deleteTraces({ body: { experiments: ["usual"] } });
    expect((await endedAt(capped.client, job!)).counts.bytesFreed).toBeGreaterThan(1_000_000);
    for (;;) {
      clock.pass(0);
      const answer = await sendLarge(capped, 1000, "usual");
      if (answer.status === 200) break;
    }
    expect((await capped.client.listJobs({ query: { kind: "free-disk" } })).jobs).toEqual([]);
  });
});

describe("a server that is killed in the middle of a deletion", () => {
  let process: SightlineProcess | undefined;
  afterAll(async () => {
    await process?.stop();
    if (process) await removeDataDir(process.dataDir);
  });

  test("takes the job up again when it is back, and ends it", { timeout: 120_000 }, async () => {
    const dataDir = await makeDataDir();
    process = await startSightline({ dataDir });
    const post = (path: string, body: object) =>
      fetch(`${process!.url}/api/v1/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }).then((answer) => answer.json());
    const get = (path: string) => fetch(`${process!.url}/api/v1/${path}`).then((answer) => answer.json());
    for (const experiment of ["doomed", "doomed", "doomed", "doomed", "spared"]) {
      const traces = Array.from({ length: 3000 }, () => makeTrace(1)).flat();
      expect((await send(process.url, traces, { "x-sightline-experiment": experiment })).status).toBe(200);
    }
    const { job } = (await post("traces/delete", { experiments: ["doomed"] })) as { job: Job };
    for (;;) {
      const { job: now } = (await get(`jobs/${job.jobId}`)) as { job: Job };
      expect(now.endTime).toBeUndefined();
      if (now.done >= 2000) break;
    }
    process.kill("SIGKILL", "group");
    await process.exited;
    process = await startSightline({ dataDir });
    const { job: result } = (await get(`jobs/${job.jobId}?waitSeconds=60`)) as { job: Job };
    expect(result).toMatchObject({ state: "succeeded", attempts: 2 });
    expect(await post("traces/count", { experiments: ["doomed"] })).toMatchObject({ total: 0 });
    expect(await post("traces/count", { experiments: ["spared"] })).toMatchObject({ total: 3000 });
    const { job: check } = (await post("storage/check", {})) as { job: Job };
    const { job: checked } = (await get(`jobs/${check.jobId}?waitSeconds=60`)) as { job: Job };
    expect(checked.counts).toEqual({ problems: 0 });
  });
});
