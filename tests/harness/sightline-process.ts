/**
 * A real Sightline server as a process of its own, run from source, on a free port and a fresh data directory.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface SightlineProcess {
  /** `http://127.0.0.1:<port>`, no slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** Sends a signal to the server process alone, or to its whole process group. */
  kill(signal: NodeJS.Signals, scope?: "process" | "group"): void;
  /** Exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** SIGTERM to the group, then waits; the data directory stays. */
  stop(): Promise<number | string>;
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

/** A fresh folder for a data directory; remove it with {@link removeDataDir}. */
export async function makeDataDir(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), "sightline-test-")), "data");
}

/** Removes a folder made by {@link makeDataDir}. */
export async function removeDataDir(dataDir: string): Promise<void> {
  await rm(join(dataDir, ".."), { recursive: true, force: true });
}

/**
 * Starts a server and waits until `/health` answers.
 *
 * @throws with everything the server printed, if it ends or is not ready within `timeoutMs`
 */
export async function startSightline(
  options: { dataDir?: string; port?: number; env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<SightlineProcess> {
  const dataDir = options.dataDir ?? (await makeDataDir());
  const port = options.port ?? (await freePort());
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=@sightline/source", join(root, "packages/cli/src/main.ts"), "server"],
    {
      cwd: root,
      // A process group of its own, as a shell or an init system gives it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, SIGHTLINE_PORT: String(port), SIGHTLINE_DATA_DIR: dataDir, ...options.env },
    },
  );
  const { pid } = child;
  if (pid === undefined) throw new Error("the server could not be spawned");
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const exited = exitOf(child);
  const url = `http://127.0.0.1:${port}`;
  await ready(url, exited, () => output, options.timeoutMs ?? 60_000);
  const kill = (signal: NodeJS.Signals, scope: "process" | "group" = "process") => {
    process.kill(scope === "group" ? -pid : pid, signal);
  };
  return {
    url,
    port,
    dataDir,
    pid,
    output: () => output,
    kill,
    exited,
    stop: async () => {
      kill("SIGTERM", "group");
      return exited;
    },
  };
}

async function exitOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return code ?? signal ?? "unknown";
}

async function ready(url: string, exited: Promise<unknown>, output: () => string, timeoutMs: number): Promise<void> {
  let ended: unknown;
  void exited.then((code) => {
    ended = code;
  });
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    if (ended !== undefined) throw new Error(`the server ended with ${ended} before it was ready:\n${output()}`);
    try {
      const answer = await fetch(`${url}/health`);
      if (answer.ok) return;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch's way to say "connection refused": not up yet
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the server was not ready after ${timeoutMs} ms:\n${output()}`);
}

/** Process ids of the engines of a server: the child that runs chDB, and the postmaster. Linux only. */
export async function enginesOf(server: SightlineProcess): Promise<{ chdb: number; postgres: number }> {
  const { readdir } = await import("node:fs/promises");
  const found: { chdb?: number; postgres?: number } = {};
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const command = (await readFile(`/proc/${entry}/cmdline`, "utf8")).split("\0");
      const stat = (await readFile(`/proc/${entry}/stat`, "utf8")).replace(/^.*\) /s, "").split(" ");
      // proc(5), counted from the state: parent 1. A postmaster may be one that a killed server left and this one adopted; its
      // children have another command line.
      if (Number(stat[1]) === server.pid && command.some((part) => /chdb\/child\.[jt]s$/.test(part))) {
        found.chdb = Number(entry);
      }
      if (/(^|\/)postgres$/.test(command[0] ?? "") && command.includes(join(server.dataDir, "postgres/data"))) {
        found.postgres = Number(entry);
      }
    } catch (error) {
      if (!["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  const { chdb, postgres } = found;
  if (chdb === undefined || postgres === undefined) {
    throw new Error(`the engines of the server are not both running: ${JSON.stringify(found)}`);
  }
  return { chdb, postgres };
}

/** Ids and command lines of the processes that still use `dataDir`, read from /proc (Linux). */
export async function processesUsing(dataDir: string): Promise<string[]> {
  const { readdir } = await import("node:fs/promises");
  const found: string[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    try {
      const command = (await readFile(`/proc/${entry}/cmdline`, "utf8")).replaceAll("\0", " ");
      const environment = await readFile(`/proc/${entry}/environ`, "utf8");
      if (command.includes(dataDir) || environment.includes(`SIGHTLINE_DATA_DIR=${dataDir}\0`)) {
        found.push(`${entry} ${command}`);
      }
    } catch (error) {
      // The process ended while we looked at it, or belongs to someone else: then it is not one of ours.
      if (!["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return found;
}
