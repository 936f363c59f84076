import type { SchemaStep } from "./dialect.ts";

/** Which traces belong to which runs and used which prompts; found from either side. */
export const traceLinks: SchemaStep = {
  number: 6,
  name: "trace-links",
  statements: (table, { onCluster, replacing, settings }) => [
    `CREATE TABLE IF NOT EXISTS ${table("trace_links")} ${onCluster} (
      experiment_id LowCardinality(String),
      trace_id String CODEC(ZSTD(1)),
      kind LowCardinality(String) COMMENT 'run or prompt',
      target String COMMENT 'id of the run, or name/version of the prompt' CODEC(ZSTD(1)),
      version UInt64 CODEC(Delta(8), ZSTD(1)),
      is_deleted UInt8,
      INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
    )
    ENGINE = ${replacing}
    ORDER BY (experiment_id, kind, target, trace_id)
    SETTINGS index_granularity = 8192, ${settings}`,
  ],
};
