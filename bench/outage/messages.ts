/**
 * What the measured program and the benchmark say to each other.
 */
import type { Stats } from "@sightline/sdk";

/** `end`: the load stops, what waits is sent, and the numbers are told. */
export type Phase = "before" | "outage" | "after" | "end";

/** What users of the program met in a phase. */
export interface PhaseResult {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The longest that the event loop was held up. */
  readonly loopMaxMs: number;
  readonly maxQueuedBytes: number;
  readonly maxRssBytes: number;
}

export interface ProgramResult {
  readonly phases: Readonly<Partial<Record<Phase, PhaseResult>>>;
  readonly stats: Stats;
  /** Whether everything was sent within a minute. */
  readonly isDelivered: boolean;
}
