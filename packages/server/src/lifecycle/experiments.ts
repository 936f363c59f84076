/**
 * The life of experiments: made, renamed, deleted, restored, purged.
 *
 * A deleted experiment is hidden with its traces and takes no new ones; nothing of it is lost until it is purged, by a request or when
 * {@link KEEP_DELETED_DAYS} have passed.
 */
import type { EndpointInput } from "@sightline/wire/api/endpoint";
import type { updateExperiment } from "@sightline/wire/api/experiments";
import type { Experiment } from "@sightline/wire/model/experiment";
import type { Job } from "@sightline/wire/model/job";
import * as z from "zod/mini";
import type { JobKind } from "../jobs/job-kind.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { checkExperimentName } from "../query/experiment-name.ts";
import type { Stores } from "../query/stores.ts";
import { removeInSteps } from "./remove-in-steps.ts";

/** As MLflow's default for its garbage collection asks for: long enough to notice a mistake. */
export const KEEP_DELETED_DAYS = 30;

export const PURGE_EXPERIMENT = "purge-experiment";

export interface ExperimentLife {
  /** @throws EXPERIMENT_EXISTS, also for the name of a deleted one; INVALID_PARAMETER */
  create(name: string): Promise<Experiment>;
  /** @throws EXPERIMENT_NOT_FOUND, EXPERIMENT_DELETED, EXPERIMENT_EXISTS, INVALID_PARAMETER */
  update(experimentId: string, changes: EndpointInput<typeof updateExperiment>["body"]): Promise<Experiment>;
  /** @throws EXPERIMENT_NOT_FOUND; INVALID_PARAMETER for `Default` */
  delete(experimentId: string): Promise<Experiment>;
  /** Deletes it and starts the job that removes it for good. @throws EXPERIMENT_NOT_FOUND; INVALID_PARAMETER for `Default` */
  purge(experimentId: string): Promise<{ experiment: Experiment; job: Job }>;
  /** @throws EXPERIMENT_NOT_FOUND */
  restore(experimentId: string): Promise<Experiment>;
}

export interface ExperimentLifeParts {
  readonly stores: Stores;
  readonly jobs: Pick<Jobs, "start">;
  /** Called when what is known of experiments by name or id may have changed. */
  readonly onChange: () => void;
  /** Called when it may be another time that traces expire. */
  readonly onRetentionChange: () => Promise<void>;
}

export function createExperimentLife({
  stores,
  jobs,
  onChange,
  onRetentionChange,
}: ExperimentLifeParts): ExperimentLife {
  const { entities } = stores;
  const changed = async (work: Promise<Experiment>): Promise<Experiment> => {
    try {
      return await work;
    } finally {
      onChange();
    }
  };
  return {
    create: (name) => changed(entities.createExperiment(checkExperimentName(name))),
    async update(experimentId, { name, retentionDays }) {
      const changes = {
        ...(name !== undefined && { name: checkExperimentName(name) }),
        ...(retentionDays !== undefined && { retentionDays }),
      };
      const experiment = await changed(entities.updateExperiment(experimentId, changes));
      if (retentionDays !== undefined) await onRetentionChange();
      return experiment;
    },
    delete: (experimentId) => changed(entities.deleteExperiment(experimentId)),
    async purge(experimentId) {
      const experiment = await changed(entities.deleteExperiment(experimentId));
      return { experiment, job: await jobs.start(PURGE_EXPERIMENT, { experimentId }) };
    },
    restore: (experimentId) => changed(entities.restoreExperiment(experimentId)),
  };
}

const PurgeParams = z.strictObject({ experimentId: z.string() });

/** Removes a deleted experiment with all its traces; nothing happens to one that was restored meanwhile. */
export function purgeExperimentJob(stores: Stores): JobKind<z.infer<typeof PurgeParams>> {
  const isDeleted = async (experimentId: string) =>
    (await stores.entities.getExperiment(experimentId))?.deleteTime !== undefined;
  return {
    kind: PURGE_EXPERIMENT,
    params: PurgeParams,
    async run({ experimentId }, context) {
      const selection = { experimentIds: [experimentId] };
      let counts: Readonly<Record<string, number>> = context.earlierCounts;
      // Spans that were under way when the experiment was deleted may come after the list was made: until none is left.
      for (let round = 1; await isDeleted(experimentId); round += 1) {
        counts = await removeInSteps(stores, {
          removalId: `${context.jobId}-${round}`,
          selection,
          context: { ...context, earlierCounts: counts },
          mayGoOn: () => isDeleted(experimentId),
        });
        const { total } = await stores.telemetry.countTraces({ ...selection, limit: 1 });
        if (total > 0) continue;
        await stores.entities.removeExperiment(experimentId);
        break;
      }
      return counts;
    },
  };
}
