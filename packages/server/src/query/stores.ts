/**
 * What use cases work on: the two stores, and the sign that the caller has gone.
 */
import type { EntityStore } from "@sightline/store/entity-store";
import type { TelemetryStore } from "@sightline/store/telemetry-store";

export interface Stores {
  readonly telemetry: TelemetryStore;
  readonly entities: EntityStore;
}

/** Aborted when nobody waits for the answer any more. */
export interface Call {
  readonly signal: AbortSignal;
}
