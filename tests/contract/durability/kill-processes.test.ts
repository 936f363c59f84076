/**
 * The server and its engines are killed while programs write: each alone, two of them, all three as in a power cut. What was
 * acknowledged must be there once; what was not, at most once. While the server lives it answers, if only "try again".
 */
import { afterAll, expect, test } from "vitest";
import { exportRequestJson, newSpanId, newTraceId, postSpans } from "../../harness/otlp-json.ts";
import {
  enginesOf,
  freePort,
  makeDataDir,
  processesUsing,
  removeDataDir,
  type SightlineProcess,
  startSightline,
} from "../../harness/sightline-process.ts";

const ROUNDS = Number(process.env.SIGHTLINE_TEST_KILL_ROUNDS ?? 7);
const WRITERS = 4;
const EXPERIMENT = "kill-loop";
const SPANS_PER_TRACE = 3;

/** What is killed in a round; the rounds go through the list again and again. */
const TARGETS = [
  ["server"],
  ["chdb"],
  ["postgres"],
  ["server", "chdb", "postgres"],
  ["chdb", "postgres"],
  ["server", "chdb"],
  ["server", "postgres"],
] as const;
type Target = (typeof TARGETS)[number][number];

let server: SightlineProcess | undefined;
afterAll(async () => {
  if (server) {
    await server.stop();
    await removeDataDir(server.dataDir);
  }
});

test(`${ROUNDS} rounds of kill -9 in a write loop lose no acknowledged trace and double none`, {
  timeout: 60_000 + ROUNDS * 30_000,
}, async () => {
  const dataDir = await makeDataDir();
  const port = await freePort();
  const acknowledged = new Set<string>();
  const sent = new Set<string>();
  let refused = 0;

  server = await startSightline({ dataDir, port });
  for (let round = 0; round < ROUNDS; round += 1) {
    const running: SightlineProcess = server;
    const targets = TARGETS[round % TARGETS.length] ?? ["server"];
    const killsServer = (targets as readonly Target[]).includes("server");
    const before = acknowledged.size;
    let stopped = false;
    let failure: unknown;
    const writers = Array.from({ length: WRITERS }, () =>
      writeUntil(running.url, sent, acknowledged, {
        stopped: () => stopped,
        // A connection may break with the server only.
        mayBreak: () => stopped && killsServer,
        onRefused: () => {
          refused += 1;
        },
      }).catch((error: unknown) => {
        failure ??= error;
      }),
    );
    const acknowledge = (count: number) =>
      until(() => {
        if (failure !== undefined) throw failure;
        return acknowledged.size >= count;
      });
    // Let each round acknowledge a different number of traces before the kill, so that it hits different moments.
    await acknowledge(before + 20 + round * 15);
    const pids: Record<Target, number> = { server: running.pid, ...(await enginesOf(running)) };
    if (killsServer) {
      stopped = true;
      for (const target of targets) process.kill(pids[target], "SIGKILL");
      await running.exited;
      await Promise.all(writers);
      server = await startSightline({ dataDir, port });
    } else {
      for (const target of targets) process.kill(pids[target], "SIGKILL");
      // The server brings its engine back by itself, and writing goes on.
      await acknowledge(acknowledged.size + 20);
      stopped = true;
      await Promise.all(writers);
      await untilHealthy(running.url);
    }
    if (failure !== undefined) throw failure;
  }

  const stored = await readAll(server.url);
  const lost = [...acknowledged].filter((traceId) => !stored.has(traceId));
  const unknown = [...stored.keys()].filter((traceId) => !sent.has(traceId));
  const doubled = [...stored].filter(([, rows]) => rows.length !== 1);
  const wrongSpans = [...stored].filter(([, rows]) => rows.some((row) => row !== SPANS_PER_TRACE));
  console.info(
    `kill -9, ${ROUNDS} rounds: sent ${sent.size}, acknowledged ${acknowledged.size}, refused ${refused}, ` +
      `stored ${stored.size}, lost ${lost.length}, doubled ${doubled.length}`,
  );
  expect(acknowledged.size).toBeGreaterThan(ROUNDS * 20);
  expect({ lost, unknown, doubled, wrongSpans }).toEqual({ lost: [], unknown: [], doubled: [], wrongSpans: [] });

  const stats = (await (await fetch(`${server.url}/api/v1/stats`)).json()) as { traces: number; spans: number };
  expect(stats).toMatchObject({ traces: stored.size, spans: stored.size * SPANS_PER_TRACE });

  expect(await server.stop()).toBe(0);
  expect(await processesUsing(dataDir)).toEqual([]);
  await removeDataDir(dataDir);
  server = undefined;
});

interface WriterOptions {
  readonly stopped: () => boolean;
  readonly mayBreak: () => boolean;
  readonly onRefused: () => void;
}

async function writeUntil(
  url: string,
  sent: Set<string>,
  acknowledged: Set<string>,
  { stopped, mayBreak, onRefused }: WriterOptions,
): Promise<void> {
  while (!stopped()) {
    const traceId = newTraceId();
    const rootId = newSpanId();
    const spans = [
      { name: "agent", spanId: rootId },
      ...Array.from({ length: SPANS_PER_TRACE - 1 }, () => ({
        name: "step",
        spanId: newSpanId(),
        parentSpanId: rootId,
        attributes: { "mlflow.spanInputs": JSON.stringify({ text: "x".repeat(500) }) },
      })),
    ];
    sent.add(`tr-${traceId}`);
    try {
      const answer = await postSpans(url, exportRequestJson(traceId, spans), EXPERIMENT);
      const body = await answer.text();
      if (answer.status === 200) {
        acknowledged.add(`tr-${traceId}`);
      } else {
        expect([429, 503], body).toContain(answer.status);
        expect(Number(answer.headers.get("retry-after")), body).toBeGreaterThan(0);
        onRefused();
      }
    } catch (error) {
      if (!(error instanceof TypeError) || !mayBreak()) throw error; // fetch's way to say that the connection broke
    }
  }
}

async function untilHealthy(url: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await fetch(`${url}/health`)).ok) {
    if (Date.now() > deadline) throw new Error("the server was not healthy again within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Every stored trace id with the span counts of the rows that carry it (one row = not doubled). */
async function readAll(url: string): Promise<Map<string, number[]>> {
  const stored = new Map<string, number[]>();
  let pageToken: string | undefined;
  do {
    const answer = await fetch(`${url}/api/v1/traces/search`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ experiments: [EXPERIMENT], maxResults: 1000, include: ["spans"], pageToken }),
    });
    expect(answer.status).toBe(200);
    const page = (await answer.json()) as {
      traces: { info: { traceId: string; spanCount: number }; spans: unknown[] }[];
      nextPageToken?: string;
    };
    for (const { info, spans } of page.traces) {
      expect(spans).toHaveLength(info.spanCount);
      stored.set(info.traceId, [...(stored.get(info.traceId) ?? []), info.spanCount]);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return stored;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("the writers did not get going within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
