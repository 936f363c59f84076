/**
 * A telemetry store whose traces have attachments: whatever deletes a trace deletes them with it, and the check looks at them, too.
 *
 * The one place for it, so that a new way to delete traces cannot forget them. Attachments go first: a crash in between leaves a trace
 * whose deletion is done again, not bytes that nobody would look for.
 */
import type { TelemetryStore } from "../telemetry-store.ts";
import type { AttachmentStore } from "./attachment-store.ts";

/** Wraps a store; the result has the same methods. */
export function withAttachments(telemetry: TelemetryStore, attachments: AttachmentStore): TelemetryStore {
  const wrapped: Pick<TelemetryStore, "deleteTraces" | "continueRemoval" | "findInconsistencies"> = {
    async deleteTraces(traceIds) {
      await attachments.removeOfTraces(traceIds);
      await telemetry.deleteTraces(traceIds);
    },
    async continueRemoval(removalId, limit, beforeDeleting) {
      let removed = { attachments: 0, bytesFreed: 0 };
      const step = await telemetry.continueRemoval(removalId, limit, async (traceIds) => {
        await beforeDeleting?.(traceIds);
        removed = await attachments.removeOfTraces(traceIds);
      });
      return removed.attachments === 0 ? step : { ...step, ...removed };
    },
    async findInconsistencies(options = {}) {
      const found = await telemetry.findInconsistencies(options);
      const findMissing: TelemetryStore["findMissingTraces"] = (traceIds, call) =>
        telemetry.findMissingTraces(traceIds, call);
      return [...found, ...(await attachments.findInconsistencies(findMissing, options))];
    },
  };
  return new Proxy(telemetry, {
    get: (store, name) => Reflect.get(Object.hasOwn(wrapped, name) ? wrapped : store, name),
  });
}
