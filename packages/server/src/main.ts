/**
 * The server as one call: checks what it needs, opens the store, listens; and stops in the reverse order.
 */
import { join } from "node:path";
import { openStore, type Store } from "@sightline/store/open";
import { type App, createApp } from "./app.ts";
import type { Config } from "./config.ts";
import { createLog } from "./http/log.ts";
import type { Clock } from "./lifecycle/clock.ts";
import { type DataDirectory, openDataDirectory } from "./main/data-directory.ts";
import { type Listener, listen } from "./main/listen.ts";

export interface StartOptions {
  /** Called with one sentence at each step. */
  readonly onProgress?: (sentence: string) => void;
  /** Folder of the built UI; default: the one that the build fills. */
  readonly webRoot?: string;
  /** Time for what happens by itself (retention, the disk's watch); default: the machine's. */
  readonly clock?: Clock;
}

export interface RunningServer {
  /** `http://host:port`, no slash at the end. */
  readonly url: string;
  /** Whether the data directory held no data before this start; false with external engines. */
  readonly freshDataDir: boolean;
  /** Answers what is in flight, writes what was taken, stops the engines. Calling it again waits for the first call. */
  close(): Promise<void>;
}

/** Requests that are not answered this long after the stop are cut off. */
const GRACE_MS = 10_000;

/**
 * Starts a server.
 *
 * @throws DATA_DIR_IN_USE, DATA_DIR_UNUSABLE, PORT_IN_USE, and the store's errors, each with one sentence on what to do; then
 *   nothing is left running
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  const progress = options.onProgress ?? (() => undefined);
  const log = createLog();
  let directory: DataDirectory | undefined;
  let listener: Listener | undefined;
  let store: Store | undefined;
  let app: App | undefined;
  const stop = () =>
    runAll([
      async () => app?.closeStreams(),
      async () => app?.stopWork(),
      async () => listener?.close(app ? GRACE_MS : 0),
      async () => app?.drain(),
      async () => store?.close(),
      async () => directory?.release(),
    ]);
  try {
    directory = await takeDataDirectory(config);
    if (directory) progress(`Data directory ${config.dataDir}${directory.isFresh ? " (new)" : ""}`);
    listener = await listen({ host: config.host, port: config.port, log });
    await directory?.setPort(listener.port);
    store = await openStore({
      dataDir: config.dataDir,
      ...(config.clickhouseUrl !== undefined && { clickhouseUrl: config.clickhouseUrl }),
      ...(config.databaseUrl !== undefined && { databaseUrl: config.databaseUrl }),
      onProgress: progress,
      ...(options.clock !== undefined && { now: () => options.clock?.now() ?? Date.now() }),
    });
    app = await createApp({
      config,
      ...(directory && { journalDir: join(config.dataDir, "journal") }),
      telemetry: store.telemetry,
      entities: store.entities,
      attachments: store.attachments,
      backupSource: store.backup,
      engines: store.engines,
      ...(directory && { dataDir: config.dataDir }),
      backupDir: config.backupDir ?? join(config.dataDir, "backups"),
      log,
      onEvent: progress,
      ...(options.clock !== undefined && { clock: options.clock }),
      ...(options.webRoot !== undefined && { webRoot: options.webRoot }),
    });
    listener.serve(app.fetch);
    app.startWork();
  } catch (error) {
    // The reason why the start failed is what the user needs; what went wrong while tidying up is told beside it.
    await stop().catch((failure: unknown) => progress(`Stopping what had been started failed: ${failure}`));
    throw error;
  }
  let stopping: Promise<void> | undefined;
  return {
    url: listener.url,
    freshDataDir: directory?.isFresh ?? false,
    close: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Runs every step, also after one that failed: an engine left running would hold the data directory. Throws the first failure. */
async function runAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Undefined when both engines are external: then the directory is not used, and many servers may share the engines. */
async function takeDataDirectory(config: Config): Promise<DataDirectory | undefined> {
  if (config.clickhouseUrl !== undefined && config.databaseUrl !== undefined) return undefined;
  return openDataDirectory(config.dataDir, { minFreeBytes: config.minFreeDiskBytes });
}
