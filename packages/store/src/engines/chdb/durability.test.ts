/**
 * What was acknowledged is on disk: the process is killed in the middle of inserts, and the disk runs full.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ClickHouseClient } from "@clickhouse/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { childEntry } from "../child-entry.ts";
import { connectClickHouse, fromClickHouseError } from "../clickhouse.ts";
import { type EmbeddedClickHouse, startChdb } from "./supervisor.ts";

const batchRows = 200;

let directory: string;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "chdb-durability-"));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await rm(directory, { recursive: true, force: true });
});

function open(engine: { readonly url: string }): ClickHouseClient {
  const client = connectClickHouse(engine.url);
  cleanups.push(() => client.close());
  return client;
}

async function createTable(client: ClickHouseClient): Promise<void> {
  await client.command({
    query: `CREATE TABLE batches (batch Int64, n Int64, payload String) ENGINE = MergeTree ORDER BY (batch, n)
      SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  });
}

/** Inserts batches until one fails or enough were acknowledged. */
async function insertBatches(
  client: ClickHouseClient,
  acknowledged: number[],
  next: () => number,
  onAcknowledged: () => void = () => undefined,
): Promise<void> {
  for (;;) {
    const batch = next();
    const values = Array.from({ length: batchRows }, (_, n) => ({ batch, n, payload: `${batch}-${n} `.repeat(20) }));
    try {
      await client.insert({ table: "batches", values, format: "JSONEachRow" });
    } catch (error) {
      expect(fromClickHouseError(error).code).toBe("STORE_UNAVAILABLE");
      return;
    }
    acknowledged.push(batch);
    onAcknowledged();
  }
}

/** Rows and different rows of each batch that is there. */
async function stored(client: ClickHouseClient): Promise<Map<number, { rows: number; different: number }>> {
  const result = await client.query({
    query: "SELECT batch, toInt32(count()) AS rows, toInt32(uniqExact(n)) AS different FROM batches GROUP BY batch",
    format: "JSONEachRow",
  });
  const found = await result.json<{ batch: number; rows: number; different: number }>();
  return new Map(found.map(({ batch, ...counts }) => [batch, counts]));
}

function expectWhole(found: Map<number, { rows: number; different: number }>, acknowledged: readonly number[]): void {
  expect(acknowledged.filter((batch) => !found.has(batch))).toEqual([]);
  const whole = { rows: batchRows, different: batchRows };
  expect([...found].filter(([, counts]) => JSON.stringify(counts) !== JSON.stringify(whole))).toEqual([]);
}

test("no acknowledged row is lost or doubled when the process is killed, round after round", async () => {
  const engine = await startChdb({ dataDir: join(directory, "chdb") });
  cleanups.push(() => engine.close());
  const client = open(engine);
  await createTable(client);
  const acknowledged: number[] = [];
  let last = 0;
  for (let round = 0; round < 4; round++) {
    const restarted = new Promise<void>((resolve) => {
      const off = engine.onRestart(() => {
        off();
        resolve();
      });
    });
    const killAt = acknowledged.length + 12 + round * 5;
    const kill = () => {
      const pid = engine.pid();
      if (acknowledged.length >= killAt && pid !== undefined) process.kill(pid, "SIGKILL");
    };
    await Promise.all([1, 2, 3].map(() => insertBatches(client, acknowledged, () => ++last, kill)));
    await restarted;
  }
  // 12 + 17 + 22 + 27: every round was killed after that many.
  expect(acknowledged.length).toBeGreaterThanOrEqual(78);
  expectWhole(await stored(client), acknowledged);
});

test("nor when the server above it is killed; the directory opens again at once", async () => {
  const dataDir = join(directory, "chdb");
  const script = join(directory, "server.mts");
  await writeFile(
    script,
    `import { startChdb } from ${JSON.stringify(new URL("./supervisor.ts", import.meta.url).href)};
     const engine = await startChdb({ dataDir: ${JSON.stringify(dataDir)} });
     console.log(engine.url);`,
  );
  const { execArgv } = childEntry(import.meta.url, "./child");
  const server = spawn(process.execPath, [...execArgv, script], { stdio: ["ignore", "pipe", "inherit"] });
  cleanups.push(async () => server.kill("SIGKILL"));
  const [url] = await once(createInterface({ input: server.stdout! }), "line");
  const client = open({ url });
  await createTable(client);
  const acknowledged: number[] = [];
  let last = 0;
  await insertBatches(
    client,
    acknowledged,
    () => ++last,
    () => {
      if (acknowledged.length === 20) server.kill("SIGKILL");
    },
  );
  const engine: EmbeddedClickHouse = await startChdb({ dataDir });
  cleanups.push(() => engine.close());
  expectWhole(await stored(open(engine)), acknowledged);
});

/** A small disk of its own; undefined where none can be mounted. */
function mountSmallDisk(path: string, megabytes: number): string | undefined {
  try {
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", path], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test("a full disk is STORAGE_FULL; reads go on, and writes too when there is space again", async (context) => {
  const refused = mountSmallDisk(directory, 60);
  if (refused !== undefined) context.skip(`no disk can be mounted here: ${refused}`);
  cleanups.push(async () => execFileSync("/bin/umount", ["-l", directory]));
  await writeFile(join(directory, "ballast"), Buffer.alloc(8_000_000, 1));
  const engine = await startChdb({ dataDir: join(directory, "chdb") });
  cleanups.push(() => engine.close());
  const client = open(engine);
  await createTable(client);
  const random = () => Math.random().toString(36).repeat(3);
  let batch = 0;
  const fill = async (): Promise<unknown> => {
    for (;;) {
      batch++;
      const values = Array.from({ length: 5000 }, (_, n) => ({ batch, n, payload: random() + random() + random() }));
      try {
        await client.insert({ table: "batches", values, format: "JSONEachRow" });
      } catch (error) {
        return error;
      }
    }
  };
  const full = fromClickHouseError(await fill());
  expect(full).toMatchObject({ code: "STORAGE_FULL", status: 503 });
  const kept = await stored(client);
  expect(kept.size).toBeGreaterThan(0);
  expect([...kept.values()].every(({ rows }) => rows === 5000)).toBe(true);
  // The engine itself cannot free much on a disk that is really full: TRUNCATE writes an empty part first.
  await rm(join(directory, "ballast"));
  await client.insert({ table: "batches", values: [{ batch: 0, n: 1, payload: "x" }], format: "JSONEachRow" });
  expect((await stored(client)).get(0)).toEqual({ rows: 1, different: 1 });
});
