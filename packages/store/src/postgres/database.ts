/**
 * A pool of connections as Drizzle's database.
 */
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import type { Pool } from "pg";

/**
 * Opens the database of a pool.
 *
 * Transactions take and give back their connection here: Drizzle 0.45 keeps one for ever whose `BEGIN` fails, as it does when
 * PostgreSQL goes away at that moment. The pool would then wait for it when it ends, and run out of connections after ten.
 */
export function openDatabase(pool: Pool): NodePgDatabase {
  const database: NodePgDatabase = drizzle(pool);
  database.transaction = async (work, config) => {
    const client = await pool.connect();
    try {
      return await drizzle(client).transaction(work, config);
    } finally {
      // A connection that broke is not used again: the pool looks whether it can be.
      client.release();
    }
  };
  return database;
}
