/**
 * Waiting until a system has nothing left to do: merges, checkpoints, queues.
 */
import { cpuSeconds } from "./processes.ts";

/** Less than this share of a core is idle: timers and health checks. */
const IDLE_CORES = 0.06;
const LOOK_EVERY_MS = 1000;
const QUIET_LOOKS = 4;

/**
 * Resolves when all processes below `roots` were idle for four seconds in a row, or after `maxSeconds`.
 *
 * @returns whether they became idle
 */
export async function settle(roots: readonly number[], maxSeconds: number): Promise<boolean> {
  const began = performance.now();
  let quiet = 0;
  let last = cpuSeconds(roots);
  let lastAt = began;
  while (quiet < QUIET_LOOKS) {
    if (performance.now() - began > maxSeconds * 1000) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    const now = cpuSeconds(roots);
    const at = performance.now();
    quiet = (now - last) / ((at - lastAt) / 1000) < IDLE_CORES ? quiet + 1 : 0;
    last = now;
    lastAt = at;
  }
  return true;
}
