/**
 * The tracing that is on in this process: started by `init()`, or by the first span when the environment says where to.
 */
import { isDeepStrictEqual } from "node:util";
import { type Config, readConfig } from "./config.ts";
import { sayOnce, warnOnce } from "./diagnostics.ts";
import { type Counters, newCounters } from "./export/counters.ts";
import { deliverAtExit } from "./export/exit.ts";
import { Exporter, SCOPE } from "./export/exporter.ts";
import type { Companion } from "./tracing/companion.ts";
import type { Destination } from "./tracing/live-span.ts";
import type { Route } from "./tracing/span-record.ts";

export interface Runtime {
  readonly config: Config;
  readonly exporter: Exporter;
  /** Where traces go that say nothing else. */
  readonly route: Route;
  /** The program's own OpenTelemetry set-up, when it is joined. */
  readonly companion: Companion | undefined;
  /** Where traces with a destination of their own go. */
  routeTo(destination: Destination): Route;
}

/** Numbers of the process, across `init()` calls. */
export const counters: Counters = newCounters();

let current: Runtime | undefined;
/** Whether the environment was looked at, or `init()` or `shutdown()` made that needless. */
let isDecided = false;
let previousConfig: Config | undefined;

/** The runtime that new spans belong to; undefined while tracing is off. */
export function activeRuntime(): Runtime | undefined {
  if (!isDecided) startFromEnvironment();
  return current;
}

/** The configuration of the runtime, or of the last one after `shutdown()`; undefined if there was none. */
export function lastConfig(): Config | undefined {
  return activeRuntime()?.config ?? previousConfig;
}

/** Starts tracing with `config`; spans of traces that began before go to where their trace began. */
export function startRuntime(config: Config): void {
  const previous = current;
  isDecided = true;
  // Frameworks that reload modules call init() over and over.
  if (previous && isDeepStrictEqual(previous.config, config)) return;
  current = createRuntime(config);
  previous?.exporter.retire(() => forget(previous.exporter));
}

/** Turns tracing off; spans that waited are sent within `timeoutMs`, the default being the one for exits. */
export async function stopRuntime(timeoutMs?: number): Promise<boolean> {
  isDecided = true;
  previousConfig = current?.config ?? previousConfig;
  current = undefined;
  const delivered = [...live.keys()].map(async (exporter) => {
    const isDelivered = await exporter.shutdown(timeoutMs ?? exporter.exitTimeoutMs);
    forget(exporter);
    return isDelivered;
  });
  return (await Promise.all(delivered)).every(Boolean);
}

/** Exporters that still have work: that of the runtime, and of those before it. */
export function liveExporters(): Exporter[] {
  return [...live.keys()];
}

/** With what takes them out of the care for exits. */
const live = new Map<Exporter, () => void>();

function forget(exporter: Exporter): void {
  live.get(exporter)?.();
  live.delete(exporter);
}

function startFromEnvironment(): void {
  isDecided = true;
  try {
    const config = readConfig({}, process.env);
    if (config) current = createRuntime(config);
    else {
      sayOnce(
        "off",
        "info",
        "Tracing is off: init() was not called and SIGHTLINE_URL is not set. Traced functions run as they are.",
      );
    }
  } catch (error) {
    warnOnce("bad-setting", String(error));
  }
}

function createRuntime(config: Config): Runtime {
  const exporter = new Exporter(config, resourceOf(config), counters);
  live.set(exporter, deliverAtExit(exporter));
  const route = { exporter, ...(config.experiment !== undefined && { experiment: config.experiment }) };
  return { config, exporter, route, companion: undefined, routeTo: () => route };
}

function resourceOf(config: Config) {
  return {
    "service.name": config.serviceName,
    "telemetry.sdk.name": "sightline",
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.version": SCOPE.version,
  };
}
