/**
 * Seconds from the start of a system's processes to its first answer that needed the store.
 */
import type { RunningSystem, System } from "../systems/system.ts";

/** Starts the system and takes the time. */
async function timedStart(
  system: System,
  folder: string,
): Promise<{ readonly running: RunningSystem; readonly seconds: number }> {
  const began = performance.now();
  const running = await system.start(folder);
  return { running, seconds: (performance.now() - began) / 1000 };
}

/**
 * Stops and starts a running system `runs` times on its data.
 *
 * @returns the last start's system, still running
 */
export async function measureWarmStarts(
  system: System,
  folder: string,
  first: RunningSystem,
  runs: number,
): Promise<{ readonly running: RunningSystem; readonly seconds: readonly number[] }> {
  let running = first;
  const seconds: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    await running.stop();
    const started = await timedStart(system, folder);
    running = started.running;
    seconds.push(started.seconds);
  }
  return { running, seconds };
}
