import type { Migration } from "../../migrate.ts";

/**
 * Runs with their params, tags and metrics. Everything goes with its run, and runs with their experiment.
 *
 * The key of `run_metrics` is the whole point: a point that is sent again is the same row, and the history is read along it.
 */
export const createRuns: Migration = {
  number: 8,
  name: "runs",
  statements: [
    `CREATE TABLE IF NOT EXISTS sightline.runs (
      run_id text PRIMARY KEY,
      experiment_id bigint NOT NULL REFERENCES sightline.experiments ON DELETE CASCADE,
      name text NOT NULL,
      user_id text,
      status text NOT NULL CHECK (status IN ('RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED')),
      start_ms bigint NOT NULL,
      end_ms bigint,
      deleted_at timestamptz
    )`,
    // As a search sorts them.
    'CREATE INDEX IF NOT EXISTS runs_by_start ON sightline.runs (experiment_id, start_ms DESC, run_id COLLATE "C")',
    "CREATE INDEX IF NOT EXISTS runs_deleted ON sightline.runs (deleted_at) WHERE deleted_at IS NOT NULL",
    ...["run_params", "run_tags"].map(
      (table) => `CREATE TABLE IF NOT EXISTS sightline.${table} (
        run_id text NOT NULL REFERENCES sightline.runs ON DELETE CASCADE,
        key text NOT NULL,
        value text NOT NULL,
        PRIMARY KEY (run_id, key)
      )`,
    ),
    `CREATE TABLE IF NOT EXISTS sightline.run_metrics (
      run_id text NOT NULL REFERENCES sightline.runs ON DELETE CASCADE,
      key text NOT NULL,
      timestamp_ms bigint NOT NULL,
      step bigint NOT NULL,
      value double precision NOT NULL,
      PRIMARY KEY (run_id, key, timestamp_ms, step, value)
    )`,
    `CREATE TABLE IF NOT EXISTS sightline.run_latest_metrics (
      run_id text NOT NULL REFERENCES sightline.runs ON DELETE CASCADE,
      key text NOT NULL,
      timestamp_ms bigint NOT NULL,
      step bigint NOT NULL,
      value double precision NOT NULL,
      PRIMARY KEY (run_id, key)
    )`,
  ],
};
