/**
 * Making room: the oldest traces are deleted until the data takes no more than it may.
 *
 * Experiments that somebody has said are to be kept for ever (`retentionDays: null`) are spared: their traces are never deleted to
 * make room for others.
 */
import * as z from "zod/mini";
import type { JobContext, JobKind } from "../jobs/job-kind.ts";
import type { Stores } from "../query/stores.ts";
import { measureUsage } from "./disk-usage.ts";
import { removeInSteps } from "./remove-in-steps.ts";

export const FREE_DISK = "free-disk";

/** Traces differ in size: what was estimated is measured again, this often at most. */
const MAX_ROUNDS = 20;
/** Of a store: fewer at a time would mean writing partitions anew for next to nothing. */
const MIN_SHARE_OF_TRACES = 0.02;
/** A partition is written anew for this share of dead rows: here space is what matters. */
const MIN_DEAD_SHARE = 0.01;

const Params = z.strictObject({ targetBytes: z.number() });

/**
 * Counts as {@link removeInSteps}, and `bytesUsed` at the end.
 *
 * @param dataDir  undefined when both engines are external
 */
export function freeDiskJob(stores: Stores, dataDir: string | undefined): JobKind<z.infer<typeof Params>> {
  return {
    kind: FREE_DISK,
    params: Params,
    async run({ targetBytes }, context) {
      let counts = context.earlierCounts;
      for (let round = 1; round <= MAX_ROUNDS; round += 1) {
        const usage = await measureUsage(stores, dataDir);
        counts = { ...counts, bytesUsed: usage.total };
        if (usage.total <= targetBytes) break;
        const oldest = await chooseNumber(stores, usage, targetBytes);
        if (oldest === 0) break;
        counts = await removeOldest(stores, { ...context, earlierCounts: counts }, { round, oldest });
      }
      return counts;
    },
  };
}

/** How many traces to delete; 0 if there is none that may be. */
async function chooseNumber(
  stores: Stores,
  usage: { readonly telemetry: number; readonly total: number },
  targetBytes: number,
): Promise<number> {
  const sizes = await stores.telemetry.experimentSizes();
  const all = [...sizes.values()].reduce((sum, { traces }) => sum + traces, 0);
  const spared = await sparedExperiments(stores);
  const deletable = [...sizes].reduce((sum, [id, { traces }]) => (spared.has(id) ? sum : sum + traces), 0);
  const bytesEach = usage.telemetry / Math.max(1, all);
  const wanted = Math.ceil(Math.max((usage.total - targetBytes) / bytesEach, all * MIN_SHARE_OF_TRACES));
  return Math.min(deletable, wanted);
}

async function removeOldest(
  stores: Stores,
  context: JobContext,
  { round, oldest }: { readonly round: number; readonly oldest: number },
): Promise<Readonly<Record<string, number>>> {
  const spared = await sparedExperiments(stores);
  const sizes = await stores.telemetry.experimentSizes();
  const experimentIds = [...sizes.keys()].filter((experimentId) => !spared.has(experimentId));
  return await removeInSteps(stores, {
    removalId: `${context.jobId}-${round}`,
    selection: { experimentIds, oldest },
    context,
    minDeadShare: MIN_DEAD_SHARE,
  });
}

async function sparedExperiments(stores: Stores): Promise<ReadonlySet<string>> {
  const experiments = await stores.entities.listExperiments({ includeDeleted: true });
  return new Set(experiments.filter(({ retentionDays }) => retentionDays === null).map((each) => each.experimentId));
}
