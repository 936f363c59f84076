import type { SchemaStep } from "./dialect.ts";

/**
 * Which words stand in which spans, roughly: what text search leaves out (`text-index.ts`).
 *
 * `blocks` are parts of the day that spans with this word lie in, see `blockOf` there. The row with the empty word says up to which
 * version spans are in here; it is in this table, so that a copy of the table is never ahead of its words.
 */
export const spanWords: SchemaStep = {
  number: 9,
  name: "span-words",
  statements: (table, { onCluster, aggregating, settings }) => [
    `CREATE TABLE IF NOT EXISTS ${table("span_words")} ${onCluster} (
      experiment_id LowCardinality(String),
      day Date,
      word String CODEC(ZSTD(3)),
      blocks SimpleAggregateFunction(groupUniqArrayArray, Array(UInt16)) CODEC(ZSTD(3)),
      version SimpleAggregateFunction(max, UInt64) CODEC(ZSTD(1))
    )
    ENGINE = ${aggregating}
    PARTITION BY toYYYYMM(day)
    ORDER BY (experiment_id, day, word)
    SETTINGS index_granularity = 8192, ${settings}`,
    // Spans that are not in it yet are found by their version, without reading the column of all others.
    `ALTER TABLE ${table("spans")} ${onCluster} ADD INDEX IF NOT EXISTS ix_version version TYPE minmax GRANULARITY 1`,
  ],
};
