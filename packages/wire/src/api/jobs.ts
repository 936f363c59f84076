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
  summary: "One job with its progress; with `waitSeconds` the answer comes when it has ended, or after that time.",
  params: JobParams,
  query: z.object({
    /** Whole seconds, 0 to 60. */
    waitSeconds: z.optional(z.string().check(z.regex(/^([0-5]?\d|60)$/))),
  }),
  response: z.object({ job: Job }),
  errors: ["JOB_NOT_FOUND", "INVALID_PARAMETER"],
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
