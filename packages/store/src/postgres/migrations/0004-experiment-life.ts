import type { Migration } from "../../migrate.ts";

/** When an experiment was deleted, and how long its traces are kept: NULL = as set for all, 0 = for ever, else days. */
export const addExperimentLife: Migration = {
  number: 4,
  name: "experiment-life",
  statements: [
    "ALTER TABLE sightline.experiments ADD COLUMN IF NOT EXISTS deleted_at timestamptz",
    "ALTER TABLE sightline.experiments ADD COLUMN IF NOT EXISTS retention_days integer CHECK (retention_days >= 0)",
    "UPDATE sightline.experiments SET deleted_at = now() WHERE lifecycle_stage = 'deleted' AND deleted_at IS NULL",
  ],
};
