/**
 * What use cases work on: the stores, and the sign that the caller has gone.
 */
import type { AttachmentStore } from "@sightline/store/attachments/attachment-store";
import type { EntityStore } from "@sightline/store/entity-store";
import type { TelemetryStore } from "@sightline/store/telemetry-store";

export interface Stores {
  readonly telemetry: TelemetryStore;
  readonly entities: EntityStore;
  readonly attachments: AttachmentStore;
}

/** Aborted when nobody waits for the answer any more. */
export interface Call {
  readonly signal: AbortSignal;
}
