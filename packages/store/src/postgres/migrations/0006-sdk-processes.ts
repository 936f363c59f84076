import type { Migration } from "../../migrate.ts";

/**
 * Processes of the SDK with what they said of their spans, and what of them came. `received` is a text of ranges (`1-512,514`);
 * counts beside it, so that questions need not read it.
 */
export const createSdkProcesses: Migration = {
  number: 6,
  name: "sdk-processes",
  statements: [
    `CREATE TABLE IF NOT EXISTS sightline.sdk_processes (
      instance_id text PRIMARY KEY,
      service text NOT NULL,
      host text NOT NULL,
      pid bigint NOT NULL,
      runtime text NOT NULL,
      sdk_version text NOT NULL,
      started_at timestamptz,
      last_seen timestamptz NOT NULL,
      is_final boolean NOT NULL,
      ended bigint NOT NULL,
      received text NOT NULL,
      is_exact boolean NOT NULL,
      unreceived bigint NOT NULL,
      overdue bigint NOT NULL,
      settled_ended bigint NOT NULL,
      next_ended bigint NOT NULL,
      next_at timestamptz NOT NULL,
      queue_full bigint NOT NULL,
      refused bigint NOT NULL,
      unsent_at_exit bigint NOT NULL,
      broken bigint NOT NULL,
      truncations bigint NOT NULL,
      retries bigint NOT NULL,
      failures bigint NOT NULL,
      mode text NOT NULL,
      overhead_ms double precision NOT NULL,
      experiment_ids text[] NOT NULL
    )`,
    "CREATE INDEX IF NOT EXISTS sdk_processes_by_time ON sightline.sdk_processes (last_seen DESC, instance_id)",
    // Most processes lose nothing: whoever asks for those that do reads few rows.
    `CREATE INDEX IF NOT EXISTS sdk_processes_suspects ON sightline.sdk_processes (last_seen DESC, instance_id)
      WHERE unreceived > 0 OR queue_full > 0 OR refused > 0 OR unsent_at_exit > 0 OR broken > 0 OR mode <> 'full'`,
  ],
};
