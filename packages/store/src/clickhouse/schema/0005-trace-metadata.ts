import type { SchemaStep } from "./dialect.ts";

/** Metadata that was set on traces after their spans were sent, laid over what the spans carry, as with tags. */
export const traceMetadata: SchemaStep = {
  number: 5,
  name: "trace-metadata",
  statements: (table, { onCluster, replacing, settings }) => [
    `CREATE TABLE IF NOT EXISTS ${table("trace_metadata")} ${onCluster} (
      experiment_id LowCardinality(String),
      trace_id String CODEC(ZSTD(1)),
      key LowCardinality(String),
      value String CODEC(ZSTD(1)),
      removed UInt8 COMMENT '1 = hides an entry that the spans carry',
      version UInt64 CODEC(Delta(8), ZSTD(1)),
      is_deleted UInt8 COMMENT '1 = the trace was deleted',
      INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
    )
    ENGINE = ${replacing}
    ORDER BY (experiment_id, trace_id, key)
    SETTINGS index_granularity = 8192, ${settings}`,
  ],
};
