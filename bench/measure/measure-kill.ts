/**
 * What is lost when all processes are killed right after traces were acknowledged.
 */
import type { RunningSystem, System } from "../systems/system.ts";
import { SPANS_PER_TRACE } from "../workload/traces.ts";
import { runLoad } from "./load.ts";
import { loadFor } from "./measure-ingest.ts";
import { killTree } from "./processes.ts";

export interface KillResult {
  readonly acknowledged: number;
  /** Acknowledged traces that are not there after the restart. */
  readonly lost: number;
  /** Traces or spans above what was acknowledged: there is nothing else they could be than doubled. */
  readonly doubledSpans: number;
  readonly restartSeconds: number;
}

/** How long spans may come back after the restart: from a journal, or a queue on disk. */
const MAX_RECOVERY_MS = 10_000;

/**
 * One round: sends traces one a request over 8 connections, kills everything at the last acknowledgement, starts again, counts.
 *
 * @returns the restarted system, still running
 */
export async function measureKill(
  system: System,
  folder: string,
  running: RunningSystem,
  traces: number,
): Promise<{ readonly running: RunningSystem; readonly result: KillResult }> {
  const tracesBefore = await running.storedTraces();
  const spansBefore = await running.storedSpans();
  const load = await runLoad({ ...loadFor(system, running, { load: "single", seconds: 120 }), maxTraces: traces });
  await killTree(running.roots);
  // Releases what belongs to this process; there is nothing left to stop.
  await running.stop();
  const began = performance.now();
  const restarted = await system.start(folder);
  const restartSeconds = (performance.now() - began) / 1000;
  const deadline = performance.now() + MAX_RECOVERY_MS;
  let stored = (await restarted.storedTraces()) - tracesBefore;
  while (stored < load.traces && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    stored = (await restarted.storedTraces()) - tracesBefore;
  }
  const storedSpans = (await restarted.storedSpans()) - spansBefore;
  // What was sent and not acknowledged may be there: it is subtracted from nothing.
  const unacknowledged = (load.refused + load.broken) * SPANS_PER_TRACE;
  return {
    running: restarted,
    result: {
      acknowledged: load.traces,
      lost: Math.max(0, load.traces - stored),
      doubledSpans: Math.max(0, storedSpans - load.spans - unacknowledged),
      restartSeconds,
    },
  };
}
