/**
 * Starts the chDB process, restarts it when it dies, and stops it.
 *
 * The URL stays the same over restarts: same port, same password.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { childEntry } from "../child-entry.ts";
import { RestartCounter } from "../restart-policy.ts";
import type { FromChild, StartMessage, ToChild } from "./messages.ts";
import { isOrphaned } from "./owner-file.ts";
import { defaultMemoryLimitBytes } from "./server-config.ts";
import { isDirectoryLocked, type StartFailure, startError } from "./start-error.ts";

export interface ChdbOptions {
  /** Folder of the engine, like `<data>/chdb`; made if it is not there. */
  readonly dataDir: string;
  /** Called with one sentence when the process died, was restarted or was given up. */
  readonly onEvent?: (sentence: string) => void;
  /** Memory the engine may use for its data; default 1.5 GiB. The process is up to 500 MB above it. */
  readonly memoryLimitBytes?: number;
}

export interface EmbeddedClickHouse {
  /** `http://default:<password>@127.0.0.1:<port>/`; the same after a restart. */
  readonly url: string;
  /** Undefined while the process is not running. */
  pid(): number | undefined;
  /** `failed`: it died too often in a row and is not started again. */
  state(): "running" | "restarting" | "failed" | "closed";
  /** Calls the listener after each restart; the result takes it off. */
  onRestart(listener: () => void): () => void;
  /** Ends what runs and stops the process; afterwards it is gone. */
  close(): Promise<void>;
}

const user = "default";

const childEnvironment = {
  // Each running query holds one thread of the pool; with the default of 4, file and socket work waits seconds behind 4 slow ones.
  UV_THREADPOOL_SIZE: "16",
  // glibc: blocks of answers go back to the system when they are freed. Otherwise arenas of 16 threads keep 100 MB more (measured with
  // a stream of 400 MB). The engine itself uses jemalloc.
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "131072",
};

/** Loading 550 MB of engine from a cold disk took 2.3 s; an orphan that holds the directory is waited for 10 s. */
const startLimitMs = 60_000;

/** An orphan ends within 2 s after its supervisor (child.ts), on an overloaded machine later. */
const orphanLimitMs = 10_000;

const stderrKept = 4000;

/** The process gives itself 5 s (child.ts). */
const closeLimitMs = 8000;

/**
 * Starts chDB on a directory.
 *
 * @throws STORE_UNAVAILABLE if another process uses the directory or the engine does not start; DATA_DIR_UNUSABLE if the directory
 *   cannot be written or its disk is full
 */
export async function startChdb(options: ChdbOptions): Promise<EmbeddedClickHouse> {
  const supervisor = new Supervisor(options);
  await supervisor.start();
  return supervisor;
}

interface RunningChild {
  readonly process: ChildProcess;
  readonly port: number;
  readonly readySince: number;
}

class Supervisor implements EmbeddedClickHouse {
  readonly #options: ChdbOptions;
  readonly #password = randomBytes(24).toString("base64url");
  readonly #restarts = new RestartCounter();
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  #port = 0;
  #child: RunningChild | undefined;
  #state: "running" | "restarting" | "failed" | "closed" = "restarting";
  #restarting: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(options: ChdbOptions) {
    this.#options = options;
  }

  get url(): string {
    return `http://${user}:${this.#password}@127.0.0.1:${this.#port}/`;
  }

  pid(): number | undefined {
    return this.#child?.process.pid;
  }

  state(): "running" | "restarting" | "failed" | "closed" {
    return this.#state;
  }

  onRestart(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async start(): Promise<void> {
    const child = await startWhenFree({
      type: "start",
      dataDir: this.#options.dataDir,
      port: this.#port,
      user,
      password: this.#password,
      memoryLimitBytes: this.#options.memoryLimitBytes ?? defaultMemoryLimitBytes,
    });
    this.#port = child.port;
    this.#child = child;
    this.#state = "running";
    child.process.once("exit", (code, signal) => {
      this.#child = undefined;
      if (this.#closing.signal.aborted) return;
      this.#restarting = this.#restart(signal ?? `code ${code}`, Date.now() - child.readySince);
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#restarting;
    const child = this.#child?.process;
    if (child && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      send(child, { type: "shutdown" });
      const limit = setTimeout(() => child.kill("SIGKILL"), closeLimitMs);
      await exited;
      clearTimeout(limit);
    }
    this.#state = "closed";
  }

  async #restart(cause: string, livedMs: number): Promise<void> {
    this.#state = "restarting";
    const waitMs = this.#restarts.died(livedMs);
    const stopped = `The embedded ClickHouse stopped (${cause})`;
    if (waitMs === undefined) {
      this.#state = "failed";
      this.#say(`${stopped} ${this.#restarts.deaths} times in a row; it is not started again. Restart Sightline.`);
      return;
    }
    try {
      await delay(waitMs, undefined, { signal: this.#closing.signal });
      await this.start();
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      await this.#restart(error instanceof Error ? error.message : String(error), 0);
      return;
    }
    if (this.#closing.signal.aborted) return;
    this.#say(`${stopped} and was restarted.`);
    for (const listener of this.#listeners) listener();
  }

  #say(sentence: string): void {
    this.#options.onEvent?.(sentence);
  }
}

/** A directory whose holder has lost its supervisor is waited for. */
async function startWhenFree(message: StartMessage): Promise<RunningChild> {
  const deadline = Date.now() + orphanLimitMs;
  for (;;) {
    const started = await startChild(message);
    if ("process" in started) return started;
    const soonFree = isDirectoryLocked(started) && isOrphaned(message.dataDir);
    if (!soonFree || Date.now() > deadline) throw startError(started);
    await delay(200);
  }
}

async function startChild(message: StartMessage): Promise<RunningChild | StartFailure> {
  const entry = childEntry(import.meta.url, "./child");
  const child = fork(entry.path, [], {
    execArgv: [...entry.execArgv],
    env: { ...process.env, ...childEnvironment },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-stderrKept);
  });
  const closed = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), startLimitMs);
  const reply = new Promise<FromChild>((resolve) => child.once("message", resolve));
  send(child, message);
  const first = await Promise.race([reply, closed]);
  clearTimeout(limit);
  if (typeof first === "object" && first.type === "listening") {
    return { process: child, port: first.port, readySince: Date.now() };
  }
  // Its last words are complete when its streams are closed.
  const how = await closed;
  const { message: reason, code } = typeof first === "object" ? first : { message: how, code: undefined };
  return { dataDir: message.dataDir, message: reason, code, stderr };
}

/** A message to a process that has just died is not delivered; its exit event tells the rest. */
function send(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message, () => undefined);
}
