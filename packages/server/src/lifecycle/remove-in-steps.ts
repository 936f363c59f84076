/**
 * Deletes the traces of a selection, as part of a job: in steps, so that memory stays bounded, writes go on, and a cancelled job ends
 * soon; then gives the space back.
 */
import type { RemovalSelection } from "@sightline/store/trace-removal";
import type { JobContext } from "../jobs/job-kind.ts";
import type { Stores } from "../query/stores.ts";

/** A step takes well under a second, and its ids fit into one statement. */
const TRACES_IN_STEP = 1000;

export interface Removal {
  /** Of this removal for ever: a job that is run again goes on where it was. */
  readonly removalId: string;
  readonly selection: RemovalSelection;
  readonly context: JobContext;
  /** Asked before each step; when it gives false, the removal ends and what is left stays. */
  readonly mayGoOn?: () => Promise<boolean>;
  /** Share of dead rows from which a partition is written anew; see `PurgeOptions`. */
  readonly minDeadShare?: number;
}

/**
 * Counts: `traces` and `spans` that were deleted, `attachments` if there were any, `bytesFreed` on disk. `done` and `total` of the progress count traces.
 *
 * Which traces: those of the selection at the moment when the removal first began, each with every span that has arrived by its step.
 *
 * @throws the reason of the signal when the job is to end; what was deleted stays deleted
 */
export async function removeInSteps(stores: Stores, removal: Removal): Promise<Readonly<Record<string, number>>> {
  const { removalId, selection, context, mayGoOn } = removal;
  const { telemetry } = stores;
  const { signal, earlierCounts } = context;
  const left = await telemetry.beginRemoval(removalId, selection, { signal });
  const before = earlierCounts.traces ?? 0;
  const total = before + left;
  let traces = before;
  let { spans = 0, attachments = 0, bytesFreed = 0 } = earlierCounts;
  const counts = () => ({ ...earlierCounts, traces, spans, ...(attachments > 0 && { attachments }), bytesFreed });
  context.progress(traces, total, counts());
  for (;;) {
    signal.throwIfAborted();
    if (mayGoOn !== undefined && !(await mayGoOn())) break;
    const step = await telemetry.continueRemoval(removalId, TRACES_IN_STEP);
    if (step.traces === 0) break;
    traces += step.traces;
    spans += step.spans;
    attachments += step.attachments ?? 0;
    bytesFreed += step.bytesFreed ?? 0;
    context.progress(traces, total, counts());
  }
  await telemetry.endRemoval(removalId);
  if (traces > before) {
    const purged = await telemetry.purge({
      signal,
      ...(removal.minDeadShare !== undefined && { minDeadShare: removal.minDeadShare }),
    });
    bytesFreed += purged.bytesFreed;
  }
  return counts();
}
