/**
 * Acknowledged means on disk and readable, although the telemetry engine gets spans later and in batches: the engine is stopped or
 * killed between the two, and readers ask at once.
 */
import { afterEach, expect, test } from "vitest";
import { exportRequestJson, newSpanId, newTraceId, postSpans } from "../../harness/otlp-json.ts";
import { enginesOf, removeDataDir, type SightlineProcess, startSightline } from "../../harness/sightline-process.ts";

const EXPERIMENT = "journal";
let server: SightlineProcess | undefined;
afterEach(async () => {
  if (server === undefined) return;
  await server.stop();
  await removeDataDir(server.dataDir);
  server = undefined;
});

async function start(env: Record<string, string> = {}): Promise<SightlineProcess> {
  server = await startSightline({ env });
  return server;
}

interface Sent {
  readonly traceId: string;
  readonly status: number;
  readonly retryAfter: string | null;
}

async function sendTrace(url: string, traceId = newTraceId(), chars = 500): Promise<Sent> {
  const rootId = newSpanId();
  const attributes = { "mlflow.spanInputs": JSON.stringify({ text: "x".repeat(chars) }) };
  const spans = [
    { name: "agent", spanId: rootId },
    { name: "step", spanId: newSpanId(), parentSpanId: rootId, attributes },
  ];
  const answer = await postSpans(url, exportRequestJson(traceId, spans), EXPERIMENT);
  await answer.arrayBuffer();
  return { traceId: `tr-${traceId}`, status: answer.status, retryAfter: answer.headers.get("retry-after") };
}

async function search(url: string): Promise<Set<string>> {
  const found: string[] = [];
  let pageToken: string | undefined;
  do {
    const answer = await fetch(`${url}/api/v1/traces/search`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ experiments: [EXPERIMENT], maxResults: 1000, pageToken }),
    });
    expect([answer.status, answer.ok ? "" : server?.output()]).toEqual([200, ""]);
    const page = (await answer.json()) as { traces: { info: { traceId: string } }[]; nextPageToken?: string };
    found.push(...page.traces.map(({ info }) => info.traceId));
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  expect(new Set(found).size).toBe(found.length);
  return new Set(found);
}

const accepted = (sent: readonly Sent[]) => sent.filter(({ status }) => status === 200).map(({ traceId }) => traceId);

async function stats(url: string): Promise<{ traces: number; spans: number }> {
  return (await (await fetch(`${url}/api/v1/stats`)).json()) as { traces: number; spans: number };
}

test("what is acknowledged while the engine stands still survives kill -9 of everything, and is there after the start", async () => {
  const first = await start();
  const { chdb } = await enginesOf(first);
  process.kill(chdb, "SIGSTOP");
  const ids = Array.from({ length: 60 }, newTraceId);
  const sent = await Promise.all(ids.map((traceId) => sendTrace(first.url, traceId)));
  expect(sent.map(({ status }) => status)).toEqual(ids.map(() => 200));
  first.kill("SIGKILL", "group");
  await first.exited;

  server = await startSightline({ dataDir: first.dataDir, port: first.port });
  expect(server.output()).toMatch(/Replaying 60 requests \([\d.]+ MB\) that were acknowledged before the last stop\./);
  expect(server.output()).toMatch(/Replayed 60 requests in [\d.]+ s\./);
  expect(await search(server.url)).toEqual(new Set(accepted(sent)));
  expect(await stats(server.url)).toMatchObject({ traces: 60, spans: 120 });

  // Nothing is left to replay.
  server.kill("SIGKILL", "group");
  await server.exited;
  server = await startSightline({ dataDir: first.dataDir, port: first.port });
  expect(server.output()).not.toContain("Replaying");
  expect(await stats(server.url)).toMatchObject({ traces: 60, spans: 120 });
});

test("a trace that was deleted stays deleted when the server is killed before others are written", async () => {
  const first = await start();
  const { traceId } = await sendTrace(first.url);
  const deleted = await fetch(`${first.url}/api/v1/traces/${traceId}`, { method: "DELETE" });
  expect(deleted.status).toBe(200);
  const { chdb } = await enginesOf(first);
  process.kill(chdb, "SIGSTOP");
  const other = await sendTrace(first.url);
  expect(other.status).toBe(200);
  first.kill("SIGKILL", "group");
  await first.exited;
  server = await startSightline({ dataDir: first.dataDir, port: first.port });
  expect(await search(server.url)).toEqual(new Set([other.traceId]));
});

test("every acknowledged trace is found at once, by id and by search, whatever else is written", async () => {
  const { url } = await start();
  const writers = Array.from({ length: 6 }, async () => {
    for (let round = 0; round < 8; round += 1) {
      const sent = await sendTrace(url);
      expect(sent.status).toBe(200);
      const byId = fetch(`${url}/api/v1/traces/${sent.traceId}`).then(async (answer) => {
        expect(answer.status).toBe(200);
        const { trace } = (await answer.json()) as { trace: { spans: unknown[] } };
        expect(trace.spans).toHaveLength(2);
      });
      const bySearch = search(url).then((found) => expect(found).toContain(sent.traceId));
      await Promise.all(round % 2 === 0 ? [byId, bySearch] : [bySearch, byId]);
    }
  });
  await Promise.all(writers);
});

test("the engine is killed under load: acknowledging goes on, and afterwards everything is there once", async () => {
  const target = await start();
  const sent: Sent[] = [];
  let stop = false;
  const writers = Array.from({ length: 4 }, async () => {
    while (!stop) sent.push(await sendTrace(target.url));
  });
  for (let round = 1; round <= 3; round += 1) {
    await until(() => sent.length >= round * 40);
    process.kill((await enginesOf(target)).chdb, "SIGKILL");
    const before = sent.length;
    await until(() => sent.length >= before + 20);
    await until(async () => (await fetch(`${target.url}/health`)).ok);
  }
  stop = true;
  await Promise.all(writers);
  expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
  expect(await search(target.url)).toEqual(new Set(accepted(sent)));
  expect(await stats(target.url)).toMatchObject({ traces: sent.length, spans: sent.length * 2 });
});

test("an engine that takes nothing for long: the journal fills to its bound, the rest gets 429, every 200 is kept", async () => {
  const target = await start({ SIGHTLINE_JOURNAL_BYTES: String(1024 * 1024), SIGHTLINE_INGEST_BUFFER_BYTES: "300000" });
  const { chdb } = await enginesOf(target);
  process.kill(chdb, "SIGSTOP");
  const sent: Sent[] = [];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (!sent.some(({ status }) => status === 429)) sent.push(await sendTrace(target.url, newTraceId(), 20_000));
    }),
  );
  process.kill(chdb, "SIGCONT");
  const refused = sent.filter(({ status }) => status !== 200);
  expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]));
  for (const { retryAfter } of refused) expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
  // 1 MiB of requests with 20 KB each, far more than fits into 300 KB of memory.
  expect(accepted(sent).length).toBeGreaterThan(30);
  await until(async () => (await fetch(`${target.url}/health`)).ok);
  expect(await search(target.url)).toEqual(new Set(accepted(sent)));
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("nothing came of it within 60 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
