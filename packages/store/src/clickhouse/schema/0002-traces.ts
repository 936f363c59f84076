import type { SchemaStep } from "./dialect.ts";

/**
 * One row a trace, made from its spans at each write (`summarize-trace.ts`): what lists, filters and counts read.
 *
 * Small granules, because lists and single traces read few rows with long previews: with 8,192 rows a granule a trace by id costs
 * 10.7 ms of CPU, with 512 it costs 6 to 7, for 5 % more bytes (624,000 traces).
 */
export const traces: SchemaStep = {
  number: 2,
  name: "traces",
  statements: (table, { onCluster, replacing, settings }) => [
    `CREATE TABLE IF NOT EXISTS ${table("traces")} ${onCluster} (
      experiment_id LowCardinality(String),
      trace_id String CODEC(ZSTD(1)),
      start_time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
      duration_us Int64 CODEC(T64, ZSTD(1)),
      name LowCardinality(String),
      state LowCardinality(String) COMMENT 'OK, ERROR or IN_PROGRESS',
      session_id String CODEC(ZSTD(1)),
      user_id String CODEC(ZSTD(1)),
      span_count UInt32 CODEC(T64, ZSTD(1)),
      input_tokens Nullable(Int64) COMMENT 'NULL = unknown' CODEC(T64, ZSTD(1)),
      output_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
      total_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
      cache_read_input_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
      cache_creation_input_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
      reasoning_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
      cost_usd Nullable(Float64) CODEC(ZSTD(1)),
      request_preview String CODEC(ZSTD(3)),
      response_preview String CODEC(ZSTD(3)),
      failure String COMMENT 'Type: message of the deepest failing span' CODEC(ZSTD(3)),
      tags Map(LowCardinality(String), String) COMMENT 'carried by spans; edits are in trace_tags' CODEC(ZSTD(1)),
      metadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
      version UInt64 CODEC(Delta(8), ZSTD(1)),
      is_deleted UInt8,
      INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
      INDEX ix_session session_id TYPE bloom_filter(0.01) GRANULARITY 1
    )
    ENGINE = ${replacing}
    PARTITION BY toYYYYMM(start_time)
    ORDER BY (experiment_id, start_time, trace_id)
    SETTINGS index_granularity = 512, ${settings}`,
  ],
};
