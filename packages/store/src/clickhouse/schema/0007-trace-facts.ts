import type { SchemaStep } from "./dialect.ts";

/** More of what lists show and filters compare, made from the spans of a trace like the rest of its row. */
export const traceFacts: SchemaStep = {
  number: 7,
  name: "trace-facts",
  statements: (table, { onCluster }) => [
    `ALTER TABLE ${table("traces")} ${onCluster}
      ADD COLUMN IF NOT EXISTS client_request_id String CODEC(ZSTD(1)) AFTER user_id,
      ADD COLUMN IF NOT EXISTS app_version LowCardinality(String) COMMENT 'version of the agent that ran' AFTER client_request_id,
      ADD COLUMN IF NOT EXISTS source LowCardinality(String) COMMENT 'program or service that sent it' AFTER app_version,
      ADD COLUMN IF NOT EXISTS models Array(LowCardinality(String)) COMMENT 'models its spans called, sorted' AFTER source`,
  ],
};
