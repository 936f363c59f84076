/**
 * One server for a directory.
 *
 * A lock file names the process that holds it, with the time it was started; the lock of a process that is gone is taken over.
 * (PostgreSQL's own postmaster.pid cannot do this: it is there as long as the postmaster, which outlives a killed server.)
 */
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SightlineError } from "@sightline/wire/errors";
import { processStart } from "../process-state.ts";

interface Holder {
  readonly pid: number;
  readonly start: string;
}

const retryMs = 10;

let files = 0;

/**
 * Takes the lock.
 *
 * @returns gives it back
 * @throws STORE_UNAVAILABLE with the pid of the holder
 */
export async function lockDirectory(dataDir: string): Promise<() => Promise<void>> {
  const file = join(dataDir, "server.lock");
  for (;;) {
    if (await create(file)) return () => rm(file, { force: true });
    const found = await look(file);
    if (typeof found === "object") throw inUse(dataDir, found.pid);
    if (found === "dead") await removeDead(file);
  }
}

/**
 * Removes a lock whose holder is gone. Two that do so at once could remove each other's new lock, so this needs a lock of its own; it is
 * held for a moment, and one that was left there by a crash is removed in the same way.
 */
async function removeDead(file: string): Promise<void> {
  const takeover = `${file}.takeover`;
  while (!(await create(takeover))) {
    if ((await look(takeover)) === "dead") await removeDead(takeover);
    else await delay(retryMs);
  }
  try {
    // Nobody can make a file that is there, and nobody else can remove it now.
    if ((await look(file)) === "dead") await rm(file);
  } finally {
    await rm(takeover, { force: true });
  }
}

/** Makes the file with this process as the holder; false if there is one already. */
async function create(file: string): Promise<boolean> {
  const holder: Holder = { pid: process.pid, start: processStart(process.pid) ?? "" };
  const own = `${file}.${process.pid}-${++files}`;
  await writeFile(own, JSON.stringify(holder), { mode: 0o600 });
  try {
    // link(2) fails if the name is taken: the file appears with its whole content or not at all.
    await link(own, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Who holds the lock. */
async function look(file: string): Promise<Holder | "absent" | "dead"> {
  let content: string;
  try {
    content = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "absent";
    throw error;
  }
  try {
    const holder = JSON.parse(content) as Holder;
    return processStart(holder.pid) === holder.start ? holder : "dead";
  } catch {
    // Cut by a power loss: nobody's.
    return "dead";
  }
}

function inUse(dataDir: string, pid: number): SightlineError {
  return new SightlineError(
    "STORE_UNAVAILABLE",
    `The directory ${dataDir} is in use by another process (pid ${pid}). ` +
      "Stop that server, or choose another directory with SIGHTLINE_DATA_DIR.",
  );
}
