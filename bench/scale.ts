/**
 * How everything grows with the data: seeds 200 k, 1 M and 5 M spans through the ingest endpoint and measures at each step.
 *
 *   npm run bench -- scale --data FOLDER [--steps 200_000,1_000_000,5_000_000] [--ingest-seconds 8] [--runs 30] [--only …]
 *                          [--again] [--from source] [--json FILE]
 *
 * The data grows as a store does, by history: 167 k spans a day, so that 5 M are 30 days and the last day holds the same
 * traces at every step after the first. A step: seed, wait for merges, restart (warm start), all queries, ingest, bytes, memory.
 * FOLDER keeps the data and `scale.json` what was measured: a run that was interrupted goes on where it stopped, and steps
 * that were measured are only measured `--again`.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeIngest, type IngestResult, measureIngest } from "./measure/measure-ingest.ts";
import { describeQuery, measureQueries, type QueryResult } from "./measure/measure-queries.ts";
import {
  chosenSystems,
  circumstances,
  commonOptions,
  positive,
  printCircumstances,
  writeResults,
} from "./measure/options.ts";
import { memoryMib } from "./measure/processes.ts";
import { waitForSpans } from "./measure/seed-system.ts";
import { settle } from "./measure/settle.ts";
import { formatNumber } from "./measure/statistics.ts";
import {
  type Bytes,
  bytesOf,
  bytesPerSpan,
  type QueryName,
  queryTitles,
  type RunningSystem,
} from "./systems/system.ts";
import { seedLargeTrace, seedTraces } from "./workload/seed.ts";
import { SPANS_PER_TRACE } from "./workload/traces.ts";

const { values } = parseArgs({
  options: {
    ...commonOptions,
    data: { type: "string" },
    steps: { type: "string", default: "200_000,1_000_000,5_000_000" },
    "ingest-seconds": { type: "string", default: "8" },
    runs: { type: "string", default: "30" },
    only: { type: "string" },
    again: { type: "boolean", default: false },
  },
});
if (values.data === undefined)
  throw new Error("Say where the data is kept: --data FOLDER (5 M spans need about 5 GB).");

export interface ScaleStep {
  /** Seeded spans without the large traces and what loads added. */
  readonly seededSpans: number;
  /** All that the store counted when the queries began. */
  readonly storedSpans: number;
  readonly seedSpansPerSecond?: number;
  readonly warmStartSeconds: number;
  readonly settled: boolean;
  readonly bytesPerSpan: Bytes;
  readonly memoryMib: number;
  readonly queries: readonly QueryResult[];
  readonly ingest: readonly IngestResult[];
  readonly circumstances: Readonly<Record<string, string>>;
}

interface State {
  /** Start of the newest trace; fixed at the first run. */
  readonly newestMs: number;
  /** Traces below this number are acknowledged. */
  seededTraces: number;
  readonly largeTraces: number[];
  readonly steps: Record<string, ScaleStep>;
}

const folder = values.data;
mkdirSync(folder, { recursive: true });
const stateFile = join(folder, "scale.json");
const state: State = existsSync(stateFile)
  ? (JSON.parse(readFileSync(stateFile, "utf8")) as State) // written by save()
  : { newestMs: Date.now(), seededTraces: 0, largeTraces: [], steps: {} };
const steps = values.steps.split(",").map((step) => positive("steps", step));
const only = values.only?.split(",") as QueryName[] | undefined;
const LARGE_TRACES = [2000, 10_000, 50_000];
/** Merges of 5 M spans take minutes; what is not done by then is said. */
const MAX_SETTLE_SECONDS = 300;

const [system] = chosenSystems({ from: values.from, peers: "" });
if (!system) throw new Error("there is no system");
printCircumstances();
await system.prepare();
let running = await system.start(folder);
try {
  const bytesEmpty = await emptyBytes(running);
  for (const step of steps) {
    if (state.steps[step] && !values.again) {
      process.stdout.write(`\n${formatNumber(step)} spans: measured before (--again measures anew)\n`);
      continue;
    }
    process.stdout.write(`\n${formatNumber(step)} spans\n`);
    const seedSpansPerSecond = await seedUpTo(Math.round(step / SPANS_PER_TRACE));
    const settled = await settle(running.roots, MAX_SETTLE_SECONDS);
    await running.stop();
    const began = performance.now();
    running = await system.start(folder);
    const warmStartSeconds = (performance.now() - began) / 1000;
    const storedSpans = await running.storedSpans();
    const perSpan = bytesPerSpan(bytesEmpty, await bytesOf(running), storedSpans);
    process.stdout.write(
      `  ${formatNumber(storedSpans)} stored, seeded at ${formatNumber(seedSpansPerSecond ?? Number.NaN)} spans/s, ` +
        `${perSpan.live.toFixed(0)} bytes/span (${perSpan.all.toFixed(0)} on the disk), warm start ${warmStartSeconds.toFixed(2)} s, ` +
        `${settled ? "idle" : "still merging"} before the queries\n`,
    );
    await settle(running.roots, 60);
    const queries = await measureQueries(running, await running.queries(seeded()), {
      ...(only && { only }),
      maxRuns: positive("runs", values.runs),
      onResult: (result) => process.stdout.write(`  ${describeQuery(result)}\n`),
    });
    const memory = memoryMib(running.roots);
    const ingest: IngestResult[] = [];
    for (const load of ["bulk", "single"] as const) {
      const result = await measureIngest(system, running, {
        load,
        seconds: positive("ingest-seconds", values["ingest-seconds"]),
      });
      process.stdout.write(`  ${describeIngest(result)}\n`);
      ingest.push(result);
    }
    state.steps[step] = {
      seededSpans: step,
      storedSpans,
      ...(seedSpansPerSecond !== undefined && { seedSpansPerSecond }),
      warmStartSeconds,
      settled,
      bytesPerSpan: perSpan,
      memoryMib: memory,
      queries,
      ingest,
      circumstances: circumstances(),
    };
    save();
  }
} finally {
  await running.stop();
}
printGrowth(steps.flatMap((step) => state.steps[step] ?? []));
writeResults(
  values.json,
  "scale",
  steps.map((step) => state.steps[step]),
);

function seeded() {
  return { traces: state.seededTraces, newestMs: state.newestMs, largeTraces: state.largeTraces };
}

/** Spans a second; undefined when all were there already. */
async function seedUpTo(traces: number): Promise<number | undefined> {
  if (traces < state.seededTraces) {
    throw new Error(`${folder} holds ${state.seededTraces} traces already, more than this step: name another folder.`);
  }
  const first = state.seededTraces;
  const before = await running.storedSpans();
  const target = { ...running.otlp, dialect: "mlflow", newestMs: state.newestMs } as const;
  const began = performance.now();
  let saved = began;
  await seedTraces({
    ...target,
    first,
    end: traces,
    onProgress: (done) => {
      state.seededTraces = done;
      if (performance.now() - saved < 5000) return;
      saved = performance.now();
      save();
      process.stdout.write(`  seeding: ${formatNumber(done * SPANS_PER_TRACE)} spans\n`);
    },
  });
  const seconds = (performance.now() - began) / 1000;
  for (const spanCount of LARGE_TRACES) {
    if (state.largeTraces.includes(spanCount)) continue;
    await seedLargeTrace(target, spanCount);
    state.largeTraces.push(spanCount);
  }
  save();
  if (traces === first) return undefined;
  // An interrupted run sent some traces that it did not note: they were stored once, so at most that many are missing here.
  const sent = (traces - first) * SPANS_PER_TRACE;
  if (first === 0 && before === 0) {
    await waitForSpans(running, sent + state.largeTraces.reduce((sum, spanCount) => sum + spanCount, 0));
  }
  return sent / seconds;
}

/** Bytes of the data directory before the first span; noted once. */
async function emptyBytes(system: RunningSystem): Promise<Bytes> {
  const file = join(folder, "empty-bytes.json");
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(await bytesOf(system)));
  return JSON.parse(readFileSync(file, "utf8")) as Bytes; // written by the line above
}

/** Written beside and moved, so that an interruption leaves the old or the new state. */
function save(): void {
  writeFileSync(`${stateFile}.new`, JSON.stringify(state, undefined, 2));
  renameSync(`${stateFile}.new`, stateFile);
}

function printGrowth(measured: readonly ScaleStep[]): void {
  const [first] = measured;
  const last = measured.at(-1);
  if (!first || !last || first === last) return;
  const head = [
    "",
    ...measured.map((step) => `${formatNumber(step.seededSpans)} spans`),
    "growth p50",
    "growth CPU",
    "answer",
  ];
  const rows = (Object.keys(queryTitles) as QueryName[]).flatMap((name) => {
    const results = measured.map(({ queries }) => queries.find(({ query }) => query === name));
    const [from] = results;
    const to = results.at(-1);
    if (!from || !to) return [];
    const cell = (result: QueryResult | undefined) =>
      result === undefined ? "" : `${formatNumber(result.p50Ms)} (${formatNumber(result.cpuMs)})`;
    const answer = from.count === to.count ? `${to.count}` : `${from.count} to ${to.count}`;
    const growth = [to.p50Ms / from.p50Ms, to.cpuMs / from.cpuMs].map((factor) => `${formatNumber(factor)} x`);
    return [[queryTitles[name], ...results.map(cell), ...growth, to.failure ?? answer]];
  });
  const row = (title: string, pick: (step: ScaleStep) => number) => {
    const growth = `${formatNumber(pick(last) / pick(first))} x`;
    return [title, ...measured.map((step) => formatNumber(pick(step))), growth, "", ""];
  };
  const ingest = (step: ScaleStep, load: string) => step.ingest.find((result) => result.load === load);
  const more = [
    row("512 spans a request, spans/s", (step) => ingest(step, "bulk")?.storedSpansPerSecond ?? Number.NaN),
    row("512 spans a request, CPU µs/span", (step) => ingest(step, "bulk")?.cpuMicrosPerSpan ?? Number.NaN),
    row("1 trace a request, spans/s", (step) => ingest(step, "single")?.storedSpansPerSecond ?? Number.NaN),
    row("1 trace a request, CPU µs/span", (step) => ingest(step, "single")?.cpuMicrosPerSpan ?? Number.NaN),
    row("1 trace a request, p99 ms", (step) => ingest(step, "single")?.ackP99Ms ?? Number.NaN),
    row("warm start, s", (step) => step.warmStartSeconds),
    row("bytes a span", (step) => step.bytesPerSpan.live),
    row("memory after the queries, MiB", (step) => step.memoryMib),
  ];
  process.stdout.write("\np50 ms (CPU ms of all processes)\n\n");
  for (const [index, cells] of [head, ...rows, ...more].entries()) {
    process.stdout.write(`| ${cells.join(" | ")} |\n`);
    if (index === 0) process.stdout.write(`|${cells.map(() => "---|").join("")}\n`);
  }
}
