/**
 * The handler of every own endpoint; the type insists that none is missing.
 */
import type { endpoints } from "@sightline/wire/api/registry";
import type { Handlers } from "../../http/route.ts";
import { listExperiments } from "../../query/list-experiments.ts";
import { queryMetrics } from "../../query/query-metrics.ts";
import { getStats } from "../../query/server-state.ts";
import type { Stores } from "../../query/stores.ts";
import { traceHandlers } from "./traces.ts";

/** One handler for each endpoint of the registry, by id. */
export function ownHandlers(stores: Stores): Handlers<typeof endpoints> {
  return {
    ...traceHandlers(stores),
    queryMetrics: ({ body }, call) => queryMetrics(stores, body, call),
    listExperiments: () => listExperiments(stores),
    getStats: () => getStats(stores),
  };
}
