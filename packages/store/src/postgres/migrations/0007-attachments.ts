import type { Migration } from "../../migrate.ts";

/** Attachments of traces: which bytes, of what type. `trace_seen`: the trace was there when somebody looked a day after the upload. */
export const createAttachments: Migration = {
  number: 7,
  name: "attachments",
  statements: [
    `CREATE TABLE IF NOT EXISTS sightline.attachments (
      trace_id text NOT NULL,
      attachment_id text NOT NULL,
      sha256 text NOT NULL,
      content_type text NOT NULL,
      size bigint NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      trace_seen boolean NOT NULL DEFAULT false,
      PRIMARY KEY (trace_id, attachment_id)
    )`,
    "CREATE INDEX IF NOT EXISTS attachments_by_blob ON sightline.attachments (sha256, size)",
    "CREATE INDEX IF NOT EXISTS attachments_unseen ON sightline.attachments (trace_id) WHERE NOT trace_seen",
  ],
};
