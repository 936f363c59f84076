/**
 * Endpoints about experiments.
 */
import * as z from "zod/mini";
import { Experiment, RetentionDays } from "../model/experiment.ts";
import { Job } from "../model/job.ts";
import { endpoint } from "./endpoint.ts";

const ExperimentParams = z.object({ experimentId: z.string() });
const OneExperiment = z.object({ experiment: Experiment });

export const listExperiments = endpoint({
  id: "listExperiments",
  method: "GET",
  path: "/api/v1/experiments",
  summary: "All experiments with the number of their traces and the time of the last one.",
  query: z.object({
    /** `true`: deleted ones, too; they have a `deleteTime`. */
    includeDeleted: z.optional(z.enum(["true", "false"])),
  }),
  response: z.object({
    experiments: z.array(
      z.extend(Experiment, {
        traces: z.number(),
        /** RFC 3339; absent when it has no trace. */
        lastTraceTime: z.optional(z.string()),
      }),
    ),
  }),
  errors: ["INVALID_PARAMETER"],
});

export const createExperiment = endpoint({
  id: "createExperiment",
  method: "POST",
  path: "/api/v1/experiments",
  summary: "Makes an experiment. No two have one name, deleted ones included.",
  body: z.strictObject({ name: z.string() }),
  response: OneExperiment,
  errors: ["EXPERIMENT_EXISTS", "INVALID_PARAMETER"],
});

export const updateExperiment = endpoint({
  id: "updateExperiment",
  method: "PATCH",
  path: "/api/v1/experiments/:experimentId",
  summary: "Renames an experiment, or sets how long its traces are kept.",
  params: ExperimentParams,
  body: z.strictObject({
    name: z.optional(z.string()),
    /** Days; null = for ever; `default` = as set for all experiments. */
    retentionDays: z.optional(z.union([RetentionDays, z.null(), z.literal("default")])),
  }),
  response: OneExperiment,
  errors: ["EXPERIMENT_NOT_FOUND", "EXPERIMENT_DELETED", "EXPERIMENT_EXISTS", "INVALID_PARAMETER"],
});

export const deleteExperiment = endpoint({
  id: "deleteExperiment",
  method: "DELETE",
  path: "/api/v1/experiments/:experimentId",
  summary:
    "Deletes an experiment: it and its traces are hidden, and can be restored for 30 days. With `purge=true` they are deleted for good by a job.",
  params: ExperimentParams,
  query: z.object({ purge: z.optional(z.enum(["true", "false"])) }),
  response: z.object({ experiment: Experiment, job: z.optional(Job) }),
  errors: ["EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER"],
});

export const restoreExperiment = endpoint({
  id: "restoreExperiment",
  method: "POST",
  path: "/api/v1/experiments/:experimentId/restore",
  summary: "Brings a deleted experiment back, with its traces.",
  params: ExperimentParams,
  response: OneExperiment,
  errors: ["EXPERIMENT_NOT_FOUND"],
});
