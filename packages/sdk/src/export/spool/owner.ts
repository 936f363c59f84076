/**
 * Whose a spool is, and whether that process lives: a process id alone is used again by the next process.
 */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/**
 * A process as the name of its spool tells it.
 *
 * `space` is where `pid` has a meaning: this boot of this machine, and this container. Containers that share a folder number
 * their processes alike.
 */
export interface Owner {
  readonly pid: number;
  /** Clock ticks since boot, on Linux; "0" elsewhere. */
  readonly startedAt: string;
  /** 12 hex digits. */
  readonly space: string;
}

/** A spool of another container or boot is dead when it was silent for this long; living ones write every 30 s. */
const FOREIGN_SILENCE_MS = 120_000;

let own: Owner | undefined;

/** This process. */
export function thisProcess(): Owner {
  own ??= { pid: process.pid, startedAt: startOf(process.pid) ?? "0", space: spaceOf() };
  return own;
}

/** `pid-startedAt-space`, as it stands in file names. */
export function ownerText({ pid, startedAt, space }: Owner): string {
  return `${pid}-${startedAt}-${space}`;
}

/** Undefined if `text` is not of that form. */
export function parseOwner(text: string): Owner | undefined {
  const [, pid, startedAt, space] = /^(\d+)-(\d+)-([0-9a-f]{12})$/.exec(text) ?? [];
  if (pid === undefined || startedAt === undefined || space === undefined) return undefined;
  return { pid: Number(pid), startedAt, space };
}

/**
 * Whether a process is gone.
 *
 * @param silentMs  since it last wrote to its spool
 */
export function isGone(owner: Owner, silentMs: number): boolean {
  const self = thisProcess();
  if (owner.space !== self.space) return silentMs > FOREIGN_SILENCE_MS;
  if (owner.pid === self.pid) return owner.startedAt !== self.startedAt;
  if (self.startedAt !== "0") return startOf(owner.pid) !== owner.startedAt;
  return !exists(owner.pid);
}

/**
 * When a process began, in clock ticks since boot.
 *
 * @returns undefined if there is none, or only what its parent has not yet taken note of; always where there is no /proc
 */
export function startOf(pid: number): string | undefined {
  try {
    // proc(5): "pid (name) state …"; the name may hold spaces and brackets. Field 3 is the state, field 22 the start.
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch (error) {
    // ENOENT: no such process, or no /proc on this system. ESRCH: it ended meanwhile.
    if (["ENOENT", "ESRCH"].includes(String((error as NodeJS.ErrnoException).code))) return undefined;
    throw error;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there and belongs to someone else.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function spaceOf(): string {
  const parts = [hostname(), readOrNone(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1"))];
  parts.push(readOrNone(() => readlinkSync("/proc/self/ns/pid")));
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 12);
}

/** "" on systems that have no such file. */
function readOrNone(read: () => string): string {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return "";
  }
}
