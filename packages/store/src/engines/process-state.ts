/**
 * Whether a process runs, and whether it is still the one that was noted down: process ids are used again.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * When the process was started, as text that another process with the same id will not have.
 *
 * @returns undefined if no process with this id runs; one that has ended but was not yet waited for does not run
 */
export function processStart(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs as somebody else.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return undefined;
  }
  if (process.platform !== "linux") return startByPs(pid);
  try {
    // proc(5): the name in parentheses may hold anything; behind it state is the first and starttime the 20th field.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    // It ended in between.
    return undefined;
  }
}

function startByPs(pid: number): string | undefined {
  try {
    const [state = "", ...start] = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" })
      .trim()
      .split(/\s+/);
    return state === "" || state.startsWith("Z") ? undefined : start.join(" ");
  } catch {
    // `ps` fails if there is no such process.
    return undefined;
  }
}

/** True while the process runs. */
export function isRunning(pid: number): boolean {
  return processStart(pid) !== undefined;
}

/**
 * Waits for the end of a process that is not our child, or is.
 *
 * @returns false if it still runs after the time
 */
export async function ended(pid: number, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  // There is no event for the end of a process that somebody else started.
  while (isRunning(pid)) {
    if (Date.now() >= deadline) return false;
    await delay(25);
  }
  return true;
}
