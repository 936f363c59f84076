import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Pool } from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { processTable } from "../contract/process-table.ts";
import { childEntry } from "./child-entry.ts";
import { type EmbeddedPostgres, type PostgresProcessOptions, startPostgres } from "./embedded-postgres.ts";
import { connectPostgres, fromPostgresError } from "./postgres.ts";
import { findBinaries } from "./postgres-process/binaries.ts";
import { isRunning } from "./process-state.ts";

const isRoot = process.getuid?.() === 0;
const nobody = 65534;

let directory: string;
let dataDir: string;
let events: string[];
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "embedded-postgres-"));
  dataDir = join(directory, "postgres");
  events = [];
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await rm(directory, { recursive: true, force: true });
});

async function start(options: Partial<PostgresProcessOptions> = {}): Promise<EmbeddedPostgres> {
  const postgres = await startPostgres({ dataDir, onEvent: (sentence) => events.push(sentence), ...options });
  cleanups.push(() => postgres.close());
  return postgres;
}

test("a connection that breaks between two queries of its user ends nothing but that user's work", async () => {
  const postgres = await start();
  const pool = connectPostgres(postgres.url);
  cleanups.push(() => pool.end());
  const client = await pool.connect();
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  // Not `once` of node:events, which listens to errors itself.
  const ended = new Promise((resolve) => client.once("end", resolve));
  await pool.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
  await ended;
  const error = await client.query("SELECT 1").catch((caught: unknown) => caught);
  expect(fromPostgresError(error)).toMatchObject({ code: "STORE_UNAVAILABLE" });
  client.release(true);
  expect((await pool.query<{ one: number }>("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
});

function connect(postgres: { readonly url: string }): Pool {
  const pool = connectPostgres(postgres.url);
  cleanups.push(() => pool.end());
  return pool;
}

function restarted(postgres: EmbeddedPostgres): Promise<void> {
  return new Promise((resolve) => {
    const off = postgres.onRestart(() => {
      off();
      resolve();
    });
  });
}

/** The processes of a PostgreSQL: the postmaster and its children. */
function family(pid: number): number[] {
  const children = processTable().filter((row) => row.parent === pid);
  return [pid, ...children.map((row) => row.pid)];
}

/** A server in a process of its own, optionally started by another program like setpriv. */
async function otherServer(
  script: string,
  by: readonly string[] = [],
): Promise<{ process: ChildProcess; line: () => Promise<string>; errors: () => string }> {
  const file = join(directory, `server-${cleanups.length}.mts`);
  const url = new URL("./embedded-postgres.ts", import.meta.url).href;
  await writeFile(file, `import { startPostgres } from ${JSON.stringify(url)};\n${script}`);
  const [command, ...args] = [...by, process.execPath, ...childEntry(import.meta.url, "./x").execArgv, file];
  const child = spawn(command!, args, { stdio: ["ignore", "pipe", "pipe"] });
  cleanups.push(async () => child.kill("SIGKILL"));
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return { process: child, line: async () => String((await lines.next()).value), errors: () => errors };
}

const serve = () =>
  `const postgres = await startPostgres({ dataDir: ${JSON.stringify(dataDir)} });
   console.log(JSON.stringify({ url: postgres.url, pid: postgres.pid() }));
   process.on("SIGTERM", () => postgres.close().then(() => process.exit(0)));`;

async function kill(server: ChildProcess): Promise<void> {
  const exited = once(server, "exit");
  server.kill("SIGKILL");
  await exited;
}

describe("a cluster", () => {
  test("is made at the first start, opens again with its data, and no process is left after close", async () => {
    const first = await start();
    expect(first.adopted).toBe(false);
    const pids = family(first.pid()!);
    const pool = connect(first);
    await pool.query("CREATE TABLE kept (name text)");
    await pool.query("INSERT INTO kept VALUES ('é漢😀')");
    await first.close();
    expect(pids.length).toBeGreaterThan(3);
    expect(pids.filter(isRunning)).toEqual([]);
    expect(first.state()).toBe("closed");
    const second = await start();
    expect((await connect(second).query("SELECT name FROM kept")).rows).toEqual([{ name: "é漢😀" }]);
    expect(events).toEqual([`Made a new PostgreSQL in ${dataDir}.`]);
  });

  test("checks its pages, syncs to disk, sorts by code point, and listens on the loopback address only", async () => {
    const { rows } = await connect(await start()).query(
      `SELECT current_setting('data_checksums') AS checksums, current_setting('fsync') AS fsync,
         current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets,
         current_setting('server_encoding') AS encoding, 'Z' < 'a' AS by_code_point, upper('é') AS upper`,
    );
    expect(rows).toEqual([
      {
        checksums: "on",
        fsync: "on",
        addresses: "127.0.0.1",
        sockets: "",
        encoding: "UTF8",
        by_code_point: true,
        upper: "É",
      },
    ]);
  });

  test("has a password that only its owner reads, and no other is let in", async () => {
    const postgres = await start();
    const file = join(dataDir, "password");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { password } = new URL(postgres.url);
    expect(await readFile(file, "utf8")).toBe(password);
    expect(await readFile(`/proc/${postgres.pid()}/cmdline`, "utf8")).not.toContain(password);
    const wrong = connect({ url: postgres.url.replace(password, "wrong") });
    await expect(wrong.query("SELECT 1")).rejects.toMatchObject({ code: "28P01" });
  });

  test("whose making was killed is made anew by the next start", async () => {
    const server = await otherServer(serve());
    await expect
      .poll(async () => (await readdir(dataDir).catch(() => [])).some((name) => name.startsWith("initdb-")), {
        interval: 5,
      })
      .toBe(true);
    await kill(server.process);
    const postgres = await start();
    expect((await connect(postgres).query("SELECT 1 AS x")).rows).toEqual([{ x: 1 }]);
    expect((await readdir(dataDir)).sort()).toEqual(["data", "password", "server.lock", "server.log"]);
  });

  test("of another major version is refused with a sentence", async () => {
    await mkdir(join(dataDir, "data"), { recursive: true });
    await writeFile(join(dataDir, "data", "PG_VERSION"), "17\n");
    await expect(start()).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("was written by PostgreSQL 17, this Sightline brings 18"),
    });
  });
});

describe("a server that was killed", () => {
  test("leaves a PostgreSQL that the next one takes over and stops", async () => {
    const server = await otherServer(serve());
    const { url, pid } = JSON.parse(await server.line());
    await connect({ url }).query("CREATE TABLE kept AS SELECT 7 AS n");
    await kill(server.process);
    expect(isRunning(pid)).toBe(true);
    const postgres = await start();
    expect([postgres.adopted, postgres.pid(), postgres.url]).toEqual([true, pid, url]);
    expect((await connect(postgres).query("SELECT n FROM kept")).rows).toEqual([{ n: 7 }]);
    expect(events).toEqual([`Took over the PostgreSQL (pid ${pid}) of a server that was killed.`]);
    await postgres.close();
    expect(isRunning(pid)).toBe(false);
  });

  test("and whose PostgreSQL is stopping is waited for", async () => {
    const server = await otherServer(serve());
    const { url, pid } = JSON.parse(await server.line());
    // A smart shutdown waits for this connection.
    const pool = connect({ url });
    const held = await pool.connect();
    await kill(server.process);
    process.kill(pid, "SIGTERM");
    await expect
      .poll(async () => (await readFile(join(dataDir, "data", "postmaster.pid"), "utf8")).includes("stopping"))
      .toBe(true);
    const starting = start();
    held.release(true);
    const postgres = await starting;
    expect(postgres.adopted).toBe(false);
    expect((await connect(postgres).query("SELECT 1 AS x")).rows).toEqual([{ x: 1 }]);
  });

  test("the postmaster that was taken over is restarted when it dies", async () => {
    const server = await otherServer(serve());
    await server.line();
    await kill(server.process);
    const postgres = await start();
    expect(postgres.adopted).toBe(true);
    const again = restarted(postgres);
    process.kill(postgres.pid()!, "SIGKILL");
    await again;
    expect((await connect(postgres).query("SELECT 1 AS x")).rows).toEqual([{ x: 1 }]);
  });

  test("a postmaster.pid with the number of some other process does not stand in the way", async () => {
    const first = await start();
    await first.close();
    const file = join(dataDir, "data", "postmaster.pid");
    await writeFile(file, `${process.pid}\n${join(dataDir, "data")}\n1\n1\n\n127.0.0.1\n  1 1\nready\n`);
    if (isRoot) await chown(file, (await stat(join(dataDir, "data"))).uid, -1);
    expect((await connect(await start()).query("SELECT 1 AS x")).rows).toEqual([{ x: 1 }]);
  });
});

describe("a postmaster that dies", () => {
  test("is restarted at the same URL, and the pool goes on", async () => {
    const postgres = await start();
    const pool = connect(postgres);
    await pool.query("CREATE TABLE kept AS SELECT 1 AS n");
    const { url } = postgres;
    const pid = postgres.pid()!;
    const again = restarted(postgres);
    process.kill(pid, "SIGKILL");
    await again;
    expect(postgres.url).toBe(url);
    expect(postgres.pid()).not.toBe(pid);
    expect((await pool.query("SELECT n FROM kept")).rows).toEqual([{ n: 1 }]);
    expect(events.at(-1)).toBe("The embedded PostgreSQL stopped (SIGKILL) and was restarted.");
  });

  test("by the Ctrl+C that also ends the server is no reason to say anything", async () => {
    const postgres = await start();
    const pid = postgres.pid()!;
    process.kill(pid, "SIGINT");
    await expect.poll(() => isRunning(pid)).toBe(false);
    await postgres.close();
    expect(postgres.pid()).toBeUndefined();
    expect(events).toEqual([`Made a new PostgreSQL in ${dataDir}.`]);
  });

  test("by a signal meant for it alone is restarted too", async () => {
    const postgres = await start();
    const again = restarted(postgres);
    process.kill(postgres.pid()!, "SIGINT");
    await again;
    expect((await connect(postgres).query("SELECT 1 AS x")).rows).toEqual([{ x: 1 }]);
  });
});

describe("a second server", () => {
  test("is refused with the first one's pid, and the first goes on", async () => {
    const server = await otherServer(serve());
    const { url } = JSON.parse(await server.line());
    await expect(start()).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: `The directory ${dataDir} is in use by another process (pid ${server.process.pid}). Stop that server, or choose another directory with SIGHTLINE_DATA_DIR.`,
    });
    expect((await connect({ url }).query("SELECT 1 AS x")).rows).toEqual([{ x: 1 }]);
    const exited = once(server.process, "exit");
    server.process.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });
});

describe.runIf(isRoot)("as root", () => {
  const owner = async () => (await stat(join(dataDir, "data"))).uid;
  const answer = async (by: readonly string[]) => {
    const server = await otherServer(serve(), by);
    const line = await server.line();
    if (line === "undefined") return server.errors();
    const { url, pid } = JSON.parse(line);
    const { rows } = await connect({ url }).query("SELECT 1 AS x");
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const exited = once(server.process, "exit");
    server.process.kill("SIGTERM");
    await exited;
    return { rows, capabilities: Number.parseInt(/CapEff:\s+(\w+)/.exec(status)![1]!, 16) };
  };

  /** An ordinary user that may search folders, because this checkout may lie below one that is root's alone. */
  const asNobody = [
    "setpriv",
    `--reuid=${nobody}`,
    `--regid=${nobody}`,
    "--clear-groups",
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
  ];

  test("it runs as another user, without capabilities where every folder is open", async () => {
    await chmod(directory, 0o755);
    const { postgres } = await findBinaries();
    const programsAreOpen = spawnSync("/usr/bin/test", ["-x", postgres], { uid: nobody, gid: nobody }).status === 0;
    expect(await answer([])).toEqual({ rows: [{ x: 1 }], capabilities: programsAreOpen ? 0 : 2 ** 2 });
    expect(await owner()).not.toBe(0);
  });

  test("below a folder that is root's alone it gets the capability to search folders", async () => {
    await chmod(directory, 0o700);
    expect(await answer([])).toEqual({ rows: [{ x: 1 }], capabilities: 2 ** 2 });
  });

  test("where that one cannot be had, as in containers, it overrides permissions", async () => {
    await chmod(directory, 0o700);
    expect(await answer(["setpriv", "--bounding-set=-dac_read_search"])).toEqual({
      rows: [{ x: 1 }],
      capabilities: 2 ** 1,
    });
  });

  test("where none can be had, a sentence says what to do", async () => {
    await chmod(directory, 0o700);
    // The server itself must still reach its folder, which root owns.
    const said = await answer(["setpriv", "--bounding-set=-dac_read_search,-dac_override"]);
    expect(said).toMatch(
      /PostgreSQL does not run as root, and the user with id \d+, as which it would run, cannot reach .* Choose a SIGHTLINE_DATA_DIR/,
    );
  });

  test("a cluster of an ordinary user is run as that user", async () => {
    await chmod(directory, 0o755);
    await mkdir(dataDir);
    await chown(dataDir, nobody, nobody);
    const server = await otherServer(serve(), asNobody);
    const { url, pid } = JSON.parse(await server.line());
    await connect({ url }).query("CREATE TABLE kept AS SELECT 3 AS n");
    expect(/Uid:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))![1]).toBe(String(nobody));
    const exited = once(server.process, "exit");
    server.process.kill("SIGTERM");
    await exited;
    const postgres = await start();
    expect((await connect(postgres).query("SELECT n FROM kept")).rows).toEqual([{ n: 3 }]);
    expect(await owner()).toBe(nobody);
  });

  test("a cluster that root made is refused to an ordinary user with a sentence", async () => {
    await chmod(directory, 0o755);
    await (await start()).close();
    await chmod(dataDir, 0o777);
    const server = await otherServer(serve(), asNobody);
    expect(await server.line()).toBe("undefined");
    expect(server.errors()).toMatch(/belongs to the user with id \d+, and Sightline runs as 65534/);
  });

  test("a disk too small for a cluster is refused with a sentence", async (context) => {
    try {
      execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=20m", "tmpfs", directory], { stdio: "pipe" });
    } catch (error) {
      context.skip(`no disk can be mounted here: ${error}`);
    }
    cleanups.push(async () => execFileSync("/bin/umount", ["-l", directory]));
    await expect(start()).rejects.toMatchObject({
      code: "DATA_DIR_UNUSABLE",
      message: `The disk of ${dataDir} is full: PostgreSQL needs 60 MB to begin with. Free some space, or choose another directory with SIGHTLINE_DATA_DIR.`,
    });
  });
});

describe("the pool", () => {
  test("tells a lost server from a wrong query", async () => {
    const postgres = await start();
    const pool = connect(postgres);
    const wrong = fromPostgresError(await pool.query("SELECT nosuch").catch((error: unknown) => error));
    expect(wrong).toMatchObject({ code: "INTERNAL_ERROR", cause: { code: "42703" } });
    const slow = pool.query("SELECT pg_sleep(60)").catch((error: unknown) => fromPostgresError(error).code);
    await pool.query("SELECT 1");
    await postgres.close();
    expect(await slow).toBe("STORE_UNAVAILABLE");
    const refused = await pool.query("SELECT 1").catch((error: unknown) => fromPostgresError(error).code);
    expect(refused).toBe("STORE_UNAVAILABLE");
  });
});
