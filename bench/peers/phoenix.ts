/**
 * Arize Phoenix on SQLite as `phoenix serve` starts it, asked by its GraphQL and REST APIs.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type HttpRequest, keepAlive, sendForJson } from "../measure/http.ts";
import { folderBytes, freePort, startProgram } from "../systems/processes.ts";
import type { Query, QueryName, RunningSystem, Seeded, System } from "../systems/system.ts";
import { ABSENT_WORD, commonWord, RARE_WORD, RARE_WORD_ZH } from "../workload/text.ts";
import { largeTraceIndex, oldestMs, rareTraces, traceIdOf } from "../workload/traces.ts";
import { ensurePython } from "./python-environment.ts";

const VERSION = "20.26.1";
const REQUIREMENTS = [`arize-phoenix==${VERSION}`];
/** Where spans go that name no project. */
const PROJECT = "default";
const PAGE = 50;
const DAY_MS = 86_400_000;

export function phoenix(): System {
  return {
    name: "phoenix",
    title: `Phoenix ${VERSION}, SQLite`,
    dialect: "openinference",
    prepare: async () => void ensurePython(`phoenix-${VERSION}`, REQUIREMENTS),
    start,
  };
}

async function start(folder: string): Promise<RunningSystem> {
  const bin = ensurePython(`phoenix-${VERSION}`, REQUIREMENTS);
  const dataDir = join(folder, "data");
  mkdirSync(dataDir, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const agent = keepAlive(2);
  const program = await startProgram({
    command: join(bin, "phoenix"),
    args: ["serve"],
    cwd: folder,
    env: {
      PHOENIX_HOST: "127.0.0.1",
      PHOENIX_PORT: String(port),
      PHOENIX_GRPC_PORT: String(await freePort()),
      PHOENIX_WORKING_DIR: dataDir,
      // Nothing is sent to Phoenix's makers while it is measured.
      PHOENIX_TELEMETRY_ENABLED: "false",
      PHOENIX_ALLOW_EXTERNAL_RESOURCES: "false",
    },
    logFile: join(folder, "server.log"),
    isReady: async () => (await fetch(`${url}/v1/projects?limit=1`)).ok,
    timeoutMs: 120_000,
  });
  const project = async () => {
    const { data } = await sendForJson<{ data: { id: string } }>(agent, {
      method: "GET",
      url: `${url}/v1/projects/${PROJECT}`,
    });
    return data.id;
  };
  const id = await project();
  const numberOf = async (field: string) => {
    const answer = await sendForJson<GraphqlAnswer>(agent, graphql(url, id, field));
    return Number(nodeOf(answer)[field]);
  };
  return {
    url,
    roots: [program.pid],
    otlp: { url: `${url}/v1/traces`, headers: {} },
    storedSpans: () => numberOf("recordCount"),
    storedTraces: () => numberOf("traceCount"),
    queries: (seeded) => queries(url, id, seeded),
    bytesOnDisk: async () => folderBytes(dataDir),
    stop: async () => {
      agent.destroy();
      await program.stop(10_000);
    },
  };
}

interface GraphqlAnswer {
  readonly data: { readonly node: Readonly<Record<string, unknown>> } | null;
  readonly errors?: readonly { readonly message: string }[];
}
interface Connection {
  readonly edges: readonly unknown[];
  readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
}

function graphql(url: string, projectId: string, selection: string) {
  return {
    method: "POST",
    url: `${url}/graphql`,
    body: {
      query: `query Bench($id: ID!) { node(id: $id) { ... on Project { ${selection} } } }`,
      variables: { id: projectId },
    },
  } as const;
}

/** GraphQL answers 200 to errors too. */
function nodeOf(answer: GraphqlAnswer): Readonly<Record<string, unknown>> {
  if (answer.errors || !answer.data)
    throw new Error(`GraphQL: ${answer.errors?.map(({ message }) => message).join("; ")}`);
  return answer.data.node;
}

/** The columns of Phoenix's own list of root spans. */
const columns = `edges { node { spanId name spanKind statusCode startTime latencyMs tokenCountTotal
  input { truncatedValue } output { truncatedValue } trace { traceId } metadata } } pageInfo { endCursor hasNextPage }`;

async function queries(url: string, id: string, seeded: Seeded): Promise<Partial<Record<QueryName, Query>>> {
  const { newestMs, traces, largeTraces } = seeded;
  const rare = rareTraces(traces);
  const range = (from: number, to: number) =>
    `timeRange: { start: "${new Date(from).toISOString()}", end: "${new Date(to).toISOString()}" }`;
  const lastDay = range(newestMs - DAY_MS, newestMs + 1);
  const allTime = range(oldestMs(traces, newestMs), newestMs + 1);
  const ask = (selection: string, count: Query["count"], expected?: number): Query => ({
    request: graphql(url, id, selection),
    count: (answer) => count(nodeOf(answer as GraphqlAnswer)),
    ...(expected !== undefined && { expected }),
  });
  const connection = (node: unknown) => (node as { spans: Connection }).spans;
  /** Filters on roots count traces; text is in any span. */
  const spans = (options: { condition?: string; more?: string; anySpan?: boolean }, expected?: number) => {
    const condition = [options.condition, options.anySpan ? undefined : "parent_id is None"]
      .filter(Boolean)
      .join(" and ");
    const filter = condition === "" ? "" : `filterCondition: ${JSON.stringify(condition)},`;
    return ask(
      `spans(first: ${PAGE}, ${filter} ${options.more ?? ""} sort: { col: startTime, dir: desc }) { ${columns} }`,
      (node) => connection(node).edges.length,
      expected,
    );
  };
  const text = (word: string, more?: string, expected?: number) =>
    spans(
      {
        condition: `('${word}' in input.value or '${word}' in output.value)`,
        anySpan: true,
        ...(more !== undefined && { more: `${more},` }),
      },
      expected,
    );
  const trace = (index: number, expected: number): Query => {
    // At most 1,000 spans a page.
    const page = (more: string): HttpRequest => ({
      method: "GET",
      url: `${url}/v1/projects/${PROJECT}/spans?trace_id=${traceIdOf(index).toString("hex")}&limit=1000${more}`,
    });
    return {
      request: page(""),
      next: (answer) => {
        const { next_cursor: cursor } = answer as { next_cursor: string | null };
        return cursor === null ? undefined : page(`&cursor=${encodeURIComponent(cursor)}`);
      },
      count: (answer) => (answer as { data: [] }).data.length,
      expected,
    };
  };
  const byHour = (when: string) =>
    ask(
      `traceLatencyMsPercentileTimeSeries(${when}, timeBinConfig: { scale: HOUR, utcOffsetMinutes: 0 }) { data { timestamp p50 p90 p99 } }`,
      (node) =>
        (node as { traceLatencyMsPercentileTimeSeries: { data: [] } }).traceLatencyMsPercentileTimeSeries.data.length,
    );
  return {
    newest: spans({}, Math.min(PAGE, traces)),
    tag: spans({ condition: "metadata['env'] == 'canary'" }),
    rareTag: spans({ condition: "metadata['severity'] == 'page'" }),
    status: spans({ condition: "status_code == 'ERROR'" }),
    combined: spans({ condition: "status_code == 'ERROR' and metadata['env'] == 'canary' and latency_ms > 1000" }),
    trace: trace(Math.floor(traces / 2), 8),
    ...(largeTraces.includes(2000) && { trace2000: trace(largeTraceIndex(2000), 2000) }),
    percentilesDay: byHour(lastDay),
    percentilesAll: byHour(allTime),
    counts: ask("traceCount recordCount", () => 2),
    sessions: ask(
      `sessions(first: ${PAGE}, sort: { col: startTime, dir: desc }) { edges { node { sessionId numTraces startTime endTime } } pageInfo { endCursor hasNextPage } }`,
      (node) => (node as { sessions: Connection }).sessions.edges.length,
    ),
    rareWordDay: text(RARE_WORD, lastDay),
    rareWordAll: text(RARE_WORD, undefined, Math.min(PAGE, rare.en)),
    absentWordDay: text(ABSENT_WORD, lastDay, 0),
    absentWordAll: text(ABSENT_WORD, undefined, 0),
    commonWordAll: text(commonWord(), undefined, PAGE),
    zhWordAll: text(RARE_WORD_ZH, undefined, Math.min(PAGE, rare.zh)),
  };
}
