/**
 * One ingest load on one system: spans a second that are stored, CPU for each, time to the acknowledgement, memory.
 */
import type { RunningSystem, System } from "../systems/system.ts";
import { ackMs, type Load, type LoadResult, runLoad } from "./load.ts";
import { cpuByName, memoryMib } from "./processes.ts";

/** Loads of the table in performance.md's first lines. */
export const ingestLoads = {
  bulk: { title: "512 spans a request", tracesPerRequest: 64, gzip: false },
  single: { title: "1 trace a request", tracesPerRequest: 1, gzip: false },
  singleGzip: { title: "1 trace a request, gzip", tracesPerRequest: 1, gzip: true },
} as const;
export type IngestLoad = keyof typeof ingestLoads;

export interface IngestResult {
  readonly load: IngestLoad;
  readonly seconds: number;
  readonly acknowledgedSpans: number;
  /** Counted by the system afterwards, minus what was there before. */
  readonly storedSpans: number;
  /** Stored spans by the time until they were all readable (or the drain limit was over). */
  readonly storedSpansPerSecond: number;
  /** How long after the last acknowledgement spans still became readable. */
  readonly drainSeconds: number;
  readonly refusedRequests: number;
  readonly brokenRequests: number;
  /** All processes of the system, from the first request until everything was stored, by stored span. */
  readonly cpuMicrosPerSpan: number;
  /** The same by program. */
  readonly cpuMicrosByProgram: Readonly<Record<string, number>>;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly ackMaxMs: number;
  /** PSS of all processes right after the load. */
  readonly memoryMib: number;
  readonly kibPerRequest: number;
  /** Of the process that sends; its share of a core. Near 1 it, not the system, is the limit. */
  readonly clientCores: number;
}

export interface MeasureIngestOptions {
  readonly load: IngestLoad;
  readonly seconds: number;
  readonly connections?: number;
  /** Ends the load after so many traces. */
  readonly maxTraces?: number;
  /** How long to wait for spans that were acknowledged before they were stored. Default 60. */
  readonly maxDrainSeconds?: number;
}

/** Closed-loop connections, as in performance.md. */
const CONNECTIONS = 8;
const DRAIN_POLL_MS = 500;
/** Phoenix stores a request of 512 spans at once, after some seconds. */
const NO_GROWTH_MS = 30_000;

/** What to send where. */
export function loadFor(
  system: System,
  running: RunningSystem,
  options: Pick<MeasureIngestOptions, "load" | "seconds" | "connections" | "maxTraces">,
): Load {
  const { tracesPerRequest, gzip } = ingestLoads[options.load];
  return {
    ...running.otlp,
    dialect: system.dialect,
    tracesPerRequest,
    gzip,
    connections: options.connections ?? CONNECTIONS,
    seconds: options.seconds,
    ...(options.maxTraces !== undefined && { maxTraces: options.maxTraces }),
  };
}

/** Runs the load and counts what is stored afterwards. */
export async function measureIngest(
  system: System,
  running: RunningSystem,
  options: MeasureIngestOptions,
): Promise<IngestResult> {
  const before = await running.storedSpans();
  const cpuBefore = cpuByName(running.roots);
  const result = await runLoad(loadFor(system, running, options));
  const mib = memoryMib(running.roots);
  const { stored, seconds: drainSeconds } = await drain(running, before, result, options.maxDrainSeconds ?? 60);
  const cpuAfter = cpuByName(running.roots);
  const micros = Object.fromEntries(
    [...cpuAfter].map(([name, used]) => [name, ((used - (cpuBefore.get(name) ?? 0)) * 1e6) / stored]),
  );
  return {
    load: options.load,
    seconds: result.seconds,
    acknowledgedSpans: result.spans,
    storedSpans: stored,
    storedSpansPerSecond: stored / (result.seconds + drainSeconds),
    drainSeconds,
    refusedRequests: result.refused,
    brokenRequests: result.broken,
    cpuMicrosPerSpan: Object.values(micros).reduce((sum, value) => sum + value, 0),
    cpuMicrosByProgram: micros,
    ackP50Ms: ackMs(result, 0.5),
    ackP99Ms: ackMs(result, 0.99),
    ackMaxMs: ackMs(result, 1),
    memoryMib: mib,
    kibPerRequest: result.bytesPerRequest / 1024,
    clientCores: result.clientCpuSeconds / result.seconds,
  };
}

/** Waits until what was acknowledged is stored, or no more comes, or the limit is over. The first look counts as no wait. */
async function drain(
  running: RunningSystem,
  before: number,
  { spans }: LoadResult,
  maxSeconds: number,
): Promise<{ stored: number; seconds: number }> {
  const began = performance.now();
  let stored = (await running.storedSpans()) - before;
  let grewAt = 0;
  let lastGrowth = began;
  while (stored < spans && performance.now() - began < maxSeconds * 1000) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    const now = (await running.storedSpans()) - before;
    if (now > stored) {
      lastGrowth = performance.now();
      grewAt = (lastGrowth - began) / 1000;
    } else if (performance.now() - lastGrowth > NO_GROWTH_MS) break; // nothing more comes: lost, or refused behind the answer
    stored = now;
  }
  return { stored, seconds: grewAt };
}

/** `15.2k spans/s, CPU 61 µs/span (…), …`: one line for people. */
export function describeIngest(result: IngestResult): string {
  const parts = Object.entries(result.cpuMicrosByProgram)
    .filter(([, micros]) => micros >= 0.5)
    .map(([name, micros]) => `${name} ${micros.toFixed(1)}`);
  return (
    `${ingestLoads[result.load].title} (${result.kibPerRequest.toFixed(0)} KiB): ` +
    `${Math.round(result.storedSpansPerSecond)} stored spans/s, CPU ${result.cpuMicrosPerSpan.toFixed(1)} µs/span ` +
    `(${parts.join(", ")}), acknowledged p50 ${result.ackP50Ms.toFixed(1)} p99 ${result.ackP99Ms.toFixed(1)} ms, ` +
    `acknowledged ${result.acknowledgedSpans}, stored ${result.storedSpans}, refused requests ${result.refusedRequests}, ` +
    `drained in ${result.drainSeconds.toFixed(1)} s, memory ${Math.round(result.memoryMib)} MiB, ` +
    `client ${result.clientCores.toFixed(2)} cores`
  );
}
