/**
 * Tables of PostgreSQL ⇄ lines of JSON, inside one transaction each way.
 *
 * The embedded PostgreSQL comes without pg_dump. `to_json` and `json_populate_recordset` are exact for every type that has a text form,
 * and go by the names of the columns.
 *
 * @see https://www.postgresql.org/docs/current/functions-json.html
 */
import { Readable } from "node:stream";
import { readLines } from "@sightline/wire/lines";
import type { Pool, PoolClient } from "pg";
import type { BackupTable } from "../backup-source.ts";
import { fromPostgresError } from "../engines/postgres.ts";

/** Stands among the tables for where each sequence is. */
export const SEQUENCES = "sequences";

const ROWS_AT_ONCE = 500;
/** Characters of lines in one INSERT. */
const CHARS_AT_ONCE = 4 * 1024 * 1024;

/** About how many rows all tables have. */
export async function countRows(pool: Pool): Promise<number> {
  const { rows } = await query<{ rows: string }>(
    pool,
    "SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint AS rows FROM pg_class WHERE relkind = 'r' AND relnamespace = 'sightline'::regnamespace",
  );
  return Number(rows[0]?.rows ?? 0);
}

/** Numbers of the migrations that were applied. */
export async function readSchemaNumbers(pool: Pool): Promise<number[]> {
  const { rows } = await query<{ number: number }>(
    pool,
    "SELECT number FROM sightline.schema_migrations ORDER BY number",
  );
  return rows.map(({ number }) => number);
}

/** All tables as they are at one moment, those that others refer to first, then the sequences. */
export async function* dumpTables(
  pool: Pool,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<BackupTable, void> {
  const client = await connect(pool);
  let isDone = false;
  try {
    await query(client, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    for (const table of await listTables(client)) {
      signal.throwIfAborted();
      yield { engine: "postgres", table, rows: () => readRows(client, table) };
    }
    const sequences = await readSequences(client);
    yield { engine: "postgres", table: SEQUENCES, rows: () => Readable.from(sequences) };
    await query(client, "COMMIT");
    isDone = true;
  } finally {
    // A connection that is thrown away in the middle of a transaction rolls back.
    client.release(!isDone);
  }
}

async function* readRows(client: PoolClient, table: string): AsyncGenerator<Uint8Array, void> {
  await query(
    client,
    `DECLARE dump NO SCROLL CURSOR FOR SELECT to_json(t)::text AS line FROM sightline.${quote(table)} AS t`,
  );
  for (;;) {
    const { rows } = await query<{ line: string }>(client, `FETCH ${ROWS_AT_ONCE} FROM dump`);
    if (rows.length === 0) break;
    // JSON of PostgreSQL may have line breaks between its tokens, if they were in a json column; none inside of its strings.
    yield Buffer.from(rows.map(({ line }) => `${line.replaceAll("\n", " ")}\n`).join(""));
  }
  await query(client, "CLOSE dump");
}

/** Tables without that of the migrations, in an order in which each comes behind those that its foreign keys name. */
async function listTables(client: PoolClient): Promise<string[]> {
  const { rows } = await query<{ table: string; needs: string[] }>(
    client,
    `SELECT c.relname AS table,
        array(SELECT DISTINCT f.relname::text FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid
          WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid) AS needs
      FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'sightline'::regnamespace AND c.relname <> 'schema_migrations'
      ORDER BY c.relname`,
  );
  const needsOf = new Map(rows.map(({ table, needs }) => [table, needs]));
  const ordered = new Set<string>();
  const visit = (table: string, above: ReadonlySet<string>) => {
    if (ordered.has(table) || above.has(table)) return;
    for (const needed of needsOf.get(table) ?? []) visit(needed, new Set([...above, table]));
    ordered.add(table);
  };
  for (const { table } of rows) visit(table, new Set());
  return [...ordered];
}

async function readSequences(client: PoolClient): Promise<Uint8Array[]> {
  const { rows } = await query<{ name: string }>(
    client,
    "SELECT relname AS name FROM pg_class WHERE relkind = 'S' AND relnamespace = 'sightline'::regnamespace ORDER BY relname",
  );
  const lines: Uint8Array[] = [];
  for (const { name } of rows) {
    // Sequences stand outside of transactions: they may be further than the rows, which only leaves a gap.
    const { rows: states } = await query<{ last: string; called: boolean }>(
      client,
      `SELECT last_value::text AS last, is_called AS called FROM sightline.${quote(name)}`,
    );
    lines.push(Buffer.from(`${JSON.stringify({ name, ...states[0] })}\n`));
  }
  return lines;
}

/**
 * Fills tables whose schema is that of the dump; what migrations put there is replaced.
 *
 * @param tables  in the order in which they were dumped
 */
export async function loadTables(pool: Pool, tables: AsyncIterable<BackupTable>): Promise<void> {
  const client = await connect(pool);
  let isDone = false;
  try {
    await query(client, "BEGIN");
    const known = await listTables(client);
    if (known.length > 0) {
      await query(client, `TRUNCATE ${known.map((table) => `sightline.${quote(table)}`).join(", ")}`);
    }
    for await (const { table, rows } of tables) {
      if (table === SEQUENCES) await loadSequences(client, rows());
      else await loadRows(client, table, rows());
    }
    if (known.includes("jobs")) {
      // The backup has itself among the running jobs. Others, deletions for one, go on where they were.
      await query(
        client,
        `UPDATE sightline.jobs SET state = 'succeeded', ended_at = clock_timestamp()
          WHERE kind = 'backup' AND state IN ('queued', 'running')`,
      );
    }
    await query(client, "COMMIT");
    isDone = true;
  } finally {
    client.release(!isDone);
  }
}

async function loadRows(client: PoolClient, table: string, rows: AsyncIterable<Uint8Array>): Promise<void> {
  const { rows: columns } = await query<{ name: string }>(
    client,
    `SELECT attname AS name FROM pg_attribute
      WHERE attrelid = 'sightline.${quote(table)}'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
  );
  const list = columns.map(({ name }) => quote(name)).join(", ");
  const name = `sightline.${quote(table)}`;
  let lines: string[] = [];
  let chars = 0;
  const flush = async () => {
    if (lines.length === 0) return;
    await query(
      client,
      `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE
        SELECT ${list} FROM json_populate_recordset(NULL::${name}, $1::json)`,
      [`[${lines.join(",")}]`],
    );
    lines = [];
    chars = 0;
  };
  for await (const line of linesOf(rows)) {
    lines.push(line);
    chars += line.length;
    if (chars > CHARS_AT_ONCE) await flush();
  }
  await flush();
}

async function loadSequences(client: PoolClient, rows: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const line of linesOf(rows)) {
    // Written by `readSequences`, and its checksum was right.
    const { name, last, called } = JSON.parse(line) as { name: string; last: string; called: boolean };
    await query(client, "SELECT setval($1::regclass, $2::bigint, $3)", [`sightline.${quote(name)}`, last, called]);
  }
}

async function* linesOf(rows: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  for await (const { bytes } of readLines(rows)) {
    if (bytes !== undefined && bytes.length > 0) yield Buffer.from(bytes).toString("utf8");
  }
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw fromPostgresError(error);
  }
}

async function query<Row extends object>(on: Pool | PoolClient, text: string, values: unknown[] = []) {
  try {
    return await on.query<Row>(text, values);
  } catch (error) {
    throw fromPostgresError(error);
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
