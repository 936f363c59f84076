/**
 * The processes below this one, for the moment when they must end at once.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Kills every descendant of this process (SIGKILL): the embedded engines, which survive it without loss. */
export function killChildProcesses(): void {
  for (const pid of descendantsOf(process.pid, listProcesses())) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      // It ended by itself meanwhile.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
}

/** Ids of all processes below `ancestor`. */
export function descendantsOf(ancestor: number, processes: readonly ProcessEntry[]): number[] {
  const children = processes.filter(({ parent }) => parent === ancestor).map(({ pid }) => pid);
  return children.flatMap((pid) => [pid, ...descendantsOf(pid, processes)]);
}

function listProcesses(): ProcessEntry[] {
  if (process.platform === "linux") {
    return readdirSync("/proc").flatMap((entry) => (/^\d+$/.test(entry) ? readStat(Number(entry)) : []));
  }
  const lines = execFileSync("ps", ["-axo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => {
    const [pid = 0, parent = 0] = line.trim().split(/\s+/).map(Number);
    return { pid, parent };
  });
}

function readStat(pid: number): ProcessEntry[] {
  try {
    // proc(5): the name in brackets may hold spaces; the parent's id is the second field after it.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return [{ pid, parent: Number(fields[1]) }];
  } catch (error) {
    // It ended while the list was read.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
