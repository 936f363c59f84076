/**
 * owner.json: which process has the directory open, and which supervisor it belongs to.
 *
 * The engine locks the directory itself. This file only tells a lock that will be freed soon, because the supervisor of its holder is
 * gone, from one that will stay.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRunning, processStart } from "../process-state.ts";

interface Owner {
  readonly pid: number;
  readonly supervisorPid: number;
  readonly supervisorStart: string;
}

/** Notes this process as the owner. */
export function writeOwner(dataDir: string): void {
  const owner: Owner = {
    pid: process.pid,
    supervisorPid: process.ppid,
    supervisorStart: processStart(process.ppid) ?? "",
  };
  try {
    writeFileSync(join(dataDir, "owner.json"), JSON.stringify(owner));
  } catch {
    // On a full disk the engine still reads; without the file the next start waits for no orphan.
  }
}

/** Pid of the process that has the directory open, if it is known. */
export function ownerPid(dataDir: string): number | undefined {
  const owner = readOwner(dataDir);
  return owner && isRunning(owner.pid) ? owner.pid : undefined;
}

/** True if the process that has the directory open has lost its supervisor, and so is about to end. */
export function isOrphaned(dataDir: string): boolean {
  const owner = readOwner(dataDir);
  return owner !== undefined && processStart(owner.supervisorPid) !== owner.supervisorStart;
}

function readOwner(dataDir: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDir, "owner.json"), "utf8")) as Owner;
  } catch {
    // Not there yet, or cut by a full disk: nothing is known.
    return undefined;
  }
}
