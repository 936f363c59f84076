/**
 * The schema's history, in order. Add a file and a line; never change one that was released.
 */
import type { Migration } from "../../migrate.ts";
import { createExperiments } from "./0001-experiments.ts";
import { createJobs } from "./0002-jobs.ts";

export const migrations: readonly Migration[] = [createExperiments, createJobs];
