import type { SchemaStep } from "./dialect.ts";

/**
 * Every span, as it came and normalised.
 *
 * Codecs and index by measurement on 1M spans: ZSTD(3) for payloads 264 B a span without ingest loss; attributes as Map are
 * written 4 to 50 times faster than as JSON type, which also makes `a.b` collide with `a`.
 *
 * Sort key: the first two digits of the trace id change nothing in the order, but let text search leave out parts of an hour
 * (`text-index.ts`). Granules of 1,024 rows: one is 1.3 MB of payloads, 1.3 ms to read (8,192: 10 ms), at no cost for ingest.
 */
export const spans: SchemaStep = {
  number: 1,
  name: "spans",
  statements: (table, { onCluster, replacing, settings }) => [
    `CREATE TABLE IF NOT EXISTS ${table("spans")} ${onCluster} (
      experiment_id LowCardinality(String),
      trace_id String CODEC(ZSTD(1)),
      span_id String CODEC(ZSTD(1)),
      parent_span_id String COMMENT 'empty on a root' CODEC(ZSTD(1)),
      name LowCardinality(String),
      span_type LowCardinality(String),
      service LowCardinality(String),
      start_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
      end_time DateTime64(9, 'UTC') COMMENT '1970-01-01 while the span is running' CODEC(Delta(8), ZSTD(1)),
      status_code LowCardinality(String) COMMENT 'UNSET, OK or ERROR',
      status_message String CODEC(ZSTD(3)),
      model LowCardinality(String),
      provider LowCardinality(String),
      session_id String CODEC(ZSTD(1)),
      user_id String CODEC(ZSTD(1)),
      input_tokens Nullable(Int64) COMMENT 'NULL = unknown' CODEC(T64, ZSTD(1)),
      output_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
      total_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
      cache_read_input_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
      cache_creation_input_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
      reasoning_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
      cost_usd Nullable(Float64) CODEC(ZSTD(1)),
      inputs String COMMENT 'JSON text; empty when there are none' CODEC(ZSTD(3)),
      inputs_source LowCardinality(String) COMMENT 'form and key of the attribute this text is',
      outputs String CODEC(ZSTD(3)),
      outputs_source LowCardinality(String),
      attributes Map(LowCardinality(String), String) COMMENT 'JSON text of each value' CODEC(ZSTD(1)),
      events String COMMENT 'JSON array' CODEC(ZSTD(3)),
      links String COMMENT 'JSON array' CODEC(ZSTD(3)),
      failure String COMMENT 'Type: message of a failing span' CODEC(ZSTD(3)),
      trace_tags Map(LowCardinality(String), String) COMMENT 'what this span says about its trace' CODEC(ZSTD(1)),
      trace_metadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
      request_preview String COMMENT 'on roots' CODEC(ZSTD(3)),
      response_preview String COMMENT 'on roots' CODEC(ZSTD(3)),
      version UInt64 CODEC(Delta(8), ZSTD(1)),
      is_deleted UInt8,
      INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
    )
    ENGINE = ${replacing}
    PARTITION BY toYYYYMM(start_time)
    ORDER BY (experiment_id, toStartOfHour(start_time), substring(trace_id, 1, 5), trace_id, span_id)
    SETTINGS index_granularity = 1024, ${settings}`,
  ],
};
