/**
 * The schema's history, in order. Add a file and a line; never change one that was released.
 */
import type { Migration } from "../../migrate.ts";
import { createExperiments } from "./0001-experiments.ts";

export const migrations: readonly Migration[] = [createExperiments];
