import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ClickHouseClient } from "@clickhouse/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { childEntry } from "../child-entry.ts";
import { connectClickHouse, fromClickHouseError } from "../clickhouse.ts";
import { ended, isRunning } from "../process-state.ts";
import { type ChdbOptions, type EmbeddedClickHouse, startChdb } from "./supervisor.ts";

let directory: string;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "chdb-supervisor-"));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await rm(directory, { recursive: true, force: true });
});

async function start(options: Partial<ChdbOptions> = {}): Promise<EmbeddedClickHouse> {
  const engine = await startChdb({ dataDir: join(directory, "chdb"), ...options });
  cleanups.push(() => engine.close());
  return engine;
}

function connect(engine: { readonly url: string }): ClickHouseClient {
  const client = connectClickHouse(engine.url);
  cleanups.push(() => client.close());
  return client;
}

async function value(client: ClickHouseClient, query: string): Promise<string> {
  return (await (await client.query({ query, format: "TabSeparated" })).text()).trim();
}

function restarted(engine: EmbeddedClickHouse): Promise<void> {
  return new Promise((resolve) => {
    const off = engine.onRestart(() => {
      off();
      resolve();
    });
  });
}

/** Another server on the directory, in a process of its own, that says what the script prints. */
async function otherServer(script: string): Promise<{ process: ChildProcess; line: () => Promise<string> }> {
  const file = join(directory, `server-${cleanups.length}.mts`);
  const url = new URL("./supervisor.ts", import.meta.url).href;
  await writeFile(file, `import { startChdb } from ${JSON.stringify(url)};\n${script}`);
  const { execArgv } = childEntry(import.meta.url, "./child");
  const child = spawn(process.execPath, [...execArgv, file], { stdio: ["ignore", "pipe", "inherit"] });
  cleanups.push(async () => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return { process: child, line: async () => String((await lines.next()).value) };
}

const serve = (dataDir: string) =>
  `const engine = await startChdb({ dataDir: ${JSON.stringify(dataDir)} });
   console.log(JSON.stringify({ url: engine.url, pid: engine.pid() }));`;

describe("the process", () => {
  test("is gone after close, and the directory opens again with its data", async () => {
    const first = await start();
    const pid = first.pid()!;
    await connect(first).command({ query: "CREATE TABLE kept (a Int64) ENGINE = MergeTree ORDER BY a" });
    await connect(first).insert({ table: "kept", values: [{ a: 1 }], format: "JSONEachRow" });
    await first.close();
    expect(isRunning(pid)).toBe(false);
    expect(first.state()).toBe("closed");
    expect(first.pid()).toBeUndefined();
    const second = await start();
    expect(await value(connect(second), "SELECT a FROM kept")).toBe("1");
  });

  test("closes while queries run", async () => {
    const engine = await start();
    const client = connect(engine);
    const slow = client
      .command({
        query: "SELECT count() FROM numbers(1000000) WHERE sleepEachRow(0.02) = 1 SETTINGS max_block_size = 1",
      })
      .catch((error: unknown) => fromClickHouseError(error).code);
    await client.ping();
    const pid = engine.pid()!;
    await engine.close();
    expect(isRunning(pid)).toBe(false);
    expect(["STORE_UNAVAILABLE", "INTERNAL_ERROR"]).toContain(await slow);
  });

  test("does not end by Ctrl+C or SIGTERM, which the supervisor decides about", async () => {
    const engine = await start();
    const pid = engine.pid()!;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(pid, signal);
    expect(await value(connect(engine), "SELECT 1")).toBe("1");
    expect(engine.pid()).toBe(pid);
  });

  test("takes its password neither from its arguments nor from its environment", async () => {
    const engine = await start();
    const { password } = new URL(engine.url);
    const { readFile } = await import("node:fs/promises");
    for (const file of ["cmdline", "environ"]) {
      expect(await readFile(`/proc/${engine.pid()}/${file}`, "utf8")).not.toContain(password);
    }
  });
});

describe("a death", () => {
  test("is followed by a restart at the same URL, with one sentence", async () => {
    const events: string[] = [];
    const engine = await start({ onEvent: (sentence) => events.push(sentence) });
    const { url } = engine;
    const client = connect(engine);
    await client.command({ query: "CREATE TABLE kept (a Int64) ENGINE = MergeTree ORDER BY a" });
    const again = restarted(engine);
    const pid = engine.pid()!;
    process.kill(pid, "SIGKILL");
    await again;
    expect(engine.url).toBe(url);
    expect(engine.pid()).not.toBe(pid);
    expect(await value(client, "SELECT count() FROM kept")).toBe("0");
    expect(events).toEqual(["The embedded ClickHouse stopped (SIGKILL) and was restarted."]);
  });

  test("is STORE_UNAVAILABLE for the calls it meets", async () => {
    const engine = await start();
    const client = connect(engine);
    const slow = client.command({ query: "SELECT sleepEachRow(1) FROM numbers(3) SETTINGS max_block_size = 1" });
    const caught = slow.catch((error: unknown) => fromClickHouseError(error).code);
    await client.ping();
    const again = restarted(engine);
    process.kill(engine.pid()!, "SIGKILL");
    expect(await caught).toBe("STORE_UNAVAILABLE");
    const refused = await client.command({ query: "SELECT 1" }).catch((error: unknown) => fromClickHouseError(error));
    if (refused instanceof Error) expect(refused).toMatchObject({ code: "STORE_UNAVAILABLE" });
    await again;
  });

  test("too many of them in a row end in one sentence and the state failed", async () => {
    const events: string[] = [];
    const engine = await start({ onEvent: (sentence) => events.push(sentence) });
    for (let restarts = 0; restarts < 5; restarts++) {
      const again = restarted(engine);
      process.kill(engine.pid()!, "SIGKILL");
      await again;
    }
    const pid = engine.pid()!;
    process.kill(pid, "SIGKILL");
    expect(await ended(pid, 5000)).toBe(true);
    await expect.poll(() => engine.state()).toBe("failed");
    expect(events.at(-1)).toBe(
      "The embedded ClickHouse stopped (SIGKILL) 6 times in a row; it is not started again. Restart Sightline.",
    );
    await engine.close();
  });

  test("close during a restart leaves nothing behind", async () => {
    const engine = await start();
    process.kill(engine.pid()!, "SIGKILL");
    await engine.close();
    expect(engine.pid()).toBeUndefined();
    await start();
  });
});

describe("the directory", () => {
  test("has one server: the second is refused with the first one's pid, and the first goes on", async () => {
    const dataDir = join(directory, "chdb");
    const other = await otherServer(serve(dataDir));
    const { url, pid } = JSON.parse(await other.line());
    await expect(startChdb({ dataDir })).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: `The directory ${dataDir} is in use by another process (pid ${pid}). Stop that server, or choose another directory with SIGHTLINE_DATA_DIR.`,
    });
    expect(await value(connect({ url }), "SELECT 1")).toBe("1");
  });

  test("is free again when its server is killed, even in the middle of a query", async () => {
    const dataDir = join(directory, "chdb");
    const other = await otherServer(serve(dataDir));
    const { url, pid } = JSON.parse(await other.line());
    const client = connect({ url });
    const slow = client
      .command({ query: "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1" })
      .catch(() => "cut");
    const exited = once(other.process, "exit");
    other.process.kill("SIGKILL");
    await exited;
    const engine = await start({ dataDir });
    expect(isRunning(pid)).toBe(false);
    expect(await slow).toBe("cut");
    expect(await value(connect(engine), "SELECT 1")).toBe("1");
  });

  test("that cannot be made is refused with a sentence", async () => {
    const file = join(directory, "file");
    await writeFile(file, "");
    await expect(startChdb({ dataDir: join(file, "chdb") })).rejects.toMatchObject({
      code: "DATA_DIR_UNUSABLE",
      message: expect.stringMatching(
        /^The directory .*file\/chdb cannot be written \(ENOTDIR.*\)\. Choose another one with SIGHTLINE_DATA_DIR\.$/,
      ),
    });
  });
});
