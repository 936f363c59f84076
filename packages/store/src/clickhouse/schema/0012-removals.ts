import type { SchemaStep } from "./dialect.ts";

/** Tables of which deleted rows are cleaned away (`purge.ts`); each has `is_deleted`. */
const CLEANED = ["spans", "traces", "trace_tags", "trace_metadata", "assessments", "trace_links", "client_infos"];

/**
 * Deleting many traces: which ones a removal is about, so that it goes on after a crash where it was; and the permission to clean
 * deleted rows away (`OPTIMIZE … FINAL CLEANUP`), which ClickHouse asks for by name.
 *
 * A removal is a partition of its own, dropped at its end. Its rows become tombstones as their traces are deleted.
 */
export const removals: SchemaStep = {
  number: 12,
  name: "removals",
  statements: (table, { onCluster, replacing, settings }) => [
    `CREATE TABLE IF NOT EXISTS ${table("removals")} ${onCluster} (
      removal_id String CODEC(ZSTD(1)),
      start_time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
      trace_id String COMMENT 'empty in the row that says that the list is whole' CODEC(ZSTD(1)),
      span_count UInt32 CODEC(T64, ZSTD(1)),
      version UInt64 COMMENT '1 = to be deleted, 2 = done' CODEC(ZSTD(1)),
      is_deleted UInt8
    )
    ENGINE = ${replacing}
    PARTITION BY removal_id
    ORDER BY (start_time, trace_id)
    SETTINGS ${settings}`,
    ...CLEANED.map(
      (name) =>
        `ALTER TABLE ${table(name)} ${onCluster} MODIFY SETTING allow_experimental_replacing_merge_with_cleanup = 1`,
    ),
  ],
};
