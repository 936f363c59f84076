/**
 * PostgreSQL as a child process: starts it on a directory of ours, restarts it when it dies, and stops it.
 *
 * A server that is killed leaves its postmaster behind; the next start on the directory takes it over. The URL stays the same over
 * restarts: same port, same password.
 */
import { chmod, mkdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SightlineError } from "@sightline/wire/errors";
import { findBinaries } from "./postgres-process/binaries.ts";
import { ensureCluster, ensurePassword, superuser } from "./postgres-process/cluster.ts";
import { lockDirectory } from "./postgres-process/directory-lock.ts";
import {
  adoptPostmaster,
  emptyLongLog,
  type Postmaster,
  type PostmasterPlace,
  startPostmaster,
  stopPostmaster,
} from "./postgres-process/postmaster.ts";
import { chooseUser } from "./postgres-process/run-as.ts";
import { RestartCounter } from "./restart-policy.ts";

export interface PostgresProcessOptions {
  /** Folder of the engine, like `<data>/postgres`; made if it is not there. */
  readonly dataDir: string;
  /** Called with one sentence when the cluster was made, adopted, restarted or given up. */
  readonly onEvent?: (sentence: string) => void;
}

export interface EmbeddedPostgres {
  /** `postgres://sightline:<password>@127.0.0.1:<port>/postgres`; the same after a restart. */
  readonly url: string;
  /** Undefined while the process is not running. */
  pid(): number | undefined;
  /** True if the process was left by a server that was killed. */
  readonly adopted: boolean;
  /** `failed`: it died too often in a row and is not started again. */
  state(): "running" | "restarting" | "failed" | "closed";
  /** Calls the listener after each restart; the result takes it off. */
  onRestart(listener: () => void): () => void;
  /** Stops the process; afterwards it is gone. */
  close(): Promise<void>;
}

/**
 * PostgreSQL ends by itself with code 0 when a signal told it to. On Ctrl+C that signal went to all processes of the group, and our
 * own `close` is about to be called: no reason to restart it at once, or to say anything.
 */
const askedToEndMs = 2000;

const logCheckMs = 600_000;

/**
 * Starts PostgreSQL on a directory, making the cluster at the first time.
 *
 * @throws STORE_UNAVAILABLE if another server uses the directory or PostgreSQL does not start; DATA_DIR_UNUSABLE if the directory
 *   cannot be written or reached, or its disk is full
 */
export async function startPostgres(options: PostgresProcessOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const release = await prepareDirectory(dataDir);
  try {
    const binaries = await findBinaries();
    const runAs = await chooseUser(dataDir, binaries.postgres);
    const password = await ensurePassword(dataDir);
    if (await ensureCluster(dataDir, binaries, runAs, password))
      options.onEvent?.(`Made a new PostgreSQL in ${dataDir}.`);
    const place: PostmasterPlace = { dataDir, binaries, runAs, password };
    const postmaster = (await adoptPostmaster(place)) ?? (await startPostmaster(place, 0));
    if (postmaster.adopted)
      options.onEvent?.(`Took over the PostgreSQL (pid ${postmaster.pid}) of a server that was killed.`);
    return new Supervisor(options, place, postmaster, release);
  } catch (error) {
    await release();
    throw error;
  }
}

/** Makes and locks the folder. */
async function prepareDirectory(dataDir: string): Promise<() => Promise<void>> {
  try {
    await mkdir(dataDir, { recursive: true });
    // The unprivileged user that PostgreSQL runs as must pass through, and see nothing.
    if (process.getuid?.() === 0) await chmod(dataDir, 0o711);
    await refuseForeignCluster(dataDir);
    return await lockDirectory(dataDir);
  } catch (cause) {
    if (cause instanceof SightlineError) throw cause;
    const full = cause instanceof Error && "code" in cause && cause.code === "ENOSPC";
    throw new SightlineError(
      "DATA_DIR_UNUSABLE",
      full
        ? `The disk of ${dataDir} is full. Free some space, or choose another directory with SIGHTLINE_DATA_DIR.`
        : `The directory ${dataDir} cannot be written (${cause instanceof Error ? cause.message : String(cause)}). ` +
            "Choose another one with SIGHTLINE_DATA_DIR.",
      { cause },
    );
  }
}

/** PostgreSQL opens a directory only for its owner. Root runs it as the owner. */
async function refuseForeignCluster(dataDir: string): Promise<void> {
  const own = process.getuid?.();
  if (own === undefined || own === 0) return;
  const found = await stat(join(dataDir, "data")).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found && found.uid !== own) {
    throw new SightlineError(
      "DATA_DIR_UNUSABLE",
      `${join(dataDir, "data")} belongs to the user with id ${found.uid}, and Sightline runs as ${own}. ` +
        "Start it as that user or as root, or choose another SIGHTLINE_DATA_DIR.",
    );
  }
}

class Supervisor implements EmbeddedPostgres {
  readonly url: string;
  readonly adopted: boolean;
  readonly #options: PostgresProcessOptions;
  readonly #place: PostmasterPlace;
  readonly #release: () => Promise<void>;
  readonly #restarts = new RestartCounter();
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #logTimer: NodeJS.Timeout;
  readonly #port: number;
  #postmaster: Postmaster | undefined;
  #state: "running" | "restarting" | "failed" | "closed" = "running";
  #restarting: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(
    options: PostgresProcessOptions,
    place: PostmasterPlace,
    postmaster: Postmaster,
    release: () => Promise<void>,
  ) {
    this.#options = options;
    this.#place = place;
    this.#release = release;
    this.#port = postmaster.port;
    this.adopted = postmaster.adopted;
    this.url = `postgres://${superuser}:${place.password}@127.0.0.1:${postmaster.port}/postgres`;
    this.#logTimer = setInterval(() => {
      emptyLongLog(place).catch((error: unknown) => this.#say(`The log of PostgreSQL cannot be shortened: ${error}`));
    }, logCheckMs);
    this.#logTimer.unref();
    this.#watch(postmaster);
  }

  pid(): number | undefined {
    return this.#postmaster?.pid;
  }

  state(): "running" | "restarting" | "failed" | "closed" {
    return this.#state;
  }

  onRestart(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#logTimer);
    await this.#restarting;
    if (this.#postmaster) await stopPostmaster(this.#postmaster);
    this.#state = "closed";
    await this.#release();
  }

  #watch(postmaster: Postmaster): void {
    this.#postmaster = postmaster;
    this.#state = "running";
    const since = Date.now();
    void postmaster.ended.then((how) => {
      if (this.#closing.signal.aborted) return;
      this.#postmaster = undefined;
      this.#restarting = this.#restart(how, Date.now() - since);
    });
  }

  async #restart(how: string | undefined, livedMs: number): Promise<void> {
    this.#state = "restarting";
    const stopped = `The embedded PostgreSQL stopped${how ? ` (${how})` : ""}`;
    try {
      if (how === undefined || how === "code 0") await delay(askedToEndMs, undefined, { signal: this.#closing.signal });
      const waitMs = this.#restarts.died(livedMs);
      if (waitMs === undefined) {
        this.#state = "failed";
        this.#say(`${stopped} ${this.#restarts.deaths} times in a row; it is not started again. Restart Sightline.`);
        return;
      }
      await delay(waitMs, undefined, { signal: this.#closing.signal });
      this.#watch(await startPostmaster(this.#place, this.#port));
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
