import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pool, PoolClient } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EmbeddedPostgres, startPostgres } from "../engines/embedded-postgres.ts";
import { connectPostgres } from "../engines/postgres.ts";
import { openDatabase } from "./database.ts";

let directory: string;
let postgres: EmbeddedPostgres;
let pool: Pool;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sightline-database-"));
  postgres = await startPostgres({ dataDir: join(directory, "postgres") });
  pool = connectPostgres(postgres.url, { maxConnections: 1 });
});
afterAll(async () => {
  await pool?.end();
  await postgres?.close();
  await rm(directory, { recursive: true, force: true });
});

async function terminate(client: PoolClient): Promise<void> {
  const ended = new Promise((resolve) => client.once("end", resolve));
  const other = connectPostgres(postgres.url);
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  await other.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
  await ended;
  await other.end();
}

test("a transaction whose connection breaks before it begins gives it back", async () => {
  const database = openDatabase(pool);
  // The next connection that is taken is gone when the transaction begins.
  const connect = pool.connect.bind(pool);
  const once = async () => {
    const client = await connect();
    await terminate(client);
    return client;
  };
  Object.assign(pool, { connect: once });
  try {
    await expect(database.transaction(async () => "never")).rejects.toThrow();
  } finally {
    Object.assign(pool, { connect });
  }
  // There is one connection in all.
  expect(await database.transaction(async () => "done")).toBe("done");
});
