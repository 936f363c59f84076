/**
 * Giving all space of deleted rows back, by request: the job that deletes leaves partitions alone in which little is dead. What belongs
 * to nothing goes, too: attachments without a trace, blobs without an attachment.
 */
import * as z from "zod/mini";
import type { JobKind } from "../jobs/job-kind.ts";
import type { Stores } from "../query/stores.ts";
import { findMissingTraces } from "./sweep-attachments.ts";

export const PURGE_STORAGE = "purge-storage";

const Params = z.strictObject({});

/** Counts: partitions `rewritten`, parts `dropped`, `attachments` that had no trace, `bytesFreed`. `done` and `total` count partitions. */
export function purgeStorageJob(stores: Stores): JobKind<z.infer<typeof Params>> {
  return {
    kind: PURGE_STORAGE,
    params: Params,
    async run(_params, { signal, progress }) {
      const result = await stores.telemetry.purge({ signal, minDeadShare: 0, onProgress: progress });
      const swept = await stores.attachments.sweep(findMissingTraces(stores), { signal, isThorough: true });
      return { ...result, ...swept, bytesFreed: result.bytesFreed + swept.bytesFreed };
    },
  };
}
