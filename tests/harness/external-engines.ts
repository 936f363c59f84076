/**
 * Engines that Sightline did not start: ClickHouse's HTTP interface in front of chDB in a process of its own, and a PostgreSQL
 * server of the machine (Debian's `postgresql`), or the packaged one where there is none.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { startChdb } from "@sightline/store/engines/chdb/supervisor";
import { startPostgres } from "@sightline/store/engines/embedded-postgres";
import { connectPostgres } from "@sightline/store/engines/postgres";
import { freePort } from "./sightline-process.ts";

export interface ExternalEngine {
  /** What it is, with its version. */
  readonly name: string;
  readonly url: string;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

/** ClickHouse as a server elsewhere: the caller knows nothing but the URL. */
export async function startExternalClickHouse(): Promise<ExternalEngine> {
  const directory = await mkdtemp(join(tmpdir(), "sightline-external-"));
  const chdb = await startChdb({ dataDir: directory });
  return {
    name: "chDB behind ClickHouse's HTTP interface",
    url: chdb.url,
    async stop() {
      await chdb.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The PostgreSQL of this machine if it has one, else the packaged one started apart. */
export async function startExternalPostgres(): Promise<ExternalEngine> {
  const binaries = findPostgres();
  return binaries === undefined ? startPackaged() : startInstalled(binaries);
}

async function startPackaged(): Promise<ExternalEngine> {
  const directory = await mkdtemp(join(tmpdir(), "sightline-external-"));
  await chmod(directory, 0o755);
  const postgres = await startPostgres({ dataDir: join(directory, "postgres") });
  return {
    name: "the packaged PostgreSQL, started apart",
    url: postgres.url,
    async stop() {
      await postgres.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** nobody on Debian: PostgreSQL refuses to run as root. */
const NOBODY = 65_534;

async function startInstalled(binaries: string): Promise<ExternalEngine> {
  const directory = await mkdtemp(join(tmpdir(), "sightline-external-"));
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const data = join(directory, "data");
  mkdirSync(data, { mode: 0o700 });
  if ("uid" in user) for (const path of [directory, data]) chownSync(path, NOBODY, NOBODY);
  await promisify(execFile)(
    join(binaries, "initdb"),
    ["-D", data, "-U", "sightline", "--auth=trust", "--encoding=UTF8", "--no-sync"],
    user,
  );
  const port = await freePort();
  const args = ["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-k", directory];
  const child = spawn(join(binaries, "postgres"), args, { ...user, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const url = `postgres://sightline@127.0.0.1:${port}/postgres`;
  const deadline = Date.now() + 30_000;
  let version: string | undefined;
  while (version === undefined) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`PostgreSQL did not start:\n${said}`);
    version = await versionOf(url);
  }
  return {
    name: `PostgreSQL ${version} of ${binaries}`,
    url,
    async stop() {
      const exited = once(child, "exit");
      // Fast shutdown: connections are cut.
      child.kill("SIGINT");
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function versionOf(url: string): Promise<string | undefined> {
  const pool = connectPostgres(url);
  try {
    const { rows } = await pool.query<{ server_version: string }>("SHOW server_version");
    return rows[0]?.server_version;
  } catch {
    // Not up yet.
    return undefined;
  } finally {
    await pool.end();
  }
}

/** Folder with initdb and postgres: on the PATH, or where Debian puts them (newest first). */
function findPostgres(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...versions.map((name) => join(debian, name, "bin"))];
  return folders.find(
    (folder) => folder !== "" && ["initdb", "postgres"].every((name) => existsSync(join(folder, name))),
  );
}
