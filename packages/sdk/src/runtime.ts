/**
 * The tracing that is on in this process: started by `init()`, or by the first span when the environment says where to.
 */
import { isDeepStrictEqual } from "node:util";
import { type Config, readConfig } from "./config.ts";
import { Destinations, exporterSettings, forgetExporter, liveExporters } from "./destinations.ts";
import { sayOnce, warnOnce } from "./diagnostics.ts";
import { globalCompanion } from "./opentelemetry/companion.ts";
import { overhead } from "./overhead/meter.ts";
import { publishOverheadSoon } from "./overhead/metric.ts";
import { sharedPart } from "./shared-state.ts";
import type { Companion } from "./tracing/companion.ts";
import type { Destination } from "./tracing/live-span.ts";
import { propagateTo } from "./tracing/outgoing.ts";
import type { Route } from "./tracing/span-record.ts";

export interface Runtime {
  readonly config: Config;
  readonly destinations: Destinations;
  /** Where traces go that say nothing else. */
  readonly route: Route;
  /** The program's own OpenTelemetry set-up, when it is joined. */
  readonly companion: Companion | undefined;
  /**
   * Where traces with a destination of their own go.
   *
   * @throws BAD_SETTING when its address is none
   */
  routeTo(destination: Destination): Route;
  /** Takes back what was changed in the process for it; exporters go on. */
  detach(): void;
}

const shared = sharedPart("runtime", () => ({
  /** What new traces belong to; undefined before `init()` and after `shutdown()`. */
  runtime: undefined as Runtime | undefined,
  /** That of the last runtime, for calls to the server after `shutdown()`. */
  previous: undefined as Config | undefined,
  /** Whether the environment was looked at, or `init()` or `shutdown()` made that needless. */
  isDecided: false,
  /** False between `disable()` and `enable()`. */
  isEnabled: true,
}));

/** Lets new traces begin, or not; what runs goes on. */
export function setEnabled(isEnabled: boolean): void {
  shared.isEnabled = isEnabled;
}

/** Whether somebody turned tracing off, for a while or for good: then nothing begins it by itself. */
export function isTurnedOff(): boolean {
  return !shared.isEnabled || (shared.runtime === undefined && shared.previous !== undefined);
}

/** The runtime that new spans belong to; undefined while tracing is off or disabled. */
export function activeRuntime(): Runtime | undefined {
  if (!shared.isDecided) startFromEnvironment();
  return shared.isEnabled ? shared.runtime : undefined;
}

/** The configuration of the runtime, or of the last one after `shutdown()`; undefined if there was none. */
export function lastConfig(): Config | undefined {
  if (!shared.isDecided) startFromEnvironment();
  return shared.runtime?.config ?? shared.previous;
}

/** Starts tracing with `config`; spans of traces that began before go to where their trace began. */
export function startRuntime(config: Config): void {
  const previous = shared.runtime;
  shared.isDecided = true;
  // Frameworks that reload modules call init() over and over.
  if (previous && isDeepStrictEqual(previous.config, config)) return;
  previous?.detach();
  const goesOn = previous && isDeepStrictEqual(exporterSettings(previous.config), exporterSettings(config));
  shared.runtime = createRuntime(config, goesOn ? previous.destinations : new Destinations(config));
  shared.isEnabled = config.enabled;
  if (!goesOn) previous?.destinations.retire();
}

/** Turns tracing off; spans that waited are sent within `timeoutMs`, the default being the one for exits. */
export async function stopRuntime(timeoutMs?: number): Promise<boolean> {
  shared.isDecided = true;
  shared.runtime?.detach();
  shared.previous = shared.runtime?.config ?? shared.previous;
  shared.runtime = undefined;
  const delivered = liveExporters().map(async (exporter) => {
    const isDelivered = await exporter.shutdown(timeoutMs ?? exporter.exitTimeoutMs);
    forgetExporter(exporter);
    return isDelivered;
  });
  return (await Promise.all(delivered)).every(Boolean);
}

function startFromEnvironment(): void {
  shared.isDecided = true;
  try {
    const config = readConfig({}, process.env);
    if (config) startRuntime(config);
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

function createRuntime(config: Config, destinations: Destinations): Runtime {
  overhead.setBudget(config.overheadBudget);
  const stopPublishing = publishOverheadSoon(overhead);
  const stopPropagating = config.propagateTo.length === 0 ? undefined : propagateTo(config.propagateTo);
  return {
    config,
    destinations,
    route: destinations.defaultRoute(config),
    companion: config.provider === "global" ? globalCompanion({ isMasked: config.mask !== undefined }) : undefined,
    routeTo: (destination) => destinations.routeTo(destination, config),
    detach: () => {
      stopPropagating?.();
      stopPublishing();
    },
  };
}
