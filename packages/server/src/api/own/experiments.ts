/**
 * Endpoints about experiments.
 */
import type { endpoints } from "@sightline/wire/api/registry";
import type { Handlers } from "../../http/route.ts";
import type { ExperimentLife } from "../../lifecycle/experiments.ts";
import { listExperiments } from "../../query/list-experiments.ts";
import type { Stores } from "../../query/stores.ts";

type ExperimentEndpoints = Pick<
  typeof endpoints,
  "listExperiments" | "createExperiment" | "updateExperiment" | "deleteExperiment" | "restoreExperiment"
>;

export function experimentHandlers(stores: Stores, life: ExperimentLife): Handlers<ExperimentEndpoints> {
  return {
    listExperiments: ({ query }) => listExperiments(stores, query.includeDeleted === "true"),
    createExperiment: async ({ body }) => ({ experiment: await life.create(body.name) }),
    updateExperiment: async ({ params, body }) => ({ experiment: await life.update(params.experimentId, body) }),
    deleteExperiment: async ({ params, query }) =>
      query.purge === "true"
        ? await life.purge(params.experimentId)
        : { experiment: await life.delete(params.experimentId) },
    restoreExperiment: async ({ params }) => ({ experiment: await life.restore(params.experimentId) }),
  };
}
