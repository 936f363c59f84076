/**
 * The most memory that a system's processes had while something ran.
 */
import { memoryMib } from "./processes.ts";

/** Looking costs a few milliseconds: the kernel walks the page tables. */
const EVERY_MS = 500;

/** Runs `work` and returns its result with the peak, PSS of all processes in MiB. */
export async function withMemoryPeak<T>(
  roots: readonly number[],
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly peakMib: number }> {
  let peakMib = memoryMib(roots);
  const timer = setInterval(() => {
    peakMib = Math.max(peakMib, memoryMib(roots));
  }, EVERY_MS);
  try {
    const value = await work();
    return { value, peakMib: Math.max(peakMib, memoryMib(roots)) };
  } finally {
    clearInterval(timer);
  }
}
