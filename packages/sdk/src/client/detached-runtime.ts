/**
 * Tracing for a client that names its own server while nothing else is traced: without `init()`, and without SIGHTLINE_URL.
 */
import { readConfig } from "../config.ts";
import { Destinations, liveExporters } from "../destinations.ts";
import { warnOnce } from "../diagnostics.ts";
import type { Exporter } from "../export/exporter.ts";
import { activeRuntime, isTurnedOff, type Runtime } from "../runtime.ts";
import type { ConnectionOptions } from "./connection.ts";

/**
 * What a client's spans belong to: the tracing of the process, else one of the client's own.
 *
 * @param server  of the client
 * @param own  what this gave before, when it was the client's own
 * @returns undefined while tracing is off: after `disable()` or `shutdown()`, or when nobody says where to
 */
export function runtimeFor(server: ConnectionOptions, own: Runtime | undefined): Runtime | undefined {
  const active = activeRuntime();
  if (active !== undefined || server.url === undefined) return active;
  if (isTurnedOff()) return undefined;
  // `shutdown()` closes what is there; a span after it begins anew.
  const isOpen = own !== undefined && liveExporters().includes(own.route.exporter as Exporter);
  return isOpen ? own : createDetached(server);
}

function createDetached({ url, apiKey }: ConnectionOptions): Runtime | undefined {
  try {
    const config = readConfig({ url, apiKey }, process.env);
    if (config === undefined || !config.enabled) return undefined;
    const destinations = new Destinations(config);
    return {
      config,
      destinations,
      route: destinations.defaultRoute(config),
      companion: undefined,
      routeTo: (destination) => destinations.routeTo(destination, config),
      detach: () => undefined,
    };
  } catch (error) {
    warnOnce(`bad-setting:${String(error)}`, String(error));
    return undefined;
  }
}
