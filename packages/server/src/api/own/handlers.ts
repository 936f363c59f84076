/**
 * The handler of every own endpoint; the type insists that none is missing.
 */
import type { endpoints } from "@sightline/wire/api/registry";
import type { Handlers } from "../../http/route.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { ExperimentLife } from "../../lifecycle/experiments.ts";
import { queryMetrics } from "../../query/query-metrics.ts";
import { getStats } from "../../query/server-state.ts";
import type { Stores } from "../../query/stores.ts";
import { assessmentHandlers } from "./assessments.ts";
import { experimentHandlers } from "./experiments.ts";
import { jobHandlers } from "./jobs.ts";
import { traceHandlers } from "./traces.ts";

/** What handlers work with. */
export interface HandlerParts {
  readonly stores: Stores;
  readonly jobs: Jobs;
  readonly experimentLife: ExperimentLife;
}

/** One handler for each endpoint of the registry, by id. */
export function ownHandlers({ stores, jobs, experimentLife }: HandlerParts): Handlers<typeof endpoints> {
  return {
    ...traceHandlers(stores),
    ...assessmentHandlers(stores),
    ...jobHandlers(jobs),
    ...experimentHandlers(stores, experimentLife),
    queryMetrics: ({ body }, call) => queryMetrics(stores, body, call),
    getStats: () => getStats(stores),
  };
}
