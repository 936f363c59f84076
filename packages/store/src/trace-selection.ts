/**
 * Which traces a call to the telemetry store means, and how its caller gives it up.
 */
import type { Filter } from "@sightline/wire/filter/ast";

export interface TraceSelection {
  /** Absent = all. */
  readonly experimentIds?: readonly string[];
  readonly filter?: Filter;
  /** Earliest start in nanoseconds, inclusive. Starts of traces are kept in microseconds, as the API shows them. */
  readonly from?: bigint;
  /** Latest start in nanoseconds, exclusive. */
  readonly to?: bigint;
}

/** A call may be given up: the engine stops working on it. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}
