/**
 * Sightline as its users run it: `sightline server` with both embedded engines, from the build or from source.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { keepAlive, sendForJson } from "../measure/http.ts";
import { ABSENT_WORD, commonWord, RARE_WORD, RARE_WORD_ZH } from "../workload/text.ts";
import { largeTraceIndex, rareTraces, traceIdOf, traceIdText } from "../workload/traces.ts";
import { folderBytes, freePort, startProgram } from "./processes.ts";
import type { Query, QueryName, RunningSystem, Seeded, System } from "./system.ts";

const root = join(import.meta.dirname, "..", "..");
const EXPERIMENT = "bench";
const PAGE = 50;
/** Pages that are turned before the one that is measured. */
const DEEP_PAGES = 19;
const DAY_MS = 86_400_000;

/** @param from  the compiled packages as `npm start` runs them, or the sources through tsx (slower to start, more memory) */
export function sightline(from: "build" | "source"): System {
  return {
    name: "sightline",
    title: from === "build" ? "Sightline" : "Sightline (from source)",
    dialect: "mlflow",
    prepare: async () => {
      if (from === "build") await build();
    },
    start: (folder) => start(folder, from),
  };
}

/** Compiles what is not compiled, as `npm start` does. */
async function build(): Promise<void> {
  const setup = join(root, "scripts", "setup.mjs");
  // A script without types: see its docstring.
  const { ensureBuild } = (await import(setup)) as {
    readonly ensureBuild: (report: (line: string) => void) => Promise<string>;
  };
  await ensureBuild((line) => void process.stdout.write(`build: ${line}\n`));
}

async function start(folder: string, from: "build" | "source"): Promise<RunningSystem> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const dataDir = join(folder, "data");
  const agent = keepAlive(2);
  const stats = () =>
    sendForJson<{ spans: number; traces: number; bytesOnDisk: number }>(agent, {
      method: "GET",
      url: `${url}/api/v1/stats`,
    });
  const args =
    from === "build"
      ? [join(root, "packages/cli/dist/main.js"), "server"]
      : ["--import", "tsx", "--conditions=@sightline/source", join(root, "packages/cli/src/main.ts"), "server"];
  const program = await startProgram({
    command: process.execPath,
    args,
    cwd: root,
    env: { SIGHTLINE_PORT: String(port), SIGHTLINE_DATA_DIR: dataDir },
    logFile: join(folder, "server.log"),
    isReady: async () => {
      const answer = await fetch(`${url}/api/v1/traces/search`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"maxResults":1}',
      });
      await answer.arrayBuffer();
      return answer.ok;
    },
    timeoutMs: 120_000,
  });
  return {
    url,
    roots: [program.pid],
    otlp: { url: `${url}/v1/traces`, headers: { "x-sightline-experiment": EXPERIMENT } },
    storedSpans: async () => (await stats()).spans,
    storedTraces: async () => (await stats()).traces,
    queries: (seeded) => queries(url, seeded),
    bytesOnDisk: async () => folderBytes(dataDir),
    liveBytes: async () => (await stats()).bytesOnDisk,
    stop: async () => {
      agent.destroy();
      await program.stop();
    },
  };
}

interface SearchAnswer {
  readonly traces: readonly unknown[];
  readonly nextPageToken?: string;
}

async function queries(url: string, seeded: Seeded): Promise<Partial<Record<QueryName, Query>>> {
  const { newestMs, traces, largeTraces } = seeded;
  const experiments = [EXPERIMENT];
  const lastDay = { from: new Date(newestMs - DAY_MS).toISOString(), to: new Date(newestMs + 1).toISOString() };
  const post = (path: string, body: object, count: Query["count"], expected?: number): Query => ({
    request: { method: "POST", url: `${url}${path}`, body: { experiments, ...body } },
    count,
    ...(expected !== undefined && { expected }),
  });
  const search = (body: object, expected?: number) =>
    post(
      "/api/v1/traces/search",
      { maxResults: PAGE, ...body },
      (answer) => (answer as SearchAnswer).traces.length,
      expected,
    );
  const get = (path: string, count: Query["count"], expected?: number): Query => ({
    request: { method: "GET", url: `${url}${path}` },
    count,
    ...(expected !== undefined && { expected }),
  });
  const metric = (body: object) => post("/api/v1/metrics", body, (answer) => (answer as { points: [] }).points.length);
  const values = (field: string) =>
    post("/api/v1/values", { field }, (answer) => (answer as { values: [] }).values.length);
  const spansOf = (answer: unknown) => (answer as { trace: { spans: [] } }).trace.spans.length;
  const rowsOf = (answer: unknown) => (answer as { spans: { spanId: [] } }).spans.spanId.length;
  const someTrace = traceIdText(traceIdOf(Math.floor(traces / 2)));
  const large = (spanCount: number) => traceIdText(traceIdOf(largeTraceIndex(spanCount)));
  const rare = rareTraces(traces);
  // 5 % of fewer traces do not fill a page for certain.
  const fullPage = traces >= 2000 ? PAGE : undefined;
  const all: Partial<Record<QueryName, Query>> = {
    newest: search({}, Math.min(PAGE, traces)),
    deepPage: await deepPage(search({})),
    tag: search({ filter: "tags.env = 'canary'" }, fullPage),
    rareTag: search({ filter: "tags.severity = 'page'" }),
    status: search({ filter: "status = 'ERROR'" }, fullPage),
    combined: search({ filter: "status = 'ERROR' AND tags.env = 'canary' AND duration > 1s" }),
    count: post(
      "/api/v1/traces/count",
      { filter: "tags.env = 'canary'" },
      (answer) => (answer as { total: number }).total,
    ),
    skeleton: get(`/api/v1/traces/${someTrace}/skeleton`, rowsOf, 8),
    trace: get(`/api/v1/traces/${someTrace}`, spansOf, 8),
    percentilesDay: metric({ ...latencyByHour, ...lastDay }),
    percentilesAll: metric(latencyByHour),
    counts: metric({ view: "traces", metric: "trace_count", aggregations: ["count"], groupBy: ["status"] }),
    tokens: metric({
      view: "spans",
      metric: "total_tokens",
      aggregations: ["sum"],
      groupBy: ["model"],
      intervalSeconds: 3600,
      ...lastDay,
    }),
    topValues: values("name"),
    topUsers: values("user"),
    sessions: post(
      "/api/v1/sessions/search",
      { maxResults: PAGE },
      (answer) => (answer as { sessions: [] }).sessions.length,
    ),
    rareWordDay: search({ filter: contains(RARE_WORD), ...lastDay }),
    rareWordAll: search({ filter: contains(RARE_WORD) }, Math.min(PAGE, rare.en)),
    absentWordDay: search({ filter: contains(ABSENT_WORD), ...lastDay }, 0),
    absentWordAll: search({ filter: contains(ABSENT_WORD) }, 0),
    commonWordAll: search({ filter: contains(commonWord()) }, PAGE),
    zhWordAll: search({ filter: contains(RARE_WORD_ZH) }, Math.min(PAGE, rare.zh)),
  };
  for (const [spanCount, name] of [
    [2000, "skeleton2000"],
    [10_000, "skeleton10000"],
    [50_000, "skeleton50000"],
  ] as const) {
    if (largeTraces.includes(spanCount))
      all[name] = get(`/api/v1/traces/${large(spanCount)}/skeleton`, rowsOf, spanCount);
  }
  if (largeTraces.includes(2000)) all.trace2000 = get(`/api/v1/traces/${large(2000)}`, spansOf, 2000);
  return all;
}

const latencyByHour = {
  view: "traces",
  metric: "latency",
  aggregations: ["p50", "p90", "p99"],
  intervalSeconds: 3600,
};

function contains(word: string): string {
  return `"${word}"`;
}

/** The query for the page behind {@link DEEP_PAGES} others; the first page where there are not so many. */
async function deepPage(first: Query): Promise<Query> {
  const agent = keepAlive(1);
  let query = first;
  for (let page = 0; page < DEEP_PAGES; page += 1) {
    const { nextPageToken } = await sendForJson<SearchAnswer>(agent, query.request);
    if (nextPageToken === undefined) break;
    query = {
      ...query,
      request: { ...query.request, body: { ...(query.request.body as object), pageToken: nextPageToken } },
    };
  }
  agent.destroy();
  return query;
}
