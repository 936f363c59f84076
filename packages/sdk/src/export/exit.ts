/**
 * What happens to unsent spans when the program ends, without changing how it ends.
 *
 * - It ends by itself: `beforeExit` sends the rest and holds the process until that is done or `exitTimeoutMs` has passed.
 * - `process.exit()` or an uncaught error: the rest is sent from another thread inside the `exit` event, within `exitTimeoutMs`.
 *   Exit code and error output stay.
 * - SIGTERM or SIGINT without a listener of the program's: the rest is sent the same way, then the signal is raised again, so
 *   that the program dies of it. With a listener: the program decides; sending is only hurried.
 * - A worker thread that ends, by itself or by `process.exit()` in it, does the same for its own spans.
 * - SIGKILL, `process.abort()`, out of memory, `worker.terminate()`, and workers of a program that calls `process.exit()`: what waited
 *   (at most the last 200 ms while the server is there) is lost, or with a spool sent by the next process.
 *
 * What could not be sent is counted under `dropped.unsentAtExit` and said as a warning; with a spool it stays on disk, counted under
 * `spool.leftAtExit`.
 */
import { isMainThread } from "node:worker_threads";
import { countFailure, warnAtExit } from "../diagnostics.ts";
import { deliverSync } from "./deliver-sync.ts";
import type { Exporter } from "./exporter.ts";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

const exporters = new Set<Exporter>();
/** Those that had their time in `beforeExit`; they do not get it twice. */
const exhausted = new WeakSet<Exporter>();

/** Looks after an exporter until the returned function is called. */
export function deliverAtExit(exporter: Exporter): () => void {
  if (exporters.size === 0) install();
  exporters.add(exporter);
  return () => {
    exporters.delete(exporter);
    if (exporters.size === 0) uninstall();
  };
}

function install(): void {
  process.on("beforeExit", onBeforeExit);
  process.on("exit", onExit);
  // Signals reach the main thread only.
  if (isMainThread) for (const signal of SIGNALS) process.prependListener(signal, onSignal);
}

function uninstall(): void {
  process.off("beforeExit", onBeforeExit);
  process.off("exit", onExit);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

function onBeforeExit(): void {
  for (const exporter of exporters) {
    exporter.announceAll();
    if (!exporter.hasWork || exporter.exitTimeoutMs === 0 || exhausted.has(exporter)) continue;
    exporter
      .flush(exporter.exitTimeoutMs, { isLast: true })
      .then((isDelivered) => {
        if (!isDelivered) exhausted.add(exporter);
      })
      .catch((error: unknown) => countFailure("delivery at exit", error));
  }
}

function onExit(): void {
  for (const exporter of exporters) {
    try {
      deliverLast(exporter);
    } catch (error) {
      countFailure("delivery at exit", error);
    }
  }
}

function deliverLast(exporter: Exporter): void {
  if (exhausted.has(exporter) || exporter.exitTimeoutMs === 0) {
    exporter.giveUp(warnAtExit);
    return;
  }
  const requests = exporter.takeLast();
  const { headers, exitTimeoutMs } = exporter;
  const areKept = deliverSync({ requests, headers, timeoutMs: exitTimeoutMs });
  exporter.settleLast(requests, areKept, warnAtExit);
}

function onSignal(signal: NodeJS.Signals): void {
  // Taken away first, and put in front of the others in the first place: libraries that end the process when no listener but
  // their own is left (signal-exit) must not count this one.
  process.off(signal, onSignal);
  if (process.listenerCount(signal) > 0) {
    for (const exporter of exporters) exporter.hurry();
    setImmediate(() => {
      if (exporters.size > 0) process.prependListener(signal, onSignal);
    }).unref();
    return;
  }
  onExit();
  process.kill(process.pid, signal);
}
