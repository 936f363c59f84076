/**
 * Fills a running system with the seeded workload and checks that all of it is stored.
 */
import type { RunningSystem, Seeded, System } from "../systems/system.ts";
import { seedLargeTrace, seedTraces } from "../workload/seed.ts";
import { SPANS_PER_TRACE } from "../workload/traces.ts";

export interface SeedSystemOptions {
  readonly traces: number;
  readonly largeTraces: readonly number[];
  /** Default: now. */
  readonly newestMs?: number;
  /** Default 64. */
  readonly tracesPerRequest?: number;
}

/** How long acknowledged spans may take to become readable. */
const MAX_DRAIN_MS = 600_000;

/** @throws if not everything is stored in the end */
export async function seedSystem(
  system: System,
  running: RunningSystem,
  options: SeedSystemOptions,
): Promise<Seeded & { readonly seconds: number }> {
  const { traces, largeTraces, newestMs = Date.now(), tracesPerRequest } = options;
  const before = await running.storedSpans();
  const began = performance.now();
  const target = { ...running.otlp, dialect: system.dialect, newestMs };
  await seedTraces({ ...target, first: 0, end: traces, ...(tracesPerRequest !== undefined && { tracesPerRequest }) });
  for (const spanCount of largeTraces) await seedLargeTrace(target, spanCount);
  const expected = before + traces * SPANS_PER_TRACE + largeTraces.reduce((sum, spanCount) => sum + spanCount, 0);
  await waitForSpans(running, expected);
  return { traces, largeTraces, newestMs, seconds: (performance.now() - began) / 1000 };
}

/** Waits for spans that were acknowledged before they were readable. @throws if they do not come */
export async function waitForSpans(running: RunningSystem, expected: number): Promise<void> {
  const deadline = performance.now() + MAX_DRAIN_MS;
  let stored = await running.storedSpans();
  while (stored < expected && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    stored = await running.storedSpans();
  }
  if (stored !== expected) throw new Error(`${expected} spans were sent and acknowledged, ${stored} are stored`);
}
