/**
 * Everything that makes data come and go by itself or by request, put together: the part of the composition root that is about it.
 */

import type { JobKind } from "../jobs/job-kind.ts";
import { createJobs, type Jobs } from "../jobs/jobs.ts";
import { checkStoreJob } from "./check-store.ts";
import { type Clock, systemClock } from "./clock.ts";
import { deleteTracesJob } from "./delete-traces.ts";
import { createDiskGuard, type DiskGuard, type DiskPolicy } from "./disk-guard.ts";
import type { DataPlaces } from "./disk-usage.ts";
import { createExperimentLife, type ExperimentLife, purgeExperimentJob } from "./experiments.ts";
import { freeDiskJob } from "./free-disk.ts";
import { purgeStorageJob } from "./purge-storage.ts";
import { createRetentionKeeper, type RetentionKeeper, retentionJob } from "./retention.ts";
import type { StorageReportParts } from "./storage-report.ts";
import { createAttachmentKeeper, sweepAttachmentsJob } from "./sweep-attachments.ts";

export interface LifeCycleOptions extends DataPlaces {
  /** Kinds of jobs that are not about the life cycle. */
  readonly otherJobKinds: readonly JobKind<unknown>[];
  readonly minFreeBytes: number;
  readonly maxBytes: number | undefined;
  readonly policy: DiskPolicy;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Called when what is known of experiments by name or id may have changed. */
  readonly onExperimentChange: () => void;
  readonly onEvent: (sentence: string) => void;
}

export interface LifeCycle {
  readonly jobs: Jobs;
  readonly experiments: ExperimentLife;
  readonly retention: RetentionKeeper;
  readonly disk: DiskGuard;
  /** What the storage report is made from. */
  readonly storage: StorageReportParts;
  /** Begins what happens by itself. */
  open(): void;
  /** Ends it; jobs that run are left for the next process. */
  close(): Promise<void>;
}

export function createLifeCycle(options: LifeCycleOptions): LifeCycle {
  const { stores, onEvent, clock = systemClock } = options;
  const jobs = createJobs({
    records: stores.entities,
    // The table of jobs: a row a kind.
    kinds: [
      deleteTracesJob(stores),
      purgeExperimentJob(stores),
      retentionJob(stores),
      freeDiskJob(options),
      purgeStorageJob(stores),
      checkStoreJob(stores, onEvent),
      sweepAttachmentsJob(stores),
      ...options.otherJobKinds,
    ],
    onEvent,
  });
  const retention = createRetentionKeeper({ stores, jobs, clock, onEvent });
  const attachments = createAttachmentKeeper({ stores, jobs, clock, onEvent });
  const disk = createDiskGuard({ ...options, jobs, clock });
  const experiments = createExperimentLife({
    stores,
    jobs,
    onChange: options.onExperimentChange,
    onRetentionChange: () => retention.check(),
  });
  return {
    jobs,
    experiments,
    retention,
    disk,
    storage: { ...options, jobs, guard: disk },
    open() {
      jobs.open();
      retention.open();
      disk.open();
      attachments.open();
    },
    async close() {
      await Promise.all([retention.close(), disk.close(), attachments.close(), jobs.close()]);
    },
  };
}
