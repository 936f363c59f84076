/**
 * The exporters of one configuration: one for each server and key, whatever experiments are sent through it.
 */
import { type Config, resolveDestination } from "./config.ts";
import { type Counters, newCounters } from "./export/counters.ts";
import { deliverAtExit } from "./export/exit.ts";
import { Exporter, SCOPE } from "./export/exporter.ts";
import { sharedPart } from "./shared-state.ts";
import type { Destination } from "./tracing/live-span.ts";
import type { Route } from "./tracing/span-record.ts";

const shared = sharedPart("exporters", () => ({
  /** Numbers of the process, across `init()` calls. */
  counters: newCounters(),
  /** Exporters that still have work, each with what takes it out of the care for exits. */
  live: new Map<Exporter, () => void>(),
}));

/** What became of all spans of the process since it started. */
export function processCounters(): Counters {
  return shared.counters;
}

/** Exporters that still have work: those of the runtime, and of the ones before it. */
export function liveExporters(): Exporter[] {
  return [...shared.live.keys()];
}

export class Destinations {
  readonly #config: Config;
  readonly #exporters = new Map<string, Exporter>();
  readonly #routes = new Map<string, Route>();

  constructor(config: Config) {
    this.#config = config;
  }

  /** Where traces go that say nothing else, under the experiment of `config`. */
  defaultRoute({ url, apiKey, experiment }: Config): Route {
    return this.#route(url, apiKey, experiment);
  }

  /**
   * Where traces with a destination of their own go.
   *
   * @param config  says what the destination leaves out
   * @throws BAD_SETTING when its address is none
   */
  routeTo(destination: Destination, config: Config): Route {
    const { url, apiKey, experiment } = resolveDestination(config, destination);
    return this.#route(url, apiKey, experiment);
  }

  /** Lets what is open or unsent have its time, then closes the exporters. */
  retire(): void {
    for (const exporter of this.#exporters.values()) exporter.retire(() => forgetExporter(exporter));
  }

  #route(url: string, apiKey: string | undefined, experiment: string | undefined): Route {
    const key = JSON.stringify([url, apiKey, experiment]);
    let route = this.#routes.get(key);
    if (route === undefined) {
      route = { exporter: this.#exporter(url, apiKey), ...(experiment !== undefined && { experiment }) };
      this.#routes.set(key, route);
    }
    return route;
  }

  #exporter(url: string, apiKey: string | undefined): Exporter {
    const key = JSON.stringify([url, apiKey]);
    let exporter = this.#exporters.get(key);
    if (exporter === undefined) {
      exporter = new Exporter({ ...this.#config, url, apiKey }, resourceOf(this.#config), shared.counters);
      this.#exporters.set(key, exporter);
      shared.live.set(exporter, deliverAtExit(exporter));
    }
    return exporter;
  }
}

/** Takes an exporter that has closed out of the care for exits. */
export function forgetExporter(exporter: Exporter): void {
  shared.live.get(exporter)?.();
  shared.live.delete(exporter);
}

/** What exporters depend on: while it stays the same, `init()` with other settings goes on with them. */
export function exporterSettings(config: Config): Partial<Config> {
  const {
    experiment: _,
    sampler: __,
    overheadBudget: ___,
    provider: ____,
    propagateTo: _____,
    enabled: ______,
    ...rest
  } = config;
  return rest;
}

function resourceOf({ serviceName, version }: Config): Readonly<Record<string, string>> {
  return {
    "service.name": serviceName,
    ...(version !== undefined && { "service.version": version }),
    "telemetry.sdk.name": "sightline",
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.version": SCOPE.version,
  };
}
