/**
 * The data directory: made, checked, and locked, so that two servers never open one.
 *
 * The lock is a file with the id and the start time of its process. Both are needed: ids are used again, after a restart of a
 * container within seconds. The file of a process that is gone is stale and replaced.
 */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, mkdir, readdir, readFile, rename, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SightlineError } from "@sightline/wire/errors";
import { parseJson } from "@sightline/wire/json";

export const LOCK_FILE = "sightline.lock";

export interface DataDirectory {
  /** Whether it held no data before. */
  readonly isFresh: boolean;
  /** Writes the port into the lock, for whoever finds the directory in use. */
  setPort(port: number): Promise<void>;
  /** Removes the lock. */
  release(): Promise<void>;
}

interface Lock {
  readonly pid: number;
  /** When the process started, in a form that only equals itself. */
  readonly startedAt: string;
  readonly port?: number;
}

/**
 * Takes the directory for this process.
 *
 * @throws DATA_DIR_IN_USE with the process and port that has it, DATA_DIR_UNUSABLE
 */
export async function openDataDirectory(dir: string, options: { minFreeBytes: number }): Promise<DataDirectory> {
  await makeWritable(dir);
  const isFresh = (await readdir(dir)).every((name) => name.startsWith(LOCK_FILE));
  const file = join(dir, LOCK_FILE);
  const own: Lock = { pid: process.pid, startedAt: processStart(process.pid) ?? "" };
  await takeLock(dir, file, own);
  const release = async () => {
    const current = await readLock(file);
    if (current?.pid === own.pid && current.startedAt === own.startedAt) await rm(file, { force: true });
  };
  try {
    await checkFreeSpace(dir, options.minFreeBytes);
  } catch (error) {
    await release();
    throw error;
  }
  return {
    isFresh,
    setPort: async (port) => {
      // Renamed into place: a reader must never see a lock without content, which would look stale.
      const draft = `${file}.${randomUUID()}`;
      await writeFile(draft, JSON.stringify({ ...own, port }));
      await rename(draft, file);
    },
    release,
  };
}

async function makeWritable(dir: string): Promise<void> {
  try {
    // 0711: embedded PostgreSQL runs as another user when we are root and must be able to pass through to its own folder.
    await mkdir(dir, { recursive: true, mode: 0o711 });
    // Permission bits do not tell (root, read-only mounts, quotas): only writing does.
    const probe = join(dir, `${LOCK_FILE}.${randomUUID()}`);
    await writeFile(probe, "");
    await rm(probe);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "unknown reason";
    throw new SightlineError(
      "DATA_DIR_UNUSABLE",
      `The data directory ${dir} cannot be written to (${reason}); make it writable, or choose another with SIGHTLINE_DATA_DIR.`,
      { cause },
    );
  }
}

async function checkFreeSpace(dir: string, minFreeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  const free = bavail * bsize;
  if (free >= minFreeBytes) return;
  const megabytes = (bytes: number) => `${Math.floor(bytes / 1e6)} MB`;
  throw new SightlineError(
    "DATA_DIR_UNUSABLE",
    `The disk of the data directory ${dir} has ${megabytes(free)} free and ${megabytes(minFreeBytes)} are needed; ` +
      "make room, choose another disk with SIGHTLINE_DATA_DIR, or lower SIGHTLINE_MIN_FREE_DISK_BYTES.",
  );
}

/** Rounds of {@link TURN_MS} to wait for another process that is just replacing a stale lock. */
const MAX_TURNS = 100;
const TURN_MS = 20;

async function takeLock(dir: string, file: string, own: Lock): Promise<void> {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(own));
  try {
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      if (await linkIfAbsent(draft, file)) return;
      const found = await readLock(file);
      if (found && isAlive(found)) throw inUse(dir, found);
      if (!(await removeStale(file, draft))) await sleep(TURN_MS);
    }
    throw inUse(dir, await readLock(file));
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Removes a stale lock. One process at a time does so, under a lock of its own: else one that judged the old lock could remove the
 * new one that a faster process has put in its place.
 *
 * @returns false if another process is at it
 */
async function removeStale(file: string, draft: string): Promise<boolean> {
  const turnstile = `${file}.takeover`;
  if (!(await linkIfAbsent(draft, turnstile))) {
    const holder = await readLock(turnstile);
    // It was killed in the moments between these lines.
    if (holder && !isAlive(holder)) await rm(turnstile, { force: true });
    return false;
  }
  try {
    const found = await readLock(file);
    if (!found || !isAlive(found)) await rm(file, { force: true });
    return true;
  } finally {
    await rm(turnstile, { force: true });
  }
}

/** Puts the lock in place with its whole content: a reader never sees it half written, and of many one succeeds. */
async function linkIfAbsent(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function inUse(dir: string, lock: Lock | undefined): SightlineError {
  const at = lock?.port === undefined ? "" : ` at port ${lock.port}`;
  const who = lock ? `by the server with process id ${lock.pid}${at}` : "by another server";
  return new SightlineError(
    "DATA_DIR_IN_USE",
    `The data directory ${dir} is in use ${who}; stop that server, or choose another directory with SIGHTLINE_DATA_DIR.`,
  );
}

/** The lock in a file; undefined if there is none, or none that can be read (a write that a crash cut short). */
async function readLock(file: string): Promise<Lock | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const value = parseJson(text);
  if (typeof value !== "object" || value === null) return undefined;
  if (!("pid" in value && Number.isSafeInteger(value.pid) && "startedAt" in value)) return undefined;
  const port = "port" in value && typeof value.port === "number" ? { port: value.port } : {};
  return { pid: value.pid as number, startedAt: String(value.startedAt), ...port };
}

function isAlive(lock: Lock): boolean {
  try {
    process.kill(lock.pid, 0);
  } catch (error) {
    // EPERM: it lives, as another user.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const startedAt = processStart(lock.pid);
  return startedAt === undefined || startedAt === lock.startedAt;
}

/** When a process started, as text that only equals itself; "" for one that has ended, undefined if it cannot be told. */
function processStart(pid: number): string | undefined {
  try {
    if (process.platform === "linux") {
      // proc(5): the second field is the name in brackets and may hold spaces; state is field 3, start time field 22.
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      return fields[0] === "Z" || fields[0] === "X" ? "" : `${fields[19]} ticks`;
    }
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" && process.platform === "linux" ? "" : undefined;
  }
}
