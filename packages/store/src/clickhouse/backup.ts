/**
 * Tables of ClickHouse ⇄ lines of JSON.
 *
 * Not `BACKUP TABLE … TO File`: it writes where the engine runs, which for an external one is another machine, and the embedded
 * engine's user would have to be granted access to files (docs/adr/0012-backup-and-transfer.md has the comparison).
 */
import type { BackupTable } from "../backup-source.ts";
import type { Queries } from "./queries.ts";
import { param, raw, sql } from "./sql.ts";

/** Tables of a single server, and Distributed ones in front of a cluster's own. */
const TABLE_ENGINES = /^(Replicated)?\w*MergeTree$|^Distributed$/;

interface StoredTable {
  readonly name: string;
  /** Rows of the same key replace each other. */
  readonly replaces: boolean;
  readonly rows: number;
}

/** Every table that holds data, with about how many rows. */
export async function listTables(queries: Queries): Promise<StoredTable[]> {
  const rows = await queries.rows(
    sql`SELECT name, engine, ifNull(total_rows, 0) FROM system.tables
      WHERE database = ${param(queries.database, "String")} AND name != 'schema_migrations' ORDER BY name`,
  );
  return rows
    .map(([name, engine, count]) => ({ name: String(name), engine: String(engine), rows: Number(count) }))
    .filter(({ name, engine }) => TABLE_ENGINES.test(engine) && !name.endsWith("_local"))
    .map(({ name, engine, rows: count }) => ({
      name,
      replaces: engine.includes("Replacing") || engine === "Distributed",
      rows: count,
    }));
}

/** Numbers of the schema steps that were applied. */
export async function readSchemaNumbers(queries: Queries): Promise<number[]> {
  const rows = await queries.rows(sql`SELECT number FROM ${queries.table("schema_migrations")} FINAL ORDER BY number`);
  return rows.map(([number]) => Number(number));
}

/** The tables, without rows that were replaced or deleted: what was deleted is not in a backup. */
export async function* dumpTables(
  queries: Queries,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<BackupTable, void> {
  for (const { name, replaces } of await listTables(queries)) {
    signal.throwIfAborted();
    const final = raw(replaces ? "FINAL" : "");
    yield {
      engine: "clickhouse",
      table: name,
      rows: () => queries.bytes(sql`SELECT * FROM ${queries.table(name)} ${final}`, "JSONEachRow", { signal }),
    };
  }
}

/** Bytes of one insert: as in ingest, larger ones cost memory without being faster. */
const INSERT_BYTES = 12 * 1024 * 1024;

/**
 * Inserts rows into a table.
 *
 * @param rows  whole or cut lines of JSON
 */
export async function loadTable(queries: Queries, table: string, rows: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const lines of wholeLines(rows, INSERT_BYTES)) {
    // A block may hold rows of more months than ClickHouse takes by default.
    await queries.insert(table, [lines], { max_partitions_per_insert_block: "0" });
  }
}

/** Cuts a stream of lines into buffers of whole lines of about `maxBytes`. */
async function* wholeLines(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Buffer, void> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source) {
    const end = piece.lastIndexOf(NEWLINE) + 1;
    if (bytes + piece.length < maxBytes || end === 0) {
      pieces.push(piece);
      bytes += piece.length;
      continue;
    }
    yield Buffer.concat([...pieces, piece.subarray(0, end)]);
    pieces = end < piece.length ? [piece.subarray(end)] : [];
    bytes = piece.length - end;
  }
  if (bytes > 0) yield Buffer.concat(pieces);
}

const NEWLINE = 10;
