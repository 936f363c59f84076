/**
 * Endpoints about jobs.
 */
import type { endpoints } from "@sightline/wire/api/registry";
import type { JobState } from "@sightline/wire/model/job";
import type { Handlers } from "../../http/route.ts";
import type { Jobs } from "../../jobs/jobs.ts";

const LIST_LIMIT = 100;

type JobEndpoints = Pick<typeof endpoints, "listJobs" | "getJob" | "cancelJob">;

export function jobHandlers(jobs: Jobs): Handlers<JobEndpoints> {
  return {
    listJobs: async ({ query: { state, kind } }) => ({
      jobs: await jobs.list({
        // The schema of the endpoint lets no other states through.
        ...(state !== undefined && { states: state.split(",") as JobState[] }),
        ...(kind !== undefined && { kind }),
        limit: LIST_LIMIT,
      }),
    }),
    getJob: async ({ params: { jobId }, query: { waitSeconds } }, { signal }) => {
      if (waitSeconds === undefined) return { job: await jobs.get(jobId) };
      const patience = AbortSignal.any([signal, AbortSignal.timeout(Number(waitSeconds) * 1000)]);
      return { job: await jobs.ended(jobId, patience) };
    },
    cancelJob: async ({ params }) => ({ job: await jobs.cancel(params.jobId) }),
  };
}
