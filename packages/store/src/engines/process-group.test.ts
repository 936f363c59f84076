/**
 * Both engines under one server, when a signal goes to the whole process group, as the terminal's Ctrl+C and service managers do it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processTable } from "../contract/process-table.ts";
import { startChdb } from "./chdb/supervisor.ts";
import { childEntry } from "./child-entry.ts";
import { connectClickHouse } from "./clickhouse.ts";
import { startPostgres } from "./embedded-postgres.ts";
import { connectPostgres } from "./postgres.ts";
import { ended } from "./process-state.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "process-group-"));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

interface Server {
  readonly process: ChildProcess;
  readonly clickhouse: string;
  readonly postgres: string;
  readonly pids: readonly number[];
  /** All it wrote to stderr, events of the engines among it. */
  errors(): string;
}

/** A server in a process group of its own, which closes its engines on a signal. */
async function startServer(): Promise<Server> {
  const script = join(directory, "server.mts");
  const url = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  await writeFile(
    script,
    `import { startChdb } from ${url("./chdb/supervisor.ts")};
     import { startPostgres } from ${url("./embedded-postgres.ts")};
     const onEvent = (sentence) => { if (!sentence.startsWith("Made a new")) console.error(sentence); };
     const [clickhouse, postgres] = await Promise.all([
       startChdb({ dataDir: ${JSON.stringify(join(directory, "chdb"))}, onEvent }),
       startPostgres({ dataDir: ${JSON.stringify(join(directory, "postgres"))}, onEvent }),
     ]);
     const stop = async () => { await Promise.all([clickhouse.close(), postgres.close()]); process.exit(0); };
     for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);
     console.log(JSON.stringify({ clickhouse: clickhouse.url, postgres: postgres.url, pids: [clickhouse.pid(), postgres.pid()] }));`,
  );
  const { execArgv } = childEntry(import.meta.url, "./server");
  const child = spawn(process.execPath, [...execArgv, script], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { process: child, ...JSON.parse(line), errors: () => errors };
}

/** Command lines of the processes of a group. */
function group(pid: number): string[] {
  return processTable()
    .filter((row) => row.group === pid)
    .map((row) => row.args);
}

test.each(["SIGINT", "SIGTERM"] as const)("%s to the group ends all with 0 and without a word", async (signal) => {
  const server = await startServer();
  const pid = server.process.pid!;
  expect(group(pid).length).toBeGreaterThanOrEqual(3);
  const exited = once(server.process, "close");
  process.kill(-pid, signal);
  expect(await exited).toEqual([0, null]);
  expect(server.errors()).toBe("");
  expect(group(pid)).toEqual([]);
});

test("SIGKILL to the group leaves a directory that opens with all its data", async () => {
  const server = await startServer();
  const clickhouse = connectClickHouse(server.clickhouse);
  const pool = connectPostgres(server.postgres);
  await clickhouse.command({
    query: "CREATE TABLE kept (a Int64) ENGINE = MergeTree ORDER BY a SETTINGS fsync_after_insert = 1",
  });
  await clickhouse.insert({ table: "kept", values: [{ a: 5 }], format: "JSONEachRow" });
  await pool.query("CREATE TABLE kept AS SELECT 6 AS a");
  const exited = once(server.process, "exit");
  process.kill(-server.process.pid!, "SIGKILL");
  await exited;
  await Promise.all([clickhouse.close(), pool.end()]);
  for (const pid of server.pids) expect(await ended(pid, 5000)).toBe(true);

  const [chdb, postgres] = await Promise.all([
    startChdb({ dataDir: join(directory, "chdb") }),
    startPostgres({ dataDir: join(directory, "postgres") }),
  ]);
  const [client, again] = [connectClickHouse(chdb.url), connectPostgres(postgres.url)];
  try {
    const found = await client.query({ query: "SELECT toInt32(a) AS a FROM kept", format: "JSONEachRow" });
    expect(await found.json()).toEqual([{ a: 5 }]);
    expect((await again.query("SELECT a FROM kept")).rows).toEqual([{ a: 6 }]);
  } finally {
    await Promise.all([client.close(), again.end()]);
    await Promise.all([chdb.close(), postgres.close()]);
  }
});
