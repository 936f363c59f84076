/**
 * Giving the space of deleted rows back.
 *
 * Deleting writes tombstones; merges drop what they hide when they happen to meet it, which for the large parts of old months is
 * never. Here every partition with tombstones is looked at: one in which nothing is alive is dropped, one with many dead rows is
 * written anew. Neither stops inserts, and neither touches what is inserted meanwhile.
 */
import { SightlineError } from "@sightline/wire/errors";
import type { PurgeOptions, PurgeResult } from "../trace-removal.ts";
import type { Maintenance } from "./maintenance.ts";
import { purgeWords } from "./purge-words.ts";
import type { Queries } from "./queries.ts";
import { param, raw, type Sql, sql } from "./sql.ts";
import { traceTables } from "./trace-tables.ts";

const DEFAULT_MIN_DEAD_SHARE = 0.2;

interface Partition {
  readonly table: string;
  /** As ClickHouse names it: letters and digits. */
  readonly id: string;
}

/** @see TraceRemoval.purge */
export async function purge(queries: Queries, maintenance: Maintenance, options: PurgeOptions): Promise<PurgeResult> {
  const { signal, onProgress, minDeadShare = DEFAULT_MIN_DEAD_SHARE } = options;
  const partitions = await findPartitionsWithTombstones(queries, options);
  let rewritten = 0;
  let dropped = 0;
  let bytesFreed = 0;
  for (const [index, partition] of partitions.entries()) {
    signal?.throwIfAborted();
    const parts = await readParts(queries, partition);
    const rows = sum(parts, (part) => part.rows);
    const alive = await countAlive(queries, partition, parts, options);
    const isDue = alive === 0 || (rows > alive && (rows - alive) / rows >= minDeadShare);
    // Before the spans: their tombstones say which days have words to lose.
    if (isDue && partition.table === "spans") await purgeWords(queries, maintenance, partition.id, options);
    if (alive === 0) {
      dropped += await dropParts(maintenance, queries, partition, parts);
    } else if (isDue) {
      await maintenance.command(
        sql`OPTIMIZE TABLE ${queries.table(partition.table)} PARTITION ID ${literal(partition.id)} FINAL CLEANUP`,
        options,
      );
      rewritten += 1;
    }
    const before = sum(parts, (part) => part.bytes);
    // Inserts that came meanwhile may outweigh what was freed.
    bytesFreed += Math.max(0, before - sum(await readParts(queries, partition), (part) => part.bytes));
    onProgress?.(index + 1, partitions.length);
  }
  return { rewritten, dropped, bytesFreed };
}

async function findPartitionsWithTombstones(queries: Queries, options: PurgeOptions): Promise<Partition[]> {
  const partitions: Partition[] = [];
  for (const { name } of traceTables) {
    const rows = await queries.rows(
      sql`SELECT DISTINCT _partition_id FROM ${queries.table(name)} WHERE is_deleted = 1 ORDER BY _partition_id`,
      options,
    );
    for (const [id] of rows) partitions.push({ table: name, id: String(id) });
  }
  return partitions;
}

interface Part {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
}

/** The parts of a partition, oldest data first. */
async function readParts(queries: Queries, { table, id }: Partition): Promise<Part[]> {
  const rows = await queries.rows(
    sql`SELECT name, rows, bytes_on_disk FROM system.parts
      WHERE active AND database = ${param(queries.database, "String")} AND table = ${param(table, "String")}
        AND partition_id = ${param(id, "String")}
      ORDER BY min_block_number`,
  );
  return rows.map(([name, count, bytes]) => ({ name: String(name), rows: Number(count), bytes: Number(bytes) }));
}

/** Rows of the parts that reads would see if there were no others. */
async function countAlive(
  queries: Queries,
  { table, id }: Partition,
  parts: readonly Part[],
  options: PurgeOptions,
): Promise<number> {
  const names = parts.map((part) => part.name);
  const [row] = await queries.rows(
    sql`SELECT count() FROM ${queries.table(table)} FINAL
      WHERE _partition_id = ${param(id, "String")} AND _part IN ${param(names, "Array(String)")}`,
    options,
  );
  return Number(row?.[0]);
}

/**
 * Drops parts by name, oldest data first, and stops at the first that is not there any more.
 *
 * Not DROP PARTITION: it would take rows with it that were inserted since the parts were counted. The order matters: a tombstone is
 * always in a later part than what it hides, so at no moment does a tombstone go before its row. A part that a merge has taken up
 * meanwhile may hold live rows now, and those after it may hold tombstones for them.
 */
async function dropParts(
  maintenance: Maintenance,
  queries: Queries,
  { table }: Partition,
  parts: readonly Part[],
): Promise<number> {
  let dropped = 0;
  for (const { name } of parts) {
    try {
      await maintenance.command(sql`ALTER TABLE ${queries.table(table)} DROP PART ${literal(name)}`);
    } catch (error) {
      if (isMissingPart(error)) break;
      throw error;
    }
    dropped += 1;
  }
  return dropped;
}

/** @see ClickHouse's ErrorCodes: 232 NO_SUCH_DATA_PART */
function isMissingPart(error: unknown): boolean {
  const cause: unknown = error instanceof SightlineError ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && String(cause.code) === "232";
}

/** Names that the engine itself gave; DDL takes no parameters for them. */
function literal(name: string): Sql {
  if (!/^[\w-]+$/.test(name)) throw new RangeError(`"${name}" is no name of a part or partition.`);
  return raw(`'${name}'`);
}

function sum(parts: readonly Part[], read: (part: Part) => number): number {
  return parts.reduce((total, part) => total + read(part), 0);
}
