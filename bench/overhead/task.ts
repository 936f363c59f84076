/**
 * What the benchmark and its processes say to each other.
 */
import type { PayloadName } from "./payloads.ts";
import type { Accounts } from "./tracer.ts";
import type { VariantName } from "./variants.ts";

/** One measurement: its argument to the process that makes the calls. */
export interface Task {
  readonly variant: VariantName;
  readonly payload: PayloadName;
  /** Where the spans go. */
  readonly url: string;
  /** Folder with the packages of a peer. */
  readonly folder: string | undefined;
  readonly calls: number;
  readonly warmCalls: number;
  /** Whether the server takes spans: everything is delivered before the CPU is read. */
  readonly isUp: boolean;
}

export interface TaskResult {
  /** Milliseconds of each measured call. */
  readonly callMs: readonly number[];
  /** The longest hold of the event loop outside of the calls, from the first call until everything was delivered. */
  readonly longestHoldMs: number;
  readonly holdsAbove20Ms: number;
  /** CPU of the whole process for the measured calls, until everything was delivered. */
  readonly cpuMs: number;
  /** The most memory that the process ever had. */
  readonly peakMib: number;
  /** All calls, those that warmed up included. */
  readonly calls: number;
  readonly accounts: Accounts | undefined;
}

/** What the receiver tells when it listens. */
export interface ReceiverReady {
  readonly port: number;
}

/** What the receiver tells when it is asked with "count": spans since it was asked last. */
export interface ReceiverCount {
  readonly spans: number;
  readonly requests: number;
  readonly bytes: number;
}
