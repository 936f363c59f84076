/**
 * The processes of this machine, for tests that insist that none is left over.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Command line. */
  readonly args: string;
}

/** All of them. On Linux read from /proc, since slim images have no `ps`. */
export function processTable(): readonly ProcessRow[] {
  return process.platform === "linux" ? fromProc() : fromPs();
}

function fromProc(): ProcessRow[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      // proc(5): the name is in brackets and may hold anything; after it come state, parent and process group.
      const [, parent, group] = readFileSync(`/proc/${entry}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      const args = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0").join(" ").trim();
      return [{ pid: Number(entry), parent: Number(parent), group: Number(group), args }];
    } catch (error) {
      // It ended while the list was read.
      if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
      throw error;
    }
  });
}

function fromPs(): ProcessRow[] {
  const lines = execFileSync("ps", ["-axo", "pid=,ppid=,pgid=,args="], { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => {
    const [, pid, parent, group, args = ""] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return { pid: Number(pid), parent: Number(parent), group: Number(group), args };
  });
}
