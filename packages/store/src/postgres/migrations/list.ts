/**
 * The schema's history, in order. Add a file and a line; never change one that was released.
 */
import type { Migration } from "../../migrate.ts";
import { createExperiments } from "./0001-experiments.ts";
import { createJobs } from "./0002-jobs.ts";
import { createSettings } from "./0003-settings.ts";
import { addExperimentLife } from "./0004-experiment-life.ts";
import { createModelPrices } from "./0005-model-prices.ts";
import { createSdkProcesses } from "./0006-sdk-processes.ts";
import { createAttachments } from "./0007-attachments.ts";
import { createRuns } from "./0008-runs.ts";

export const migrations: readonly Migration[] = [
  createExperiments,
  createJobs,
  createSettings,
  addExperimentLife,
  createModelPrices,
  createSdkProcesses,
  createAttachments,
  createRuns,
];
