/**
 * Endpoints about jobs.
 */
import * as z from "zod/mini";
import { JOB_STATES, Job } from "../model/job.ts";
import { endpoint } from "./endpoint.ts";

const JobParams = z.object({ jobId: z.string() });

/** States in a query: one, or several separated by commas. */
const StateList = z.string().check(z.regex(new RegExp(`^(${JOB_STATES.join("|")})(,(${JOB_STATES.join("|")}))*$`)));

export const listJobs = endpoint({
  id: "listJobs",
  method: "GET",
  path: "/api/v1/jobs",
  summary: "The latest 100 jobs, newest first; ended ones are kept for 30 days.",
  query: z.object({
    /** E.g. `running` or `queued,running`; absent = all. */
    state: z.optional(StateList),
    /** E.g. `delete-traces`; absent = all. */
    kind: z.optional(z.string()),
  }),
  response: z.object({ jobs: z.array(Job) }),
  errors: ["INVALID_PARAMETER"],
});

export const getJob = endpoint({
  id: "getJob",
  method: "GET",
  path: "/api/v1/jobs/:jobId",
  summary: "One job with its progress.",
  params: JobParams,
  response: z.object({ job: Job }),
  errors: ["JOB_NOT_FOUND"],
});

export const cancelJob = endpoint({
  id: "cancelJob",
  method: "POST",
  path: "/api/v1/jobs/:jobId/cancel",
  summary: "Cancels a job: a queued one at once, a running one at its next step. What it has done stays done.",
  params: JobParams,
  response: z.object({ job: Job }),
  errors: ["JOB_NOT_FOUND", "JOB_ENDED"],
});
