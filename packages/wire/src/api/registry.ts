/**
 * Every endpoint of the own API, once. The server insists that each has a handler; OpenAPI lists them in this order.
 */
import { getStats } from "./admin.ts";
import { listExperiments } from "./experiments.ts";
import { cancelJob, getJob, listJobs } from "./jobs.ts";
import { queryMetrics } from "./metrics.ts";
import {
  countTraces,
  deleteTrace,
  deleteTraceTag,
  getSpan,
  getTrace,
  getTraceSkeleton,
  searchTraces,
  setTraceTag,
} from "./traces.ts";

export const endpoints = {
  searchTraces,
  countTraces,
  getTrace,
  getTraceSkeleton,
  getSpan,
  deleteTrace,
  setTraceTag,
  deleteTraceTag,
  queryMetrics,
  listExperiments,
  getStats,
  listJobs,
  getJob,
  cancelJob,
} as const;
