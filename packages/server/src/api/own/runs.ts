/**
 * Endpoints about runs.
 */
import type { endpoints } from "@sightline/wire/api/registry";
import type { Handlers } from "../../http/route.ts";
import { createRun, deleteRun, deleteRunTag, getRun, logBatch, setRunTag, updateRun } from "../../query/runs.ts";
import { getMetricHistory, searchRuns } from "../../query/search-runs.ts";
import type { Stores } from "../../query/stores.ts";

type RunEndpoints = Pick<
  typeof endpoints,
  | "createRun"
  | "getRun"
  | "updateRun"
  | "deleteRun"
  | "restoreRun"
  | "searchRuns"
  | "logBatch"
  | "setRunTag"
  | "deleteRunTag"
  | "getMetricHistory"
>;

/** A handler for each of them. */
export function runHandlers(stores: Pick<Stores, "entities">): Handlers<RunEndpoints> {
  return {
    createRun: async ({ body }) => ({ run: await createRun(stores, body) }),
    getRun: async ({ params }) => ({ run: await getRun(stores, params.runId) }),
    updateRun: async ({ params, body }) => ({ run: await updateRun(stores, params.runId, body) }),
    deleteRun: ({ params, query }) => done(deleteRun(stores, params.runId, query.purge === "true")),
    restoreRun: async ({ params }) => ({ run: await stores.entities.restoreRun(params.runId) }),
    searchRuns: ({ body }) => searchRuns(stores, body),
    logBatch: ({ params, body }) => done(logBatch(stores, params.runId, body)),
    setRunTag: ({ params, body }) => done(setRunTag(stores, params.runId, params.key, body.value)),
    deleteRunTag: ({ params }) => done(deleteRunTag(stores, params.runId, params.key)),
    getMetricHistory: ({ params, query }) => getMetricHistory(stores, params, query),
  };
}

async function done(work: Promise<void>): Promise<Record<string, never>> {
  await work;
  return {};
}
