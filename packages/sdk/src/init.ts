/**
 * Turning tracing on and off, and knowing what became of the spans.
 */
import { type InitOptions, readConfig, unknownOptions } from "./config.ts";
import { liveExporters, processCounters } from "./destinations.ts";
import { failureCount, malformedHeaderCount, sayOnce, warnOnce } from "./diagnostics.ts";
import type { Counters } from "./export/counters.ts";
import { type OverheadStats, overhead } from "./overhead/meter.ts";
import { setEnabled, startRuntime, stopRuntime } from "./runtime.ts";

const FLUSH_TIMEOUT_MS = 10_000;

/**
 * Starts tracing to a Sightline server; options that are not given come from the environment. May be called again: traces that
 * begin from then on go to the new address, those under way to the old.
 *
 * Not needed when SIGHTLINE_URL (or MLFLOW_TRACKING_URI with an http address) is set. Does not throw: settings that cannot be
 * used are said as a warning, and tracing stays as it was.
 */
export function init(options: InitOptions = {}): void {
  try {
    const unknown = unknownOptions(options);
    if (unknown.length > 0) {
      const names = unknown.join(", ");
      warnOnce(
        `unknown-option:${names}`,
        `init() has no option ${names}; it is ignored. Is it spelled as in InitOptions?`,
      );
    }
    const config = readConfig(options, process.env);
    if (config) startRuntime(config);
    else sayOnce("no-url", "warn", "init() has no url and SIGHTLINE_URL is not set; tracing stays off.");
  } catch (error) {
    warnOnce(`bad-setting:${String(error)}`, String(error));
  }
}

/** Turns tracing on again after `disable()` or `init({ enabled: false })`. */
export function enable(): void {
  setEnabled(true);
}

/**
 * Turns tracing off until `enable()`: traced functions run as they are. Spans that run already end, and are sent, as usual.
 */
export function disable(): void {
  setEnabled(false);
}

/**
 * Sends what was recorded so far.
 *
 * @param timeoutMs  gives up after it; spans that are not sent by then are still tried later. Default 10,000.
 * @returns whether the server has everything that ended before the call
 */
export async function flush(timeoutMs = FLUSH_TIMEOUT_MS): Promise<boolean> {
  const delivered = await Promise.all(liveExporters().map((exporter) => exporter.flush(timeoutMs)));
  return delivered.every(Boolean);
}

/**
 * Turns tracing off and sends what is left; traced functions run as they are from then on, until `init()`.
 *
 * @param timeoutMs  default: `exitTimeoutMs` of `init()`. What is not sent by then is dropped and counted.
 * @returns whether everything was delivered
 */
export function shutdown(timeoutMs?: number): Promise<boolean> {
  return stopRuntime(timeoutMs);
}

/** Numbers of this process since it started, over all its destinations. */
export interface Stats extends Readonly<Counters> {
  /** Spans that wait or are under way now. */
  readonly queued: number;
  /** Bytes of them in memory, roughly. */
  readonly queuedBytes: number;
  /** Bytes of them on disk, what was sent and is not yet removed included; 0 without a spool. */
  readonly spooledBytes: number;
  /** How often the SDK itself failed; the user's code went on each time. */
  readonly failures: number;
  /** Trace headers that came in malformed and were ignored. */
  readonly malformedHeaders: number;
  /** What tracing costs the program on its own path, and what is left out to keep within `overheadBudget`. */
  readonly overhead: OverheadStats;
}

/** What became of the spans of this process since it started. */
export function stats(): Stats {
  const exporters = liveExporters();
  const counters = processCounters();
  return {
    ...counters,
    dropped: { ...counters.dropped },
    attachments: { ...counters.attachments },
    spool: { ...counters.spool },
    queued: exporters.reduce((sum, { unsent }) => sum + unsent, 0),
    queuedBytes: exporters.reduce((sum, { unsentBytes }) => sum + unsentBytes, 0),
    spooledBytes: exporters.reduce((sum, { spooledBytes }) => sum + spooledBytes, 0),
    failures: failureCount(),
    malformedHeaders: malformedHeaderCount(),
    overhead: overhead.stats(),
  };
}
