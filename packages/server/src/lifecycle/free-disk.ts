/**
 * Making room: the oldest traces are deleted until the data takes no more than it may.
 *
 * Experiments that somebody has said are to be kept for ever (`retentionDays: null`) are spared: their traces are never deleted to
 * make room for others.
 */
import * as z from "zod/mini";
import type { JobKind } from "../jobs/job-kind.ts";
import type { Stores } from "../query/stores.ts";
import { type DataPlaces, type DiskUsage, measureUsage } from "./disk-usage.ts";
import { removeInSteps } from "./remove-in-steps.ts";

export const FREE_DISK = "free-disk";

/** Traces differ in size: what was estimated is measured again, this often at most. */
const MAX_ROUNDS = 20;
/** Of a store: fewer at a time would mean writing partitions anew for next to nothing. */
const MIN_SHARE_OF_TRACES = 0.02;
/** A partition is written anew for this share of dead rows: here space is what matters. */
const MIN_DEAD_SHARE = 0.01;

const Params = z.strictObject({ targetBytes: z.number() });

/** When a round frees less than this share of what it should have, more of them would only delete. */
const MIN_EFFECT = 0.1;

/** Counts as {@link removeInSteps}, and `bytesUsed` at the end. */
export function freeDiskJob(places: DataPlaces): JobKind<z.infer<typeof Params>> {
  return {
    kind: FREE_DISK,
    params: Params,
    async run({ targetBytes }, context) {
      let counts = context.earlierCounts;
      for (let round = 1; round <= MAX_ROUNDS; round += 1) {
        const usage = await measureUsage(places);
        if (usage.total <= targetBytes) break;
        const { experimentIds, oldest, bytes } = await chooseOldest(places.stores, usage, targetBytes);
        if (oldest === 0) break;
        const { bytesFreed: freedBefore = 0 } = counts;
        counts = await removeInSteps(places.stores, {
          removalId: `${context.jobId}-${round}`,
          selection: { experimentIds, oldest },
          context: { ...context, earlierCounts: counts },
          minDeadShare: MIN_DEAD_SHARE,
        });
        if ((counts.bytesFreed ?? 0) - freedBefore < bytes * MIN_EFFECT) break;
      }
      return { ...counts, bytesUsed: (await measureUsage(places)).total };
    },
  };
}

/** How many traces to delete, of which experiments, and the bytes that they take by estimate; 0 if there is none that may be. */
async function chooseOldest(
  stores: Stores,
  usage: DiskUsage,
  targetBytes: number,
): Promise<{ experimentIds: readonly string[]; oldest: number; bytes: number }> {
  const [sizes, experiments] = await Promise.all([
    stores.telemetry.experimentSizes(),
    stores.entities.listExperiments({ includeDeleted: true }),
  ]);
  const spared = new Set(
    experiments.filter(({ retentionDays }) => retentionDays === null).map((each) => each.experimentId),
  );
  const deletable = [...sizes].filter(([experimentId]) => !spared.has(experimentId));
  const all = countTraces(sizes);
  const bytesEach = (usage.telemetry + usage.attachments) / Math.max(1, all);
  const wanted = Math.ceil(Math.max((usage.total - targetBytes) / bytesEach, all * MIN_SHARE_OF_TRACES));
  const oldest = Math.min(countTraces(deletable), wanted);
  return { experimentIds: deletable.map(([experimentId]) => experimentId), oldest, bytes: oldest * bytesEach };
}

function countTraces(sizes: Iterable<readonly [string, { readonly traces: number }]>): number {
  return Array.from(sizes).reduce((sum, [, { traces }]) => sum + traces, 0);
}
