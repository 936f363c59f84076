/**
 * The handler of every own endpoint; the type insists that none is missing.
 */
import type { endpoints } from "@sightline/wire/api/registry";
import type { Handlers } from "../../http/route.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import { listExperiments } from "../../query/list-experiments.ts";
import { queryMetrics } from "../../query/query-metrics.ts";
import { getStats } from "../../query/server-state.ts";
import type { Stores } from "../../query/stores.ts";
import { jobHandlers } from "./jobs.ts";
import { traceHandlers } from "./traces.ts";

/** What handlers work with. */
export interface HandlerParts {
  readonly stores: Stores;
  readonly jobs: Jobs;
}

/** One handler for each endpoint of the registry, by id. */
export function ownHandlers({ stores, jobs }: HandlerParts): Handlers<typeof endpoints> {
  return {
    ...traceHandlers(stores),
    ...jobHandlers(jobs),
    queryMetrics: ({ body }, call) => queryMetrics(stores, body, call),
    listExperiments: () => listExperiments(stores),
    getStats: () => getStats(stores),
  };
}
