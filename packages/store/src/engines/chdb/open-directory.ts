/**
 * Opens the chDB directory, and says why it cannot be opened.
 *
 * The engine locks the directory itself (a lock on its `status` file). A lock whose holder has lost its supervisor is about to be
 * freed, so it is waited for.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Engine } from "./engine.ts";
import type { OpenFailure, StartMessage } from "./messages.ts";
import { writeServerConfig } from "./server-config.ts";

/** An orphan ends within 2 s after its supervisor (see child.ts), on an overloaded machine later. */
const orphanLimitMs = 10_000;

interface Owner {
  readonly pid: number;
  readonly supervisorPid: number;
}

/** @throws what {@link describeOpenFailure} explains */
export async function openDirectory(message: StartMessage): Promise<Engine> {
  const path = join(message.dataDir, "engine");
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const configFile = writeServerConfig(join(message.dataDir, "config"), message.memoryLimitBytes);
  const deadline = Date.now() + orphanLimitMs;
  for (;;) {
    try {
      const engine = new Engine({ path, configFile });
      const owner: Owner = { pid: process.pid, supervisorPid: process.ppid };
      writeFileSync(ownerFile(message.dataDir), JSON.stringify(owner));
      return engine;
    } catch (error) {
      if (!isLocked(error) || !isOrphan(readOwner(message.dataDir)) || Date.now() > deadline) throw error;
      await delay(200);
    }
  }
}

/** Turns an error of {@link openDirectory} or of listening into what the supervisor reports. */
export function describeOpenFailure(error: unknown, message: StartMessage): OpenFailure {
  const text = error instanceof Error ? error.message : String(error);
  const systemCode = error instanceof Error && "code" in error ? error.code : undefined;
  if (isLocked(error)) return { kind: "in-use", pid: holderPid(message.dataDir) };
  if (systemCode === "EADDRINUSE") return { kind: "port-taken", message: text };
  if (systemCode === "ENOSPC" || /No space left on device|NOT_ENOUGH_SPACE/.test(text)) {
    return { kind: "no-space", message: text };
  }
  if (
    ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"].includes(String(systemCode)) ||
    /Permission denied|Read-only file system/i.test(text)
  ) {
    return { kind: "not-writable", message: text };
  }
  return { kind: "other", message: text };
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && /Another server instance in same directory/.test(error.message);
}

function ownerFile(dataDir: string): string {
  return join(dataDir, "owner.json");
}

function readOwner(dataDir: string): Owner | undefined {
  try {
    // Written by this file; a half-written one does not parse.
    return JSON.parse(readFileSync(ownerFile(dataDir), "utf8")) as Owner;
  } catch {
    // Not written yet: the holder has just started.
    return undefined;
  }
}

/** The engine writes `PID: 123` into its status file. */
function holderPid(dataDir: string): number | undefined {
  const owner = readOwner(dataDir);
  if (owner && isAlive(owner.pid)) return owner.pid;
  try {
    return Number(/^PID: (\d+)/m.exec(readFileSync(join(dataDir, "engine", "status"), "utf8"))?.[1]) || undefined;
  } catch {
    // The sentence does without the number.
    return undefined;
  }
}

function isOrphan(owner: Owner | undefined): boolean {
  return owner !== undefined && !isAlive(owner.supervisorPid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
