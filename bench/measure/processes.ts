/**
 * What the processes of a system use, from /proc (Linux): CPU time and memory of a process and all its descendants.
 */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, the unit of CPU times in /proc; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface ProcessUsage {
  readonly pid: number;
  /** First words of its command line. */
  readonly name: string;
  /** With the time of children that ended and were waited for. */
  readonly cpuSeconds: number;
}

/**
 * Every living process that descends from one of `roots`, whatever its process group, the roots included.
 *
 * PostgreSQL's postmaster and process supervisors may end up below init: name them as roots too.
 */
function processTree(roots: readonly number[]): ProcessUsage[] {
  const parents = new Map<number, number>();
  const cpu = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = read(`/proc/${entry}/stat`);
    if (stat === undefined) continue;
    // proc(5), counted from the state behind the name: parent 1, utime 11, stime 12, cutime 13, cstime 14.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    parents.set(Number(entry), Number(fields[1]));
    cpu.set(Number(entry), [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) / TICKS_PER_SECOND);
  }
  const belongs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) {
      if (roots.includes(at)) return true;
    }
    return false;
  };
  return [...parents.keys()]
    .filter(belongs)
    .map((pid) => ({ pid, name: nameOf(pid), cpuSeconds: cpu.get(pid) as number }));
}

/** CPU seconds of all processes below `roots` since they began. */
export function cpuSeconds(roots: readonly number[]): number {
  return processTree(roots).reduce((sum, process) => sum + process.cpuSeconds, 0);
}

/** CPU seconds by the kind of process. */
export function cpuByName(roots: readonly number[]): Map<string, number> {
  const byName = new Map<string, number>();
  for (const { name, cpuSeconds } of processTree(roots)) byName.set(name, (byName.get(name) ?? 0) + cpuSeconds);
  return byName;
}

/** Memory of all processes below `roots` in MiB: PSS, so that pages which they share count once. */
export function memoryMib(roots: readonly number[]): number {
  return memoryByProcess(roots).reduce((sum, { mib }) => sum + mib, 0);
}

export function memoryByProcess(roots: readonly number[]): { readonly name: string; readonly mib: number }[] {
  return processTree(roots).flatMap(({ pid, name }) => {
    const kib = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? "")?.[1];
    return kib === undefined ? [] : [{ name, mib: Number(kib) / 1024 }];
  });
}

/** Kills them all at once, as a power cut would: nobody gets to say goodbye. Resolves when none is left. */
export async function killTree(roots: readonly number[]): Promise<void> {
  const pids = processTree(roots).map(({ pid }) => pid);
  // Stopped first, so that none sees the end of another and acts on it.
  for (const signal of ["SIGSTOP", "SIGKILL"] as const) {
    for (const pid of pids) sendSignal(pid, signal);
  }
  while (pids.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 10));
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended by itself.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A zombie is dead: its parent has not looked yet. */
function isAlive(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat !== undefined && stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
}

/** `python mlflow`, `postgres`, `node`: the program and, of an interpreter, what it runs. */
function nameOf(pid: number): string {
  const words = (read(`/proc/${pid}/cmdline`) ?? "").split("\0");
  const base = (word: string | undefined) => word?.split(" ")[0]?.split("/").at(-1)?.replace(/:$/, "") ?? "";
  const program = base(words[0]);
  if (!/^(node|python[\d.]*)$/.test(program)) return program;
  const script = words.slice(1).find((word, at, rest) => !word.startsWith("-") && !/^--?\w+$/.test(rest[at - 1] ?? ""));
  return `${program} ${base(script)}`.trim();
}

/** Undefined when the process ended meanwhile or belongs to the kernel. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
