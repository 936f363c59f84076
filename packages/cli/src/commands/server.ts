/**
 * `sightline server`: starts the server, says what it does, and ends it on Ctrl+C or SIGTERM.
 */
import { readConfig, settings } from "@sightline/server/config";
import { type RunningServer, startServer } from "@sightline/server/main";
import { killChildProcesses } from "../child-processes.ts";
import { explainFailure } from "../failure.ts";

export interface RunServerOptions {
  /** Called once the server answers. If it rejects, the server is stopped and the failure passed on. */
  readonly onReady?: (server: RunningServer, info: { readonly freshDataDir: boolean }) => Promise<void> | void;
  /** Takes each line; default: standard output, failures to standard error. */
  readonly print?: (line: string) => void;
}

/**
 * npm and other parents pass a signal on that the whole process group has got already: the same Ctrl+C arrives twice within
 * milliseconds. A second one from a person comes later.
 */
const SAME_SIGNAL_MS = 1000;

/**
 * Runs a server with the settings of the environment until a signal ends it.
 *
 * @returns exit code: 0 after a signal, 1 if the start failed (one sentence was printed)
 */
export async function runServer(options: RunServerOptions = {}): Promise<number> {
  const print = options.print ?? ((line: string) => void process.stdout.write(`${line}\n`));
  const printFailure = options.print ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const signals = listenForSignals(print);
  try {
    return await run(options, print, signals);
  } catch (error) {
    if (error instanceof ReadyFailure) throw error.cause;
    printFailure(explainFailure(error));
    return 1;
  } finally {
    signals.release();
  }
}

/** Keeps apart what the caller's `onReady` threw from failures of the server. */
class ReadyFailure extends Error {}

async function run(options: RunServerOptions, print: (line: string) => void, signals: Signals): Promise<number> {
  const started = performance.now();
  const step = (sentence: string) => {
    // Engines that get the signal too report their end; after it that is no news.
    if (!signals.received())
      print(`${`${((performance.now() - started) / 1000).toFixed(1)} s`.padStart(8)}  ${sentence}`);
  };
  let server: RunningServer;
  try {
    server = await startServer(readConfig(process.env), { onProgress: step });
  } catch (error) {
    // A signal may end an engine while it starts: that is the end that was asked for.
    if (signals.received()) return 0;
    throw error;
  }
  try {
    if (!signals.received()) {
      step(`Listening at ${server.url}`);
      await Promise.race([ready(options, server, print), signals.first]);
      await signals.first;
    }
  } finally {
    await server.close();
  }
  return 0;
}

async function ready(options: RunServerOptions, server: RunningServer, print: (line: string) => void): Promise<void> {
  if (!options.onReady) {
    print(`Sightline is ready: open ${server.url}/ and stop with Ctrl+C`);
    return;
  }
  try {
    await options.onReady(server, { freshDataDir: server.freshDataDir });
  } catch (cause) {
    throw new ReadyFailure("onReady failed", { cause });
  }
}

interface Signals {
  /** Resolves at the first SIGINT or SIGTERM. */
  readonly first: Promise<void>;
  received(): boolean;
  release(): void;
}

/** The first signal asks for the end; a later one ends this process and its engines at once. */
function listenForSignals(print: (line: string) => void): Signals {
  let firstAt: number | undefined;
  let resolve: () => void = () => undefined;
  const first = new Promise<void>((done) => {
    resolve = done;
  });
  const onSignal = () => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      print("Stopping: finishing what is in flight (once more to end at once)");
      resolve();
    } else if (performance.now() - firstAt > SAME_SIGNAL_MS) {
      print("Ended at once. What was acknowledged is on disk.");
      killChildProcesses();
      process.exit(1);
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    first,
    received: () => firstAt !== undefined,
    release: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}

/** What `sightline server --help` prints: every setting with its default and sentence. */
export function serverHelp(): string {
  const rows = Object.values(settings).map(
    ({ env, default: value, unit, sentence }) =>
      `  ${env} (${unit}${value === "" ? "" : `; default ${value}`})\n      ${sentence}`,
  );
  return [
    "Usage: sightline server",
    "",
    "Starts the server: UI, API and ingest in one process. Settings come from the environment:",
    "",
    ...rows,
    "  SIGHTLINE_DEBUG (0 or 1; default 0)\n      1 adds the stack to a failure's sentence.",
  ].join("\n");
}
