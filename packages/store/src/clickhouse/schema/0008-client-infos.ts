import type { SchemaStep } from "./dialect.ts";

/**
 * What clients said of whole traces, beside what their spans say (MLflow's trace info). One row a trace; `facts` holds only what
 * was said, so that an absent fact stays apart from an empty one.
 *
 * Spans tell whose cost we counted ourselves: only those are counted again when prices change.
 */
export const clientInfos: SchemaStep = {
  number: 8,
  name: "client-infos",
  statements: (table, { onCluster, replacing, settings }) => [
    `CREATE TABLE IF NOT EXISTS ${table("client_infos")} ${onCluster} (
      experiment_id LowCardinality(String),
      trace_id String CODEC(ZSTD(1)),
      facts String COMMENT 'JSON object of the facts that were said' CODEC(ZSTD(3)),
      tags Map(LowCardinality(String), String) CODEC(ZSTD(1)),
      metadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
      received_time DateTime64(6, 'UTC') COMMENT 'of the first call' CODEC(Delta(8), ZSTD(1)),
      version UInt64 CODEC(Delta(8), ZSTD(1)),
      is_deleted UInt8,
      INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
    )
    ENGINE = ${replacing}
    ORDER BY (experiment_id, trace_id)
    SETTINGS index_granularity = 8192, ${settings}`,
    `ALTER TABLE ${table("spans")} ${onCluster}
      ADD COLUMN IF NOT EXISTS cost_computed UInt8 COMMENT '1 = counted here from the price table' AFTER cost_usd`,
  ],
};
