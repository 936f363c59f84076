/**
 * Endpoints about the processes that the SDK runs in.
 */
import * as z from "zod/mini";
import { SdkProcess } from "../model/sdk-process.ts";
import { endpoint } from "./endpoint.ts";

export const listSdkProcesses = endpoint({
  id: "listSdkProcesses",
  method: "GET",
  path: "/api/v1/sdk-processes",
  summary:
    "Processes that Sightline's SDK sends spans from, with the spans of each that never came; those with problems first, then the latest.",
  query: z.object({
    /** Exactly this service. */
    service: z.optional(z.string().check(z.maxLength(1000))),
    /** Id or name: only processes that have sent spans to it. */
    experiment: z.optional(z.string()),
    /** `true`: only those that lost or dropped spans, or keep less than everything. */
    problems: z.optional(z.enum(["true", "false"])),
    /** RFC 3339: only those of which something came at or after it. */
    since: z.optional(z.string()),
    /** 1 to 1000; default 100. */
    maxResults: z.optional(z.string().check(z.regex(/^([1-9]\d{0,2}|1000)$/))),
    pageToken: z.optional(z.string()),
  }),
  response: z.object({
    processes: z.array(SdkProcess),
    /** Over all pages. */
    totals: z.object({
      /** Processes with problems. */
      problems: z.number(),
      /** Spans of them that never came. */
      spansLost: z.number(),
      /** Processes that run. */
      running: z.number(),
    }),
    nextPageToken: z.optional(z.string()),
  }),
  errors: ["INVALID_PARAMETER", "BAD_PAGE_TOKEN", "EXPERIMENT_NOT_FOUND"],
});
