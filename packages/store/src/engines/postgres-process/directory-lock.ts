/**
 * One server for a directory.
 *
 * A lock file names the process that holds it, with the time it was started; the lock of a process that is gone is taken over.
 * (PostgreSQL's own postmaster.pid cannot do this: it is there as long as the postmaster, which outlives a killed server.)
 */
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SightlineError } from "@sightline/wire/errors";
import { processStart } from "../process-state.ts";

interface Holder {
  readonly pid: number;
  readonly start: string;
}

let attempts = 0;

/**
 * Takes the lock.
 *
 * @returns gives it back
 * @throws STORE_UNAVAILABLE with the pid of the holder
 */
export async function lockDirectory(dataDir: string): Promise<() => Promise<void>> {
  const file = join(dataDir, "server.lock");
  const own: Holder = { pid: process.pid, start: processStart(process.pid) ?? "" };
  const mine = `${file}.${process.pid}-${++attempts}`;
  await writeFile(mine, JSON.stringify(own), { mode: 0o600 });
  try {
    for (;;) {
      // link(2) fails if the name is taken: the file appears with its whole content or not at all.
      const taken = await link(mine, file).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === "EEXIST") return false;
          throw error;
        },
      );
      if (taken) return () => rm(file, { force: true });
      const holder = await readHolder(file);
      if (holder && processStart(holder.pid) === holder.start) throw inUse(dataDir, holder.pid);
      // Of several processes that see the dead lock only one can rename it away.
      await rename(file, `${mine}.dead`).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      });
      const moved = await readHolder(`${mine}.dead`);
      if (moved && processStart(moved.pid) === moved.start) {
        // Somebody was faster and had the lock already: it gets it back.
        await link(`${mine}.dead`, file).catch(() => undefined);
        throw inUse(dataDir, moved.pid);
      }
    }
  } finally {
    await rm(mine, { force: true });
    await rm(`${mine}.dead`, { force: true });
  }
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Holder;
  } catch {
    // Gone, or cut by a power loss: nobody's.
    return undefined;
  }
}

function inUse(dataDir: string, pid: number): SightlineError {
  return new SightlineError(
    "STORE_UNAVAILABLE",
    `The directory ${dataDir} is in use by another process (pid ${pid}). ` +
      "Stop that server, or choose another directory with SIGHTLINE_DATA_DIR.",
  );
}
