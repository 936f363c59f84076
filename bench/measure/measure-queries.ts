/**
 * A set of queries on one system, over HTTP: wall time, CPU of all its processes, size and correctness of the answers.
 */
import type { Agent } from "node:http";
import { type Query, type QueryName, queryTitles, type RunningSystem } from "../systems/system.ts";
import { type HttpAnswer, type HttpRequest, keepAlive, send } from "./http.ts";
import { cpuByName } from "./processes.ts";
import { quantile } from "./statistics.ts";

export interface QueryResult {
  readonly query: QueryName;
  readonly runs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** Of all processes, mean of the runs; what the system does in the background is in it. */
  readonly cpuMs: number;
  /** The same by program. */
  readonly cpuMsByProgram: Readonly<Record<string, number>>;
  readonly answerBytes: number;
  /** Things in the answer; absent when there was none in time. */
  readonly count?: number;
  /** Why there is no answer, or why it is wrong. */
  readonly failure?: string;
}

export interface MeasureQueriesOptions {
  /** Names; absent = all the system can answer. */
  readonly only?: readonly QueryName[];
  /** Default 40. */
  readonly maxRuns?: number;
  /** Wall time for one query, all runs together. Default 3. */
  readonly maxSeconds?: number;
  /** A query without an answer after so long is given up. Default 60. */
  readonly timeoutSeconds?: number;
  readonly onResult?: (result: QueryResult) => void;
}

/** First runs that are not counted: connections, caches and compiled code come into being. */
const WARM_UP_RUNS = 3;
const MIN_RUNS = 3;

/** Runs each query many times, one after the other on one connection. */
export async function measureQueries(
  running: RunningSystem,
  queries: Partial<Record<QueryName, Query>>,
  options: MeasureQueriesOptions = {},
): Promise<QueryResult[]> {
  const agent = keepAlive(1);
  const results: QueryResult[] = [];
  for (const name of Object.keys(queryTitles) as QueryName[]) {
    const query = queries[name];
    if (!query || (options.only && !options.only.includes(name))) continue;
    const result = await measureQuery(agent, running, name, query, options);
    results.push(result);
    options.onResult?.(result);
  }
  agent.destroy();
  return results;
}

async function measureQuery(
  agent: Agent,
  running: RunningSystem,
  name: QueryName,
  query: Query,
  { maxRuns = 40, maxSeconds = 3, timeoutSeconds = 60 }: MeasureQueriesOptions,
): Promise<QueryResult> {
  const once = () => ask(agent, query, timeoutSeconds * 1000);
  const times: number[] = [];
  const failed = (failure: string): QueryResult => ({
    query: name,
    runs: times.length,
    p50Ms: Number.NaN,
    p95Ms: Number.NaN,
    minMs: Number.NaN,
    maxMs: Number.NaN,
    cpuMs: Number.NaN,
    cpuMsByProgram: {},
    answerBytes: 0,
    failure,
  });
  let answer: Answer;
  try {
    answer = await once();
    // A query that takes seconds needs no warming up.
    for (let run = 1; run < WARM_UP_RUNS && answer.ms < 1000; run += 1) answer = await once();
  } catch (error) {
    if ((error as Error).name === "AbortError" || (error as Error).name === "TimeoutError") {
      return failed(`no answer in ${timeoutSeconds} s`);
    }
    throw error;
  }
  if (answer.failure !== undefined) return failed(answer.failure);
  const { count } = answer;
  const cpuBefore = cpuByName(running.roots);
  const began = performance.now();
  while (times.length < maxRuns && (times.length < MIN_RUNS || performance.now() - began < maxSeconds * 1000)) {
    times.push((await once()).ms);
  }
  const cpuMsByProgram = Object.fromEntries(
    [...cpuByName(running.roots)].map(([program, seconds]) => [
      program,
      ((seconds - (cpuBefore.get(program) ?? 0)) * 1000) / times.length,
    ]),
  );
  const isWrong = query.expected !== undefined && query.expected !== count;
  return {
    query: name,
    runs: times.length,
    p50Ms: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
    minMs: Math.min(...times),
    maxMs: Math.max(...times),
    cpuMs: Object.values(cpuMsByProgram).reduce((sum, ms) => sum + ms, 0),
    cpuMsByProgram,
    answerBytes: answer.bytes,
    count,
    ...(isWrong && { failure: `${count} in the answer, ${query.expected} expected` }),
  };
}

interface Answer {
  readonly ms: number;
  readonly bytes: number;
  readonly count: number;
  readonly failure?: string;
}

/** Asks, page by page where there is more than one. Reading the JSON is not in the time. */
async function ask(agent: Agent, query: Query, timeoutMs: number): Promise<Answer> {
  let ms = 0;
  let bytes = 0;
  let count = 0;
  let request: HttpRequest | undefined = query.request;
  while (request) {
    const answer: HttpAnswer = await send(agent, { ...request, timeoutMs });
    ms += answer.ms;
    bytes += answer.body.length;
    const text = answer.body.toString();
    if (answer.status !== 200) return { ms, bytes, count, failure: `HTTP ${answer.status}: ${text.slice(0, 200)}` };
    const value: unknown = JSON.parse(text);
    count += query.count(value);
    request = query.next?.(value);
  }
  return { ms, bytes, count };
}

/** One line for people. */
export function describeQuery(result: QueryResult): string {
  const title = queryTitles[result.query].padEnd(40);
  if (!Number.isFinite(result.p50Ms)) return `${title} ${result.failure}`;
  const parts = Object.entries(result.cpuMsByProgram)
    .filter(([, value]) => value >= 0.5)
    .map(([program, value]) => `${program} ${value.toFixed(1)}`);
  const ms = (value: number) => value.toFixed(1).padStart(7);
  return (
    `${title} p50${ms(result.p50Ms)} p95${ms(result.p95Ms)} min${ms(result.minMs)} CPU${ms(result.cpuMs)} ms (${parts.join(", ")}), ` +
    `${result.count} in ${(result.answerBytes / 1024).toFixed(0)} KiB, ${result.runs} runs` +
    (result.failure === undefined ? "" : `  WRONG: ${result.failure}`)
  );
}
