/**
 * All experiments with what happened in them.
 */
import type { EndpointOutput } from "@sightline/wire/api/endpoint";
import type { listExperiments as endpoint } from "@sightline/wire/api/experiments";
import { formatRfc3339Micros } from "@sightline/wire/time";
import type { Stores } from "./stores.ts";

/** `Default` first, then by name; deleted ones among them when they are asked for. */
export async function listExperiments(
  stores: Stores,
  includeDeleted: boolean,
): Promise<EndpointOutput<typeof endpoint>> {
  const [experiments, activity] = await Promise.all([
    stores.entities.listExperiments({ includeDeleted }),
    stores.telemetry.experimentActivity(),
  ]);
  return {
    experiments: experiments.map((experiment) => {
      const active = activity.get(experiment.experimentId);
      return {
        ...experiment,
        traces: active?.traces ?? 0,
        ...(active && { lastTraceTime: formatRfc3339Micros(active.lastTraceUnixNano) }),
      };
    }),
  };
}
