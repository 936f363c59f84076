/**
 * Endpoints about experiments.
 */
import * as z from "zod/mini";
import { Experiment } from "../model/experiment.ts";
import { endpoint } from "./endpoint.ts";

export const listExperiments = endpoint({
  id: "listExperiments",
  method: "GET",
  path: "/api/v1/experiments",
  summary: "All experiments with the number of their traces and the time of the last one.",
  response: z.object({
    experiments: z.array(
      z.extend(Experiment, {
        traces: z.number(),
        /** RFC 3339; absent when it has no trace. */
        lastTraceTime: z.optional(z.string()),
      }),
    ),
  }),
  errors: [],
});
