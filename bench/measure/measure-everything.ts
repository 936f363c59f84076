/**
 * Everything the comparison table needs of one system, in one start to end run.
 */
import type { RunningSystem, System } from "../systems/system.ts";
import { type Bytes, bytesOf, bytesPerSpan, queriesNamed, textQueries } from "../systems/system.ts";
import { SPANS_PER_TRACE } from "../workload/traces.ts";
import type { Place } from "./each-system.ts";
import { describeIngest, type IngestResult, measureIngest } from "./measure-ingest.ts";
import { type KillResult, measureKill } from "./measure-kill.ts";
import { describeQuery, measureQueries, type QueryResult } from "./measure-queries.ts";
import { measureSearchUnderLoad, type SearchUnderLoad } from "./measure-search.ts";
import { measureWarmStarts } from "./measure-start.ts";
import { withMemoryPeak } from "./memory-sampler.ts";
import { circumstances } from "./options.ts";
import { memoryMib } from "./processes.ts";
import { seedSystem } from "./seed-system.ts";
import { settle } from "./settle.ts";

/** How much of everything; peers get less, they are slower. */
export interface Effort {
  readonly seedSpans: number;
  readonly ingestSeconds: number;
  readonly ingestRounds: number;
  /** Of one load; absent = as many as come in the time. For a system that accepts more than it can store for minutes. */
  readonly ingestMaxTraces?: number;
  readonly warmStarts: number;
  readonly killRounds: number;
  /** Runs of a query and seconds for all runs of it. */
  readonly queryRuns: number;
  readonly querySeconds: number;
  /** Each of the loads beside which text is searched; absent = not measured. */
  readonly searchSeconds?: number;
}

export interface SystemResult {
  readonly title: string;
  readonly circumstances: Readonly<Record<string, string>>;
  readonly freshStartSeconds: number;
  readonly warmStartSeconds: readonly number[];
  readonly idleMib: number;
  /** Peak while the ingest loads ran. */
  readonly loadedMib: number;
  readonly emptyBytes: Bytes;
  readonly bytesPerSpan: Bytes;
  /** In the store when the queries ran. */
  readonly querySpans: number;
  readonly seedSpansPerSecond: number;
  readonly queries: readonly QueryResult[];
  readonly ingest: readonly IngestResult[];
  readonly searchUnderLoad?: SearchUnderLoad;
  readonly kill: readonly KillResult[];
  readonly minutes: number;
}

const KILL_TRACES = 300;
/** Spans a second that arrive while text is searched at a steady pace. */
const PACE = 2000;

/** Start, idle memory, seed, size, queries, text, warm starts, ingest, search beside ingest, kill -9. */
export async function measureEverything(place: Place, effort: Effort): Promise<SystemResult> {
  const { system, isPeer, folder, keep } = place;
  const began = performance.now();
  const say = (text: string) => process.stdout.write(`  ${text}\n`);
  let running = await place.start();
  const freshStartSeconds = (performance.now() - began) / 1000;
  await settle(running.roots, 60);
  const idleMib = memoryMib(running.roots);
  const emptyBytes = await bytesOf(running);
  say(`fresh start ${freshStartSeconds.toFixed(2)} s, idle ${idleMib.toFixed(0)} MiB`);

  const seeded = await seedSystem(system, running, {
    traces: Math.round(effort.seedSpans / SPANS_PER_TRACE),
    largeTraces: isPeer ? [2000] : [2000, 10_000, 50_000],
  });
  await settle(running.roots, 60);
  const querySpans = await running.storedSpans();
  const seedSpansPerSecond = querySpans / seeded.seconds;
  const perSpan = bytesPerSpan(emptyBytes, await bytesOf(running), querySpans);
  say(
    `${querySpans} spans seeded at ${seedSpansPerSecond.toFixed(0)} spans/s, ${perSpan.live.toFixed(0)} bytes/span (${perSpan.all.toFixed(0)} with files that wait for removal)`,
  );

  const queries = await running.queries(seeded);
  // Peers search all time only: their two seconds to a minute for a search are told by one number each.
  const texts = queriesNamed(queries, isPeer ? ["rareWordAll", "absentWordAll"] : textQueries);
  const others = Object.fromEntries(
    Object.entries(queries).filter(([name]) => !(textQueries as readonly string[]).includes(name)),
  );
  const options = {
    maxRuns: effort.queryRuns,
    maxSeconds: effort.querySeconds,
    onResult: (result: QueryResult) => say(describeQuery(result)),
  };
  // Text last: a search that is given up may go on in a peer's workers.
  const results = [
    ...(await measureQueries(running, others, options)),
    ...(await measureQueries(running, texts, options)),
  ];

  const warm = await measureWarmStarts(system, folder, running, effort.warmStarts);
  running = warm.running;
  keep(running);
  say(`warm starts ${warm.seconds.map((seconds) => seconds.toFixed(2)).join(", ")} s`);
  await settle(running.roots, 60);

  const { value: ingest, peakMib } = await withMemoryPeak(running.roots, () => ingestRounds(system, running, effort));
  for (const result of ingest) say(describeIngest(result));
  say(`peak memory ${peakMib.toFixed(0)} MiB`);

  const answered = (["rareWordAll", "absentWordAll"] as const).filter((name) =>
    results.some(({ query, failure }) => query === name && failure === undefined),
  );
  const searchUnderLoad =
    effort.searchSeconds !== undefined && answered.length > 0
      ? // Asked anew: the restarted system listens elsewhere.
        await measureSearchUnderLoad(system, running, queriesNamed(await running.queries(seeded), answered), {
          seconds: effort.searchSeconds,
          pace: PACE,
        })
      : undefined;
  if (searchUnderLoad) {
    say(`ingest beside searches ${(searchUnderLoad.ingestRatio * 100).toFixed(0)} % of alone`);
    for (const result of searchUnderLoad.paced) say(`beside ${PACE} spans/s: ${describeQuery(result)}`);
  }

  const kill: KillResult[] = [];
  for (let round = 0; round < effort.killRounds; round += 1) {
    const killed = await measureKill(system, folder, running, KILL_TRACES);
    running = killed.running;
    keep(running);
    kill.push(killed.result);
  }
  say(
    `kill -9: ${kill.length} rounds, lost ${kill.reduce((sum, { lost }) => sum + lost, 0)} of ` +
      `${kill.reduce((sum, { acknowledged }) => sum + acknowledged, 0)} acknowledged traces`,
  );
  return {
    title: system.title,
    circumstances: circumstances(),
    freshStartSeconds,
    warmStartSeconds: warm.seconds,
    idleMib,
    loadedMib: peakMib,
    emptyBytes,
    bytesPerSpan: perSpan,
    querySpans,
    seedSpansPerSecond,
    queries: results,
    ingest,
    ...(searchUnderLoad && { searchUnderLoad }),
    kill,
    minutes: (performance.now() - began) / 60_000,
  };
}

async function ingestRounds(system: System, running: RunningSystem, effort: Effort): Promise<IngestResult[]> {
  const results: IngestResult[] = [];
  for (let round = 0; round < effort.ingestRounds; round += 1) {
    for (const load of ["bulk", "single"] as const) {
      const { ingestSeconds: seconds, ingestMaxTraces: maxTraces } = effort;
      results.push(
        await measureIngest(system, running, {
          load,
          seconds,
          maxDrainSeconds: 150,
          ...(maxTraces !== undefined && { maxTraces }),
        }),
      );
    }
  }
  return results;
}
