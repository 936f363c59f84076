/**
 * Every table that holds something of a trace. What is about all of them (deleting a trace, the newest version, repair) reads
 * this list; a contract test compares it with the tables of the database.
 */

export interface TraceTable {
  readonly name: string;
  /** The sort key's columns: what a tombstone needs. */
  readonly key: readonly string[];
}

/**
 * In the order in which a deleted trace is taken away. `traces` is the last: while its row is there, the deletion can be asked for
 * again, or `repair` ends it.
 */
export const traceTables = [
  { name: "spans", key: ["experiment_id", "start_time", "trace_id", "span_id"] },
  { name: "trace_tags", key: ["experiment_id", "trace_id", "key"] },
  { name: "trace_metadata", key: ["experiment_id", "trace_id", "key"] },
  { name: "assessments", key: ["experiment_id", "trace_id", "assessment_id"] },
  { name: "trace_links", key: ["experiment_id", "kind", "target", "trace_id"] },
  { name: "client_infos", key: ["experiment_id", "trace_id"] },
  { name: "traces", key: ["experiment_id", "start_time", "trace_id"] },
] as const satisfies readonly TraceTable[];
