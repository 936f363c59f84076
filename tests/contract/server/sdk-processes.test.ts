/**
 * What SDK processes report beside their spans, and what the server says of them: real requests, real engines.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Clock } from "@sightline/server/lifecycle/clock";
import { createClient } from "@sightline/wire/api/client";
import type { SdkProcess } from "@sightline/wire/model/sdk-process";
import { encodeExportRequestJson } from "@sightline/wire/otlp/json";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { FakeSdkProcess } from "./sdk-reports.ts";
import { errorOf, makeSpan, makeTrace, send } from "./spans.ts";

const DAY_MS = 24 * 3600 * 1000;

/** A clock that a test sets; what is due runs when it is told. */
class TestClock implements Clock {
  #now = Date.now();
  readonly #works: (() => void)[] = [];
  now(): number {
    return this.#now;
  }
  every(_ms: number, work: () => void): () => void {
    this.#works.push(work);
    return () => undefined;
  }
  pass(ms: number): void {
    this.#now += ms;
    for (const work of this.#works) work();
  }
}

let server: ServerUnderTest;
let clock: TestClock;
beforeAll(async () => {
  clock = new TestClock();
  server = await startInProcess({}, undefined, { clock });
});
afterAll(() => server?.stop());

const list = async (query: NonNullable<Parameters<typeof server.client.listSdkProcesses>[0]>["query"] = {}) =>
  await server.client.listSdkProcesses({ query });

/** What the server says of a process. */
async function of(process: FakeSdkProcess): Promise<SdkProcess | undefined> {
  const { processes } = await list({ service: process.service });
  return processes.find(({ instanceId }) => instanceId === process.instanceId);
}

async function sendOk(...request: Parameters<typeof send>): Promise<void> {
  const answer = await send(...request);
  expect([answer.status, await answer.text()]).toEqual([200, ""]);
}

test("a report is shown at once, to the last field, and is neither a tag nor part of a span", async () => {
  const process = new FakeSdkProcess("whole");
  const span = makeSpan();
  const fields = {
    seq: "1-1200,1204",
    ended: 1204,
    dropped: { queueFull: 2, refused: 0, unsentAtExit: 0, broken: 0 },
    truncations: 5,
    retries: 6,
    failures: 7,
    mode: "previews",
    overheadMs: 8.25,
    final: true,
  };
  await sendOk(server.url, process.request(fields, [span], { env: "prod" }), { "x-sightline-experiment": "reports" });
  const described = await of(process);
  expect(described).toEqual({
    instanceId: process.instanceId,
    service: "whole",
    host: "web-1",
    pid: 4242,
    runtime: "node 20.20.0",
    sdkVersion: "0.1.0",
    startTime: "2026-11-24T08:13:20.000000Z",
    lastSeenTime: expect.stringMatching(/^20.*Z$/),
    state: "ended",
    spansEnded: 1204,
    spansReceived: 1201,
    missing: { spans: 3, dropped: 2, unexplained: 1, mayStillCome: 0, isExact: true },
    dropped: { queueFull: 2, refused: 0, unsentAtExit: 0, broken: 0 },
    truncations: 5,
    retries: 6,
    failures: 7,
    mode: "previews",
    overheadMs: 8.25,
    experimentIds: [expect.stringMatching(/^\d+$/)],
    hasProblem: true,
    summary:
      "Process whole (pid 4242 on web-1): 3 of 1,204 spans never came: 2 because the queue was full, 1 for no known reason.",
  });
  const { trace } = await server.client.getTrace({ params: { traceId: `tr-${span.traceId}` } });
  expect(trace.info.tags).toEqual({ "service.name": "whole", env: "prod" });
  expect(JSON.stringify(trace)).not.toContain(process.instanceId);
  expect(JSON.stringify(trace)).not.toContain("sdk.report");
});

test("requests add up whatever their order, and once when they come twice; retried ones heal the gap", async () => {
  const process = new FakeSdkProcess("order");
  const first = process.request({ seq: "1-3", ended: 3, overheadMs: 1 });
  const second = process.request({ seq: "4-6", ended: 8, retries: 1, overheadMs: 2, mode: "previews" });
  const third = process.request({ seq: "8", ended: 8, retries: 2, overheadMs: 3 });
  for (const body of [third, first, third, first]) await sendOk(server.url, body);
  expect(await of(process)).toMatchObject({
    state: "running",
    spansEnded: 8,
    spansReceived: 4,
    missing: { spans: 4, unexplained: 0, mayStillCome: 4 },
    retries: 2,
    mode: "full",
    hasProblem: false,
    summary: "Process order (pid 4242 on web-1): 4 of 8 spans came, 4 may still come.",
  });
  await sendOk(server.url, second);
  await sendOk(server.url, process.request({ seq: "7", ended: 8, overheadMs: 3 }));
  expect(await of(process)).toMatchObject({ spansReceived: 8, missing: { spans: 0 }, mode: "full", retries: 2 });
});

test("a report comes without spans, as JSON, compressed, and beside one of another process", async () => {
  const alone = new FakeSdkProcess("forms");
  await sendOk(server.url, alone.request({ seq: "", ended: 5, final: true }, []));
  expect(await of(alone)).toMatchObject({ state: "ended", spansEnded: 5, missing: { unexplained: 5 } });

  await sendOk(server.url, new Uint8Array(gzipSync(alone.request({ seq: "1-2", ended: 5 }))), {
    "content-encoding": "gzip",
  });
  const other = new FakeSdkProcess("forms");
  const bytes = [alone.request({ seq: "3", ended: 5 }), other.request({ seq: "1", ended: 1 })];
  // The fields of two messages, one behind the other, are the message that has both.
  await sendOk(server.url, Buffer.concat(bytes));
  const scope = { name: "", version: "" };
  const resource = {
    "service.name": "forms",
    "service.instance.id": alone.instanceId,
    "sightline.sdk.report": JSON.stringify({ v: 1, seq: "4-5", ended: 5 }),
  };
  const json = await fetch(`${server.url}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: encodeExportRequestJson([{ resource, scope, spans: [makeSpan()] }]),
  });
  expect(json.status).toBe(200);
  expect(await of(alone)).toMatchObject({ spansReceived: 5, state: "ended", missing: { spans: 0 } });
  expect(await of(other)).toMatchObject({ spansReceived: 1 });
});

test("a report that cannot be read never fails the spans beside it", async () => {
  const process = new FakeSdkProcess("hostile");
  const before = await metric('sightline_sdk_reports_total{outcome="malformed"}');
  const hostile = [
    { "sightline.sdk.report": "{" },
    { "sightline.sdk.report": '{"v":2,"seq":"1","ended":1}' },
    { "sightline.sdk.report": '{"v":1,"seq":"9-1","ended":1}' },
    { "sightline.sdk.report": 7 },
    { "sightline.sdk.report": "x".repeat(1_000_000) },
    { "service.instance.id": "'; DROP TABLE sdk_processes --" },
  ];
  for (const others of hostile) {
    const spans = makeTrace(2);
    await sendOk(server.url, process.request({ seq: "1", ended: 1 }, spans, others));
    const traceId = `tr-${spans[0]?.traceId}`;
    const { trace } = await server.client.getTrace({ params: { traceId } });
    expect(trace.info.spanCount).toBe(3);
    expect(trace.info.tags).toEqual({ "service.name": "hostile" });
  }
  expect(await of(process)).toBeUndefined();
  expect(await metric('sightline_sdk_reports_total{outcome="malformed"}')).toBe((before ?? 0) + hostile.length);

  // Whatever the figures are, they are kept and can be added up.
  const max = Number.MAX_SAFE_INTEGER;
  const dropped = { queueFull: max, refused: max, unsentAtExit: max, broken: max };
  const huge = { seq: `${max}`, ended: max, dropped, pid: max, overheadMs: 1e300, startTime: 1e300, final: true };
  await sendOk(server.url, process.request({ ...huge, host: "\u0000\ud800\u001b", runtime: "r".repeat(10_000) }));
  expect(await of(process)).toMatchObject({ spansEnded: max, spansReceived: 1, missing: { spans: max - 1 } });
});

test("a span that the server refuses is one that never came, with the reason", async () => {
  const process = new FakeSdkProcess("refused");
  const answer = await send(
    server.url,
    process.request({ seq: "1-3", ended: 3 }, [makeSpan(), makeSpan({ traceId: "" }), makeSpan()]),
  );
  expect([answer.status, (await answer.arrayBuffer()).byteLength > 0]).toEqual([200, true]);
  const dropped = { queueFull: 0, refused: 1, unsentAtExit: 0, broken: 0 };
  await sendOk(server.url, process.request({ seq: "", ended: 3, dropped, final: true }, []));
  expect(await of(process)).toMatchObject({
    spansReceived: 2,
    missing: { spans: 1, dropped: 1, unexplained: 0 },
    summary: "Process refused (pid 4242 on web-1): 1 of 3 spans never came: 1 because the server refused them.",
  });
});

test("an answer has pages, those with problems first, and totals over all of them", async () => {
  const whole = Array.from({ length: 3 }, () => new FakeSdkProcess("paged"));
  const lossy = Array.from({ length: 2 }, () => new FakeSdkProcess("paged"));
  const headers = { "x-sightline-experiment": "paged" };
  for (const process of lossy) await sendOk(server.url, process.request({ seq: "1", ended: 4, final: true }), headers);
  for (const process of whole) await sendOk(server.url, process.request({ seq: "1-4", ended: 4 }), headers);

  const seen: string[] = [];
  let pageToken: string | undefined;
  do {
    const page = await list({ experiment: "paged", maxResults: "2", ...(pageToken !== undefined && { pageToken }) });
    expect(page.totals).toEqual({ problems: 2, spansLost: 6, running: 3 });
    seen.push(...page.processes.map(({ instanceId }) => instanceId));
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  const ids = (processes: readonly FakeSdkProcess[]) => processes.map(({ instanceId }) => instanceId).sort();
  expect(seen.slice(0, 2).sort()).toEqual(ids(lossy));
  expect(seen.slice(2).sort()).toEqual(ids(whole));

  const problems = await list({ service: "paged", problems: "true" });
  expect(problems.processes.map(({ instanceId }) => instanceId).sort()).toEqual(ids(lossy));
  const later = new Date(Date.now() + 1000).toISOString();
  expect(await list({ service: "paged", since: later })).toEqual({
    processes: [],
    totals: { problems: 0, spansLost: 0, running: 0 },
  });
});

test("questions that cannot be answered are told so", async () => {
  const plain = createClient({ baseUrl: server.url });
  for (const [query, code] of [
    [{ experiment: "no such" }, "EXPERIMENT_NOT_FOUND"],
    [{ since: "yesterday" }, "INVALID_PARAMETER"],
    [{ maxResults: "0" }, "INVALID_PARAMETER"],
    [{ maxResults: "1001" }, "INVALID_PARAMETER"],
    [{ pageToken: "x" }, "BAD_PAGE_TOKEN"],
    [{ pageToken: Buffer.from('[true,1e99,"x"]').toString("base64url") }, "BAD_PAGE_TOKEN"],
  ] as const) {
    await expect(plain.listSdkProcesses({ query })).rejects.toMatchObject({ code });
  }
  const answer = await fetch(`${server.url}/api/v1/sdk-processes?problems=yes`);
  expect([answer.status, (await errorOf(answer)).code]).toEqual([400, "INVALID_PARAMETER"]);
});

/** Value of a line like `name{labels}`; undefined if there is none. */
async function metric(series: string): Promise<number | undefined> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
}

test("Prometheus gets totals of what is missing and dropped, with labels from short lists", async () => {
  const names = ['missing_spans{explained="yes"}', 'missing_spans{explained="no"}', 'dropped_spans{reason="broken"}'];
  const read = () => Promise.all(names.map(async (name) => (await metric(`sightline_sdk_${name}`)) ?? Number.NaN));
  const process = new FakeSdkProcess("counted");
  // Away from the figures of the hostile process, beside which others are lost in rounding.
  const other = await startInProcess();
  const shared = server;
  server = other;
  try {
    expect(await read()).toEqual([0, 0, 0]);
    const dropped = { queueFull: 0, refused: 0, unsentAtExit: 0, broken: 2 };
    await sendOk(server.url, process.request({ seq: "1-5", ended: 10, dropped, final: true }));
    await list();
    expect(await read()).toEqual([2, 3, 2]);
    expect(await metric('sightline_sdk_dropped_spans{reason="unsent_at_exit"}')).toBe(0);
    expect(await metric('sightline_sdk_processes{state="with_problem"}')).toBe(1);
    expect(await metric('sightline_sdk_processes{state="running"}')).toBe(0);
    expect(await metric('sightline_sdk_reports_total{outcome="taken"}')).toBe(1);
    expect(await metric('sightline_sdk_reports_total{outcome="lost"}')).toBe(0);
  } finally {
    server = shared;
    await other.stop();
  }
});

test("thousands of requests of one process are one row, and nothing of them stays in the journal", async () => {
  const process = new FakeSdkProcess("busy");
  const bodies = Array.from({ length: 2000 }, (_, index) =>
    process.request({ seq: String(index + 1), ended: 2000, overheadMs: index }),
  );
  let next = 0;
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) await sendOk(server.url, body);
    }),
  );
  expect(await of(process)).toMatchObject({ spansReceived: 2000, missing: { spans: 0 } });
  await until(async () => (await metric("sightline_journal_entries")) === 0);
  expect(await readdir(join(server.dataDir, "journal"))).not.toContain("sdk-reports.json");
});

test("a process is forgotten thirty days after something last came of it", async () => {
  const process = new FakeSdkProcess("old");
  await sendOk(server.url, process.request({ seq: "1", ended: 1 }));
  expect(await of(process)).toBeDefined();
  clock.pass(Date.now() - clock.now() + 29 * DAY_MS);
  expect(await of(process)).toBeDefined();
  clock.pass(2 * DAY_MS);
  await until(async () => (await of(process)) === undefined);
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("nothing came of it within 60 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
