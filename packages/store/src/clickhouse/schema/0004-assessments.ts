import type { SchemaStep } from "./dialect.ts";

/**
 * Judgements of traces and spans: feedback, expectations, issues. A later version of an id replaces the earlier one.
 *
 * `value` is the JSON text as it came; `value_text` is what filters compare (`true`, `5`, the bare text of a string; JSON text
 * of lists and objects), `value_number` what aggregates count (yes, true and pass are 1; no, false and fail are 0).
 */
export const assessments: SchemaStep = {
  number: 4,
  name: "assessments",
  statements: (table, { onCluster, replacing, settings }) => [
    `CREATE TABLE IF NOT EXISTS ${table("assessments")} ${onCluster} (
      experiment_id LowCardinality(String),
      trace_id String CODEC(ZSTD(1)),
      assessment_id String CODEC(ZSTD(1)),
      kind LowCardinality(String) COMMENT 'feedback, expectation or issue',
      name LowCardinality(String),
      span_id String COMMENT 'empty when it judges the whole trace' CODEC(ZSTD(1)),
      session_id String COMMENT 'set when it judges a whole session' CODEC(ZSTD(1)),
      value String COMMENT 'JSON text; empty when there is none' CODEC(ZSTD(3)),
      value_text String CODEC(ZSTD(3)),
      value_number Nullable(Float64) CODEC(ZSTD(1)),
      error String COMMENT 'JSON text of why a scorer failed; empty when it did not' CODEC(ZSTD(3)),
      rationale String CODEC(ZSTD(3)),
      source_type LowCardinality(String),
      source_id String CODEC(ZSTD(1)),
      run_id String COMMENT 'evaluation run that made it' CODEC(ZSTD(1)),
      metadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
      overrides String COMMENT 'id of the assessment that this one corrects' CODEC(ZSTD(1)),
      valid UInt8 COMMENT '0 = another one corrects it',
      create_time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
      update_time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
      version UInt64 CODEC(Delta(8), ZSTD(1)),
      is_deleted UInt8,
      INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
    )
    ENGINE = ${replacing}
    ORDER BY (experiment_id, trace_id, assessment_id)
    SETTINGS index_granularity = 8192, ${settings}`,
  ],
};
