/**
 * Text search and ingest at the same time: how each slows the other.
 */
import type { Query, QueryName, RunningSystem, System } from "../systems/system.ts";
import { keepAlive, send } from "./http.ts";
import { type LoadResult, startLoad } from "./load.ts";
import { loadFor } from "./measure-ingest.ts";
import { measureQueries, type QueryResult } from "./measure-queries.ts";
import { median } from "./statistics.ts";

export interface SearchUnderLoad {
  /** Spans a second that a closed loop of 512-span requests gets alone, before and after; and while searches run. */
  readonly spansPerSecondAlone: number;
  readonly spansPerSecondWithSearches: number;
  /** The second by the first. */
  readonly ingestRatio: number;
  /** Of the searches while that closed loop takes all CPU there is. */
  readonly p50MsUnderFullLoad: number;
  readonly searchesUnderFullLoad: number;
  /** Each query while spans come at a steady pace. */
  readonly pacedSpansPerSecond: number;
  readonly paced: readonly QueryResult[];
}

export interface SearchUnderLoadOptions {
  /** Of each of the four loads. */
  readonly seconds: number;
  /** Spans a second of the steady load. */
  readonly pace: number;
}

/** Searches a second while the closed loop runs: one person who types. */
const SEARCHES_PER_SECOND = 2;

/** Measures ingest alone, with searches, alone again, then searches at a steady pace of ingest. */
export async function measureSearchUnderLoad(
  system: System,
  running: RunningSystem,
  queries: Partial<Record<QueryName, Query>>,
  { seconds, pace }: SearchUnderLoadOptions,
): Promise<SearchUnderLoad> {
  const load = loadFor(system, running, { load: "bulk", seconds });
  const rate = (result: LoadResult) => result.spans / result.seconds;
  const before = await (await startLoad(load)).result;
  const loaded = await startLoad(load);
  const waits = await searchUntil(loaded.result, Object.values(queries));
  const during = await loaded.result;
  const after = await (await startLoad(load)).result;
  const spansPerSecondAlone = (rate(before) + rate(after)) / 2;
  const steady = await startLoad({
    ...loadFor(system, running, { load: "single", seconds: 600 }),
    pace,
  });
  const paced = await measureQueries(running, queries, { maxSeconds: seconds / Object.keys(queries).length });
  steady.stop();
  const pacedResult = await steady.result;
  return {
    spansPerSecondAlone,
    spansPerSecondWithSearches: rate(during),
    ingestRatio: rate(during) / spansPerSecondAlone,
    p50MsUnderFullLoad: median(waits),
    searchesUnderFullLoad: waits.length,
    pacedSpansPerSecond: rate(pacedResult),
    paced,
  };
}

/** Asks the queries in turn until the load is over; returns the times of the answers. */
async function searchUntil(over: Promise<unknown>, queries: readonly Query[]): Promise<number[]> {
  let isOver = false;
  void over.finally(() => {
    isOver = true;
  });
  const agent = keepAlive(1);
  const waits: number[] = [];
  for (let turn = 0; !isOver; turn += 1) {
    const { request } = queries[turn % queries.length] as Query;
    const { status, ms } = await send(agent, { ...request, timeoutMs: 60_000 });
    if (status !== 200) throw new Error(`${request.url} answered ${status} while spans came in`);
    waits.push(ms);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1000 / SEARCHES_PER_SECOND - ms)));
  }
  agent.destroy();
  return waits;
}
