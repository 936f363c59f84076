/**
 * One run of the PostgreSQL server: start it or take over one that runs, see it end, stop it.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { open, readFile, realpath, rename, rm, stat, truncate } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SightlineError } from "@sightline/wire/errors";
import pg from "pg";
import { ended, isRunning } from "../process-state.ts";
import type { PostgresBinaries } from "./binaries.ts";
import { superuser } from "./cluster.ts";
import { readPostmasterFile } from "./postmaster-file.ts";
import { type RunAs, spawnAs } from "./run-as.ts";

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** It was left by a server that was killed. */
  readonly adopted: boolean;
  /** Resolves when the process is gone, with the way it ended; undefined if that cannot be known. */
  readonly ended: Promise<string | undefined>;
}

export interface PostmasterPlace {
  /** Folder of ours; the cluster is its subfolder `data`. */
  readonly dataDir: string;
  readonly binaries: PostgresBinaries;
  readonly runAs: RunAs;
  readonly password: string;
}

/** Recovery after a crash replays at most `max_wal_size`; on a slow disk that takes seconds. */
const readyLimitMs = 60_000;

/** Sessions of a killed postmaster notice within a second that it is gone, and let go of the shared memory. */
const leftoverLimitMs = 10_000;

const pollMs = 25;
const adoptedPollMs = 500;
const logMaxBytes = 1024 * 1024;

/**
 * Small: entities are few and queries take a millisecond. Without I/O workers, parallel workers and replication there are five
 * processes, which take 11 MB (PSS) together when idle and 5 MB more for each connection in use.
 */
const settings: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "40",
  shared_buffers: "16MB",
  work_mem: "4MB",
  maintenance_work_mem: "16MB",
  wal_buffers: "1MB",
  max_wal_size: "256MB",
  min_wal_size: "32MB",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_replication_slots: "0",
  io_method: "sync",
  max_worker_processes: "2",
  max_parallel_workers: "0",
  max_parallel_workers_per_gather: "0",
  autovacuum_worker_slots: "2",
  autovacuum_max_workers: "1",
  max_logical_replication_workers: "0",
  jit: "off",
  huge_pages: "off",
  // A transaction that its program forgot would keep its locks.
  idle_in_transaction_session_timeout: "300000",
  timezone: "UTC",
  log_timezone: "UTC",
  // LOG, FATAL and PANIC: failed statements are the caller's to report.
  log_min_messages: "log",
  log_checkpoints: "off",
  log_autovacuum_min_duration: "-1",
};

/** The server of the directory that runs already, if it is ours; waits for one that is starting or stopping. */
export async function adoptPostmaster(place: PostmasterPlace): Promise<Postmaster | undefined> {
  const data = join(place.dataDir, "data");
  const deadline = Date.now() + readyLimitMs;
  for (;;) {
    const file = await readPostmasterFile(data);
    // Of a process that is gone: PostgreSQL clears such a file away itself.
    if (!file || !isRunning(file.pid)) return undefined;
    if (file.status === "ready") {
      const answer = await whoAnswers(file.port, place.password);
      if (answer.ok && (await realpath(answer.dataDirectory)) === (await realpath(data))) {
        return { pid: file.pid, port: file.port, adopted: true, ended: endOf(file.pid) };
      }
    }
    if (!(await isPostgres(file.pid))) {
      // The number belongs to some other process by now; PostgreSQL would refuse to start for its sake.
      await rm(join(data, "postmaster.pid"), { force: true });
      return undefined;
    }
    if (Date.now() > deadline) {
      throw new SightlineError(
        "STORE_UNAVAILABLE",
        `A PostgreSQL (pid ${file.pid}) runs on ${data} and does not let Sightline in (${file.status}). Stop it and start again.`,
      );
    }
    await delay(pollMs);
  }
}

/**
 * Starts the server and waits until it takes connections.
 *
 * @param port  0 = any free one
 * @throws STORE_UNAVAILABLE with the last line of its log; DATA_DIR_UNUSABLE if the disk is full
 */
export async function startPostmaster(place: PostmasterPlace, port: number): Promise<Postmaster> {
  const deadline = Date.now() + leftoverLimitMs;
  for (;;) {
    const chosen = port === 0 ? await freePort() : port;
    const outcome = await launch(place, chosen);
    if ("pid" in outcome) return outcome;
    const portTaken = /Address already in use/.test(outcome.log);
    const leftover = /pre-existing shared memory block|lock file ".*" already exists/.test(outcome.log);
    if ((portTaken || leftover) && Date.now() < deadline) {
      await delay(200);
      continue;
    }
    const full = /No space left on device/.test(outcome.log);
    throw new SightlineError(
      full ? "DATA_DIR_UNUSABLE" : "STORE_UNAVAILABLE",
      full
        ? `The disk of ${place.dataDir} is full: PostgreSQL cannot start. Free some space.`
        : `PostgreSQL did not start on ${place.dataDir}: ${lastLine(outcome.log)} (log: ${logFile(place)})`,
    );
  }
}

/** Fast shutdown; immediate after 10 s; kill after 15 s. Afterwards the process is gone. */
export async function stopPostmaster(postmaster: Postmaster): Promise<void> {
  for (const [signal, waitMs] of [
    ["SIGINT", 10_000],
    ["SIGQUIT", 5000],
    ["SIGKILL", 60_000],
  ] as const) {
    try {
      process.kill(postmaster.pid, signal);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ESRCH") return;
      throw error;
    }
    if (await ended(postmaster.pid, waitMs)) return;
  }
}

async function launch(place: PostmasterPlace, port: number): Promise<Postmaster | { readonly log: string }> {
  const data = join(place.dataDir, "data");
  const args = ["-D", data, "-c", `port=${port}`];
  for (const [name, value] of Object.entries(settings)) args.push("-c", `${name}=${value}`);
  await boundLog(place);
  const log = await open(logFile(place), "a", 0o600);
  const logStart = (await log.stat()).size;
  let child: ChildProcess;
  let exit: Promise<string | undefined>;
  try {
    child = spawnAs(place.runAs, place.binaries.postgres, args, { stdio: ["ignore", log.fd, log.fd] });
    // Listen before anything is awaited: a postmaster that finds a lock file ends within milliseconds.
    exit = exitOf(child);
  } finally {
    await log.close();
  }
  const gone = exit.then(() => true);
  const deadline = Date.now() + readyLimitMs;
  while (Date.now() < deadline) {
    if (await Promise.race([gone, delay(pollMs, false)])) break;
    const file = await readPostmasterFile(data);
    if (file && file.pid === child.pid && file.status === "ready") {
      return { pid: file.pid, port, adopted: false, ended: exit };
    }
  }
  child.kill("SIGQUIT");
  await exit;
  return { log: (await readFile(logFile(place))).subarray(logStart).toString("utf8") };
}

/** How a child ended, in words. */
async function exitOf(child: ChildProcess): Promise<string | undefined> {
  try {
    const [code, signal] = await once(child, "exit");
    return signal ?? `code ${code}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The end of a process that is not our child can only be polled for. */
async function endOf(pid: number): Promise<undefined> {
  while (isRunning(pid)) await delay(adoptedPollMs, undefined, { ref: false });
  return undefined;
}

async function whoAnswers(
  port: number,
  password: string,
): Promise<{ ok: true; dataDirectory: string } | { ok: false; error: unknown }> {
  const client = new pg.Client({
    host: "127.0.0.1",
    port,
    user: superuser,
    password,
    database: "postgres",
    connectionTimeoutMillis: 5000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const result = await client.query<{ data_directory: string }>("SHOW data_directory");
    return { ok: true, dataDirectory: result.rows[0]?.data_directory ?? "" };
  } catch (error) {
    return { ok: false, error };
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function isPostgres(pid: number): Promise<boolean> {
  if (process.platform !== "linux") return true;
  const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
  return name.trim() === "postgres";
}

/** PostgreSQL takes no "any port", so one that is free now is looked up. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("A TCP server has a port.");
  return address.port;
}

/** Path of the server's log. */
export function logFile(place: Pick<PostmasterPlace, "dataDir">): string {
  return join(place.dataDir, "server.log");
}

/** At a start a long log becomes the old one. */
async function boundLog(place: PostmasterPlace): Promise<void> {
  const size = await stat(logFile(place)).then(
    (found) => found.size,
    () => 0,
  );
  if (size > logMaxBytes) await rename(logFile(place), `${logFile(place)}.old`);
}

/** While the server runs its log is emptied when it is too long: PostgreSQL appends, so it goes on at the start. */
export async function emptyLongLog(place: Pick<PostmasterPlace, "dataDir">): Promise<void> {
  const found = await stat(logFile(place));
  if (found.size > 4 * logMaxBytes) await truncate(logFile(place), 0);
}

function lastLine(log: string): string {
  return log.trim().split("\n").at(-1) ?? "";
}
