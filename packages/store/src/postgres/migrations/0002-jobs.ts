import type { Migration } from "../../migrate.ts";

/** Jobs that wait, run or have ended. `json` for params, not `jsonb`: it keeps every text, also one with \u0000. */
export const createJobs: Migration = {
  number: 2,
  name: "jobs",
  statements: [
    `CREATE TABLE IF NOT EXISTS sightline.jobs (
      job_id text PRIMARY KEY,
      kind text NOT NULL,
      params json NOT NULL,
      state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
      done bigint NOT NULL DEFAULT 0,
      total bigint,
      counts json NOT NULL DEFAULT '{}',
      error_code text,
      error_message text,
      attempts integer NOT NULL DEFAULT 0,
      cancel_requested boolean NOT NULL DEFAULT false,
      requested_by text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      started_at timestamptz,
      ended_at timestamptz
    )`,
    "CREATE INDEX IF NOT EXISTS jobs_by_time ON sightline.jobs (created_at DESC, job_id)",
    "CREATE INDEX IF NOT EXISTS jobs_unfinished ON sightline.jobs (created_at) WHERE state IN ('queued', 'running')",
  ],
};
