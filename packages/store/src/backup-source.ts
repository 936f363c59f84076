/**
 * The port to everything that is stored, table by table: what a backup is made from and a restore is fed with.
 *
 * Rows are lines of JSON with the names of the columns. So a backup can be read without an engine, goes into an embedded engine or an
 * external one, and finds its columns again in a later schema.
 */

/** Which engine a table is of. */
export type BackupEngine = "clickhouse" | "postgres";

export interface BackupTable {
  /** `blobs`: the bytes of attachments, which lie in no engine. */
  readonly engine: BackupEngine | "blobs";
  /** Letters, digits and `_`. */
  readonly table: string;
  /** Its rows as lines of JSON; pieces end anywhere. */
  rows(): AsyncIterable<Uint8Array>;
}

/** The schema that a backup has: the numbers of the steps that were applied. */
export type BackupSchema = Readonly<Record<BackupEngine, readonly number[]>>;

export interface BackupSource {
  schema(): Promise<BackupSchema>;

  /** About how many rows all tables have together. */
  countRows(): Promise<number>;

  /** The highest version of a row now: rows with a higher one were written after this call. */
  newestVersion(): Promise<number>;

  /**
   * All tables one after another; the rows of each are read before the next is asked for.
   *
   * Each table of ClickHouse is given as it is at one moment, those of PostgreSQL all at the same moment, after ClickHouse's: every
   * experiment that a trace names is there. The bytes of attachments come last; those that the rows of PostgreSQL name are there. Traces that change meanwhile may have spans that their row does not count, or the other
   * way round: a restore makes the rows of all traces with a version above `newestVersion` anew.
   */
  tables(options: { readonly signal: AbortSignal }): AsyncGenerator<BackupTable, void>;
}
