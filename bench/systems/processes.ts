/**
 * Starting programs as process groups of their own, and waiting until they answer.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";

export interface Program {
  readonly pid: number;
  readonly exited: Promise<unknown>;
  /** SIGTERM to the group, then waits; SIGKILL to what is left after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Takes standard output and errors. */
  readonly logFile: string;
  /** Resolves to true once the program answers; called every 20 ms. A refused connection counts as false. */
  readonly isReady: () => Promise<boolean>;
  readonly timeoutMs: number;
}

/**
 * Starts a program as the leader of a process group.
 *
 * @throws with the end of its log, if it ends or is not ready within `timeoutMs`
 */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const log = openSync(options.logFile, "a");
  const child = spawn(options.command, options.args, {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, ...options.env },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${options.command} could not be spawned`);
  const exited = once(child, "exit");
  await untilReady(child, options);
  return {
    pid,
    exited,
    stop: async (graceMs = 30_000) => {
      signalGroup(pid, "SIGTERM");
      const timer = setTimeout(() => signalGroup(pid, "SIGKILL"), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

async function untilReady(child: ChildProcess, options: ProgramOptions): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  const fail = (what: string) =>
    new Error(`${options.command} ${what}:\n${readFileSync(options.logFile, "utf8").slice(-3000)}`);
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw fail(`ended with ${child.exitCode ?? child.signalCode} before it was ready`);
    }
    try {
      if (await options.isReady()) return;
    } catch (error) {
      // Node's and fetch's ways to say "connection refused" or "reset": not up yet.
      if (!(error instanceof TypeError) && !("code" in (error as Error))) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
  throw fail(`was not ready after ${options.timeoutMs} ms`);
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // The group ended by itself.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  server.close();
  await once(server, "close");
  return address.port;
}

/** Bytes that a folder's files take on the disk. Files that go away meanwhile (merges, rotated logs) do not count. */
export function folderBytes(folder: string): number {
  const { stdout, stderr, error } = spawnSync("du", ["-s", "--block-size=1", folder], {
    encoding: "utf8",
    env: { LC_ALL: "C" },
  });
  if (error) throw error;
  const complaints = stderr.split("\n").filter((line) => line !== "" && !line.endsWith("No such file or directory"));
  if (complaints.length > 0 || stdout === "") throw new Error(`du ${folder}: ${stderr}`);
  return Number(stdout.split("\t")[0]);
}
