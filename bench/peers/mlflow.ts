/**
 * MLflow's own tracking server as `mlflow server` starts it, on SQLite or PostgreSQL, asked by its REST API.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { keepAlive, sendForJson } from "../measure/http.ts";
import { folderBytes, freePort, startProgram } from "../systems/processes.ts";
import type { Query, QueryName, RunningSystem, Seeded, System } from "../systems/system.ts";
import { ABSENT_WORD, commonWord, RARE_WORD, RARE_WORD_ZH } from "../workload/text.ts";
import { largeTraceIndex, oldestMs, rareTraces, traceIdOf, traceIdText } from "../workload/traces.ts";
import { type PostgresServer, postgresVersion, startPostgresServer } from "./postgres-server.ts";
import { ensurePython } from "./python-environment.ts";

const VERSION = "3.17.2";
const REQUIREMENTS = [`mlflow==${VERSION}`, "psycopg2-binary==2.9.10"];
/** The experiment every MLflow server has. */
const EXPERIMENT = "0";
const PAGE = 50;
const DEEP_PAGES = 19;
const DAY_MS = 86_400_000;

export function mlflow(store: "sqlite" | "postgres"): System {
  return {
    name: `mlflow-${store}`,
    title: `MLflow ${VERSION}, ${store === "sqlite" ? "SQLite" : `PostgreSQL ${postgresVersion()}`}`,
    dialect: "mlflow",
    prepare: async () => void ensurePython(`mlflow-${VERSION}`, REQUIREMENTS),
    start: (folder) => start(folder, store),
  };
}

async function start(folder: string, store: "sqlite" | "postgres"): Promise<RunningSystem> {
  const bin = ensurePython(`mlflow-${VERSION}`, REQUIREMENTS);
  mkdirSync(join(folder, "data"), { recursive: true });
  const database: PostgresServer | undefined = store === "postgres" ? await startPostgresServer(folder) : undefined;
  try {
    return await startServer(folder, bin, database);
  } catch (error) {
    await database?.stop();
    throw error;
  }
}

async function startServer(folder: string, bin: string, database: PostgresServer | undefined): Promise<RunningSystem> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const program = await startProgram({
    command: join(bin, "mlflow"),
    args: [
      "server",
      ...[
        "--backend-store-uri",
        database?.url.replace("postgresql:", "postgresql+psycopg2:") ??
          `sqlite:///${join(folder, "data", "mlflow.db")}`,
      ],
      ...["--artifacts-destination", join(folder, "data", "artifacts")],
      ...["--host", "127.0.0.1", "--port", String(port)],
    ],
    cwd: folder,
    // Nothing is sent to MLflow's makers while it is measured.
    env: { MLFLOW_DISABLE_TELEMETRY: "true", DO_NOT_TRACK: "true", PATH: `${bin}:${process.env.PATH}` },
    logFile: join(folder, "server.log"),
    isReady: async () => {
      const answer = await fetch(`${url}/api/3.0/mlflow/traces/search`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ locations, max_results: 1 }),
      });
      await answer.arrayBuffer();
      return answer.ok;
    },
    timeoutMs: 120_000,
  });
  const agent = keepAlive(2);
  const countOf = async (view: "SPANS" | "TRACES", metric: string) => {
    const { data_points: points = [] } = await sendForJson<MetricsAnswer>(agent, {
      method: "POST",
      url: `${url}/api/3.0/mlflow/traces/metrics`,
      body: {
        experiment_ids: [EXPERIMENT],
        view_type: view,
        metric_name: metric,
        aggregations: [{ aggregation_type: "COUNT" }],
      },
    });
    return points[0]?.values["COUNT"] ?? 0;
  };
  return {
    url,
    roots: [program.pid, ...(database ? [database.pid] : [])],
    otlp: { url: `${url}/v1/traces`, headers: { "x-mlflow-experiment-id": EXPERIMENT } },
    storedSpans: () => countOf("SPANS", "span_count"),
    storedTraces: () => countOf("TRACES", "trace_count"),
    queries: (seeded) => queries(url, seeded),
    bytesOnDisk: async () => folderBytes(join(folder, "data")) + (database ? folderBytes(database.dataDir) : 0),
    stop: async () => {
      agent.destroy();
      await program.stop(10_000);
      await database?.stop();
    },
  };
}

const locations = [{ type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: EXPERIMENT } }];

interface MetricsAnswer {
  readonly data_points?: readonly { readonly values: Readonly<Record<string, number>> }[];
}
interface SearchAnswer {
  readonly traces?: readonly unknown[];
  readonly next_page_token?: string;
}

async function queries(url: string, seeded: Seeded): Promise<Partial<Record<QueryName, Query>>> {
  const { newestMs, traces, largeTraces } = seeded;
  const search = (body: object, expected?: number): Query => ({
    request: {
      method: "POST",
      url: `${url}/api/3.0/mlflow/traces/search`,
      body: { locations, max_results: PAGE, order_by: ["timestamp_ms DESC"], ...body },
    },
    count: (answer) => (answer as SearchAnswer).traces?.length ?? 0,
    ...(expected !== undefined && { expected }),
  });
  const metrics = (body: object): Query => ({
    request: {
      method: "POST",
      url: `${url}/api/3.0/mlflow/traces/metrics`,
      body: { experiment_ids: [EXPERIMENT], max_results: 1000, ...body },
    },
    count: (answer) => (answer as MetricsAnswer).data_points?.length ?? 0,
  });
  const trace = (index: number, expected: number): Query => ({
    request: { method: "GET", url: `${url}/api/3.0/mlflow/traces/get?trace_id=${traceIdText(traceIdOf(index))}` },
    count: (answer) => (answer as { trace: { spans: [] } }).trace.spans.length,
    expected,
  });
  const text = (word: string, more = "") => ({ filter: `trace.text LIKE '%${word}%'${more}` });
  const inLastDay = ` AND timestamp_ms >= ${Math.round(newestMs - DAY_MS)} AND timestamp_ms <= ${Math.round(newestMs)}`;
  const lastDay = { start_time_ms: Math.round(newestMs - DAY_MS), end_time_ms: Math.round(newestMs) };
  const rare = rareTraces(traces);
  // 5 % of fewer traces do not fill a page for certain.
  const fullPage = traces >= 2000 ? PAGE : undefined;
  const latency = {
    view_type: "TRACES",
    metric_name: "latency",
    aggregations: [50, 90, 99].map((percentile) => ({ aggregation_type: "PERCENTILE", percentile_value: percentile })),
    time_interval_seconds: 3600,
  };
  const count = { view_type: "TRACES", metric_name: "trace_count", aggregations: [{ aggregation_type: "COUNT" }] };
  return {
    newest: search({}, Math.min(PAGE, traces)),
    deepPage: await deepPage(search({})),
    tag: search({ filter: "tag.env = 'canary'" }, fullPage),
    rareTag: search({ filter: "tag.severity = 'page'" }),
    status: search({ filter: "status = 'ERROR'" }, fullPage),
    combined: search({ filter: "status = 'ERROR' AND tag.env = 'canary' AND execution_time_ms > 1000" }),
    trace: trace(Math.floor(traces / 2), 8),
    ...(largeTraces.includes(2000) && { trace2000: trace(largeTraceIndex(2000), 2000) }),
    percentilesDay: metrics({ ...latency, ...lastDay }),
    percentilesAll: metrics({
      ...latency,
      // A bucket needs a range here.
      start_time_ms: Math.floor(oldestMs(traces, newestMs)),
      end_time_ms: Math.round(newestMs),
    }),
    counts: metrics({ ...count, dimensions: ["trace_status"] }),
    rareWordDay: search(text(RARE_WORD, inLastDay)),
    rareWordAll: search(text(RARE_WORD), Math.min(PAGE, rare.en)),
    absentWordDay: search(text(ABSENT_WORD, inLastDay), 0),
    absentWordAll: search(text(ABSENT_WORD), 0),
    commonWordAll: search(text(commonWord()), PAGE),
    zhWordAll: search(text(RARE_WORD_ZH), Math.min(PAGE, rare.zh)),
  };
}

async function deepPage(first: Query): Promise<Query> {
  const agent = keepAlive(1);
  let query = first;
  for (let page = 0; page < DEEP_PAGES; page += 1) {
    const { next_page_token: token } = await sendForJson<SearchAnswer>(agent, query.request);
    if (token === undefined) break;
    query = { ...query, request: { ...query.request, body: { ...(query.request.body as object), page_token: token } } };
  }
  agent.destroy();
  return query;
}
