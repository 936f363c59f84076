/**
 * Brings the PostgreSQL schema up to date, and lends its lock to whoever else must migrate alone.
 */
import { SightlineError } from "@sightline/wire/errors";
import type { Pool, PoolClient } from "pg";
import { fromPostgresError } from "../engines/postgres.ts";
import { type Migration, type MigrationPort, migrate } from "../migrate.ts";
import { migrations } from "./migrations/list.ts";

/** Any number that no other program uses for its advisory locks: "sightlin" in ASCII. */
const LOCK_KEY = "8316291885243853166";
/** Longer than any migration that there is; after that the other server is taken to hang. */
const LOCK_TIMEOUT_MS = 60_000;

/**
 * Applies the missing migrations in one transaction: all or none. Servers that start at the same time wait for each other.
 *
 * @param alongside  is run under the same lock, after the migrations; if it fails they are undone
 * @param steps  default: all
 * @returns what `alongside` gives
 * @throws STORE_UNAVAILABLE if the database does not answer, is of a newer version, or another server keeps the lock; what
 *   `alongside` throws
 */
export async function migratePostgres<T>(
  pool: Pool,
  alongside: () => Promise<T>,
  steps: readonly Migration[] = migrations,
): Promise<T> {
  const client = await connect(pool);
  let isDone = false;
  try {
    await client.query("BEGIN");
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    // Bound to the transaction, so that it is let go however this process ends, also behind a pooler.
    await client.query(`SELECT pg_advisory_xact_lock(${LOCK_KEY})`);
    await client.query("CREATE SCHEMA IF NOT EXISTS sightline");
    await client.query(
      "CREATE TABLE IF NOT EXISTS sightline.schema_migrations (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
    );
    await migrate(migrationPort(client), steps);
    const result = await alongside();
    await client.query("COMMIT");
    isDone = true;
    return result;
  } catch (error) {
    throw isLockTimeout(error) ? lockedOut(error) : fromPostgresError(error);
  } finally {
    // A connection that is thrown away in the middle of a transaction rolls back.
    client.release(!isDone);
  }
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw fromPostgresError(error);
  }
}

function lockedOut(cause: unknown): SightlineError {
  return new SightlineError(
    "STORE_UNAVAILABLE",
    `Another Sightline server has been changing the schema for ${LOCK_TIMEOUT_MS / 1000} s. Wait for it or stop it, then start again.`,
    { cause },
  );
}

function migrationPort(client: PoolClient): MigrationPort {
  return {
    async applied() {
      const { rows } = await client.query<{ number: number }>("SELECT number FROM sightline.schema_migrations");
      return new Set(rows.map((row) => row.number));
    },
    async apply({ number, name, statements }) {
      for (const statement of statements) await client.query(statement);
      await client.query("INSERT INTO sightline.schema_migrations (number, name) VALUES ($1, $2)", [number, name]);
    },
  };
}

/** @see https://www.postgresql.org/docs/current/errcodes-appendix.html (55P03 lock_not_available) */
function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "55P03";
}
