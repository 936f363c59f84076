/**
 * The server is killed while programs write to it. What was acknowledged must be there once; what was not, at most once.
 */
import { afterAll, expect, test } from "vitest";
import { exportRequestJson, newSpanId, newTraceId, postSpans } from "../../harness/otlp-json.ts";
import {
  freePort,
  makeDataDir,
  processesUsing,
  removeDataDir,
  type SightlineProcess,
  startSightline,
} from "../../harness/sightline-process.ts";

const ROUNDS = Number(process.env.SIGHTLINE_TEST_KILL_ROUNDS ?? 10);
const WRITERS = 4;
const EXPERIMENT = "kill-loop";
const SPANS_PER_TRACE = 3;

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

  server = await startSightline({ dataDir, port });
  for (let round = 0; round < ROUNDS; round += 1) {
    const target: SightlineProcess = server;
    const before = acknowledged.size;
    let killed = false;
    const writers = Array.from({ length: WRITERS }, () =>
      writeUntilRefused(target.url, sent, acknowledged, () => killed),
    );
    // Let each round acknowledge a different number of traces before the kill, so that it hits different moments.
    await until(() => acknowledged.size >= before + 20 + round * 15);
    killed = true;
    // Even rounds: the server alone (its engines must notice or be adopted). Odd rounds: everything at once, as a power cut.
    target.kill("SIGKILL", round % 2 === 0 ? "process" : "group");
    await target.exited;
    await Promise.all(writers);
    server = await startSightline({ dataDir, port });
  }

  const stored = await readAll(server.url);
  const lost = [...acknowledged].filter((traceId) => !stored.has(traceId));
  const unknown = [...stored.keys()].filter((traceId) => !sent.has(traceId));
  const doubled = [...stored].filter(([, rows]) => rows.length !== 1);
  const wrongSpans = [...stored].filter(([, rows]) => rows.some((row) => row !== SPANS_PER_TRACE));
  console.info(
    `kill -9, ${ROUNDS} rounds: sent ${sent.size}, acknowledged ${acknowledged.size}, stored ${stored.size}, ` +
      `lost ${lost.length}, doubled ${doubled.length}`,
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

async function writeUntilRefused(
  url: string,
  sent: Set<string>,
  acknowledged: Set<string>,
  stopped: () => boolean,
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
      if (answer.status === 200) acknowledged.add(`tr-${traceId}`);
      await answer.arrayBuffer();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch's way to say that the connection broke: never acknowledged
      if (!stopped()) throw error;
    }
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
