/**
 * A trace by the id in a request.
 */
import { SightlineError } from "@sightline/wire/errors";
import { isOtelTraceId, type TraceId, toOtelTraceId, toTraceId } from "@sightline/wire/ids";
import type { TraceInfo } from "@sightline/wire/model/trace";
import type { Call, Stores } from "./stores.ts";
import { toTraceInfo } from "./trace-view.ts";

/**
 * The row of a trace; the id may come with or without `tr-`.
 *
 * @throws TRACE_NOT_FOUND, also if its experiment is deleted
 */
export async function findTrace(stores: Stores, traceId: string, call?: Call): Promise<TraceInfo> {
  const info = await findTraceIfThere(stores, traceId, call);
  if (!info) throw notFound(traceId);
  return info;
}

/**
 * The same for what may be there before its trace; undefined if no trace has the id.
 *
 * @throws TRACE_NOT_FOUND if its experiment is deleted
 */
export async function findTraceIfThere(stores: Stores, traceId: string, call?: Call): Promise<TraceInfo | undefined> {
  const [info] = await stores.telemetry.getTraceInfos([readTraceId(traceId)], call);
  if (!info) return undefined;
  const experiment = await stores.entities.getExperiment(info.experimentId);
  if (experiment?.deleteTime !== undefined) {
    throw new SightlineError(
      "TRACE_NOT_FOUND",
      `Trace "${traceId.slice(0, 50)}" is hidden: its experiment "${experiment.name}" is deleted. Restore the experiment to see it.`,
    );
  }
  return toTraceInfo(info);
}

/** The id of a trace, with `tr-`. @throws TRACE_NOT_FOUND for a text that cannot be an id: no trace has it */
export function readTraceId(text: string): TraceId {
  const id = toOtelTraceId(text).toLowerCase();
  if (!isOtelTraceId(id)) throw notFound(text);
  return toTraceId(id);
}

function notFound(traceId: string): SightlineError {
  return new SightlineError(
    "TRACE_NOT_FOUND",
    `Trace "${traceId.slice(0, 50)}" does not exist. It may have been deleted, or not been sent yet.`,
  );
}
