/**
 * Endpoints about runs: their params, metrics and tags.
 */
import * as z from "zod/mini";
import { MetricPoint, Run, RunStatus } from "../model/run.ts";
import { endpoint } from "./endpoint.ts";

const RunParams = z.object({ runId: z.string() });
const TagParams = z.object({ runId: z.string(), key: z.string() });
const OneRun = z.object({ run: Run });
const Texts = z.record(z.string(), z.string());

/** Most runs in one page, and most points of a metric. */
export const MAX_RUNS_IN_PAGE = 1000;
export const MAX_POINTS_IN_PAGE = 25_000;

/** Integers that a double does not hold arrive as bigints. */
const SentMetricValue = z.union([z.number(), z.bigint(), z.literal(["NaN", "Infinity", "-Infinity"])]);

export const createRun = endpoint({
  id: "createRun",
  method: "POST",
  path: "/api/v1/runs",
  summary: "Starts a run.",
  body: z.strictObject({
    /** Name or id; a name is made on first use. Default: `Default`. */
    experiment: z.optional(z.string()),
    /** Default: two words and a number. */
    name: z.optional(z.string()),
    /** Default RUNNING. */
    status: z.optional(RunStatus),
    userId: z.optional(z.string()),
    /** RFC 3339; default now. */
    startTime: z.optional(z.string()),
    tags: z.optional(Texts),
  }),
  response: OneRun,
  errors: ["EXPERIMENT_NOT_FOUND", "EXPERIMENT_DELETED", "INVALID_PARAMETER"],
});

export const getRun = endpoint({
  id: "getRun",
  method: "GET",
  path: "/api/v1/runs/:runId",
  summary: "A run with its params, its tags and the latest point of each metric. A deleted one has a `deleteTime`.",
  params: RunParams,
  response: OneRun,
  errors: ["RUN_NOT_FOUND"],
});

export const updateRun = endpoint({
  id: "updateRun",
  method: "PATCH",
  path: "/api/v1/runs/:runId",
  summary: "Changes name, status or end of a run. A status that is an end sets the end time, unless there is one.",
  params: RunParams,
  body: z.strictObject({
    name: z.optional(z.string()),
    status: z.optional(RunStatus),
    /** RFC 3339 */
    endTime: z.optional(z.string()),
  }),
  response: OneRun,
  errors: ["RUN_NOT_FOUND", "RUN_DELETED", "INVALID_PARAMETER"],
});

export const deleteRun = endpoint({
  id: "deleteRun",
  method: "DELETE",
  path: "/api/v1/runs/:runId",
  summary:
    "Deletes a run: it is hidden, and can be restored for 30 days. With `purge=true` it is deleted for good, now.",
  params: RunParams,
  query: z.object({ purge: z.optional(z.enum(["true", "false"])) }),
  response: z.object({}),
  errors: ["RUN_NOT_FOUND"],
});

export const restoreRun = endpoint({
  id: "restoreRun",
  method: "POST",
  path: "/api/v1/runs/:runId/restore",
  summary: "Brings a deleted run back.",
  params: RunParams,
  response: OneRun,
  errors: ["RUN_NOT_FOUND", "EXPERIMENT_DELETED"],
});

export const searchRuns = endpoint({
  id: "searchRuns",
  method: "POST",
  path: "/api/v1/runs/search",
  summary: "Runs that match a filter, newest first, one page at a time.",
  body: z.strictObject({
    /** Names or ids; absent = all. */
    experiments: z.optional(z.array(z.string())),
    /** E.g. `metrics.accuracy > 0.9 AND params.model = 'gpt-4o' AND tags.env = 'prod' AND attributes.status = 'FINISHED'`. */
    filter: z.optional(z.string()),
    /** Up to four of `key ASC|DESC`, e.g. `metrics.accuracy DESC`; default `start_time DESC`. */
    orderBy: z.optional(z.array(z.string())),
    maxResults: z._default(z.int().check(z.minimum(1), z.maximum(MAX_RUNS_IN_PAGE)), 100),
    pageToken: z.optional(z.string()),
    /** Which ones: default `active`. Runs of deleted experiments count as deleted. */
    view: z._default(z.enum(["active", "deleted", "all"]), "active"),
  }),
  response: z.object({ runs: z.array(Run), nextPageToken: z.optional(z.string()) }),
  errors: ["BAD_FILTER", "BAD_PAGE_TOKEN", "EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER"],
});

export const logBatch = endpoint({
  id: "logBatch",
  method: "POST",
  path: "/api/v1/runs/:runId/log-batch",
  summary:
    "Adds metrics, params and tags to a run: all of them or, if one cannot be taken, none. Sending it again changes nothing.",
  params: RunParams,
  body: z.strictObject({
    metrics: z.optional(
      z.array(
        z.strictObject({
          key: z.string(),
          value: SentMetricValue,
          /** Default 0. */
          step: z.optional(z.int()),
          /** Milliseconds since the epoch; default now. Give it, or the same batch sent again makes new points. */
          timestampMs: z.optional(z.int().check(z.minimum(0))),
        }),
      ),
    ),
    params: z.optional(Texts),
    tags: z.optional(Texts),
  }),
  response: z.object({}),
  errors: ["RUN_NOT_FOUND", "RUN_DELETED", "PARAM_CHANGED", "INVALID_PARAMETER"],
});

export const setRunTag = endpoint({
  id: "setRunTag",
  method: "PUT",
  path: "/api/v1/runs/:runId/tags/:key",
  summary: "Sets a tag of a run.",
  params: TagParams,
  body: z.strictObject({ value: z.string() }),
  response: z.object({}),
  errors: ["RUN_NOT_FOUND", "RUN_DELETED", "INVALID_PARAMETER"],
});

export const deleteRunTag = endpoint({
  id: "deleteRunTag",
  method: "DELETE",
  path: "/api/v1/runs/:runId/tags/:key",
  summary: "Removes a tag; removing one that is not there is no error.",
  params: TagParams,
  response: z.object({}),
  errors: ["RUN_NOT_FOUND", "RUN_DELETED"],
});

export const getMetricHistory = endpoint({
  id: "getMetricHistory",
  method: "GET",
  path: "/api/v1/runs/:runId/metrics/:key",
  summary: "All points of a metric, by time, step and value, one page at a time; none if the run has no such metric.",
  params: TagParams,
  query: z.object({
    /** 1 to 25,000, the default. */
    maxResults: z.optional(z.string()),
    pageToken: z.optional(z.string()),
  }),
  response: z.object({ points: z.array(MetricPoint), nextPageToken: z.optional(z.string()) }),
  errors: ["RUN_NOT_FOUND", "BAD_PAGE_TOKEN", "INVALID_PARAMETER"],
});
