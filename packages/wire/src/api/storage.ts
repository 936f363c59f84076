/**
 * Endpoints about what is stored, for how long, and how it is taken away.
 */
import * as z from "zod/mini";
import { Job } from "../model/job.ts";
import { Retention } from "../model/retention.ts";
import { endpoint } from "./endpoint.ts";

const StartedJob = z.object({ job: Job });

export const deleteTraces = endpoint({
  id: "deleteTraces",
  method: "POST",
  path: "/api/v1/traces/delete",
  summary:
    "Starts a job that deletes traces: those with the given ids, or those that match when it begins. `dryRun` only counts them.",
  body: z.strictObject({
    /** With or without `tr-`; not together with the other fields. */
    traceIds: z.optional(z.array(z.string())),
    /** Names or ids. */
    experiments: z.optional(z.array(z.string())),
    filter: z.optional(z.string()),
    /** RFC 3339, start of the trace, inclusive. */
    from: z.optional(z.string()),
    /** RFC 3339, exclusive. */
    to: z.optional(z.string()),
    dryRun: z._default(z.boolean(), false),
  }),
  response: z.object({
    /** Traces that would be deleted now; only with `dryRun`. */
    traces: z.optional(z.number()),
    job: z.optional(Job),
  }),
  errors: ["BAD_FILTER", "EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER"],
});

export const getRetention = endpoint({
  id: "getRetention",
  method: "GET",
  path: "/api/v1/settings/retention",
  summary: "How long traces are kept in experiments that have no setting of their own.",
  response: z.object({ retention: Retention }),
  errors: [],
});

export const setRetention = endpoint({
  id: "setRetention",
  method: "PUT",
  path: "/api/v1/settings/retention",
  summary: "Sets how long traces are kept; what is older is deleted by a job, now and every hour.",
  body: Retention,
  response: z.object({ retention: Retention }),
  errors: ["INVALID_PARAMETER"],
});

export const DISK_POLICIES = ["delete-oldest", "refuse"] as const;

export const getStorage = endpoint({
  id: "getStorage",
  method: "GET",
  path: "/api/v1/storage",
  summary:
    "How much there is of what, by table and by experiment, how much room is left, and the rules that make room.",
  response: z.object({
    /** Bytes on disk. */
    bytes: z.object({
      total: z.number(),
      telemetry: z.number(),
      entities: z.number(),
      journal: z.number(),
      /** Of attachments, those that several share once. */
      attachments: z.number(),
    }),
    /** Tables of the telemetry store, the largest first. */
    tables: z.array(z.object({ name: z.string(), rows: z.number(), bytes: z.number() })),
    /** Those that have traces, the largest first. */
    experiments: z.array(
      z.object({
        experimentId: z.string(),
        /** Absent if there is no experiment of this id. */
        name: z.optional(z.string()),
        isDeleted: z.boolean(),
        traces: z.number(),
        spans: z.number(),
        /** Share of the telemetry's bytes by number of spans. */
        estimatedBytes: z.number(),
        /** RFC 3339 */
        oldestTraceTime: z.string(),
        newestTraceTime: z.string(),
        /** The days that hold for it; null = for ever. */
        retentionDays: z.nullable(z.number()),
      }),
    ),
    /** Of the disk of the data directory; absent when both engines are external. */
    disk: z.optional(z.object({ freeBytes: z.number(), totalBytes: z.number(), minFreeBytes: z.number() })),
    /** Absent when there is none. */
    cap: z.optional(z.object({ maxBytes: z.number(), policy: z.enum(DISK_POLICIES) })),
    /** Why spans are refused at the moment; absent when they are taken. */
    refusal: z.optional(z.string()),
    retention: Retention,
    /** The latest ten jobs. */
    jobs: z.array(Job),
  }),
  errors: [],
});

export const purgeStorage = endpoint({
  id: "purgeStorage",
  method: "POST",
  path: "/api/v1/storage/purge",
  summary: "Starts a job that gives the space of everything deleted back to the disk.",
  response: StartedJob,
  errors: [],
});

export const checkStorage = endpoint({
  id: "checkStorage",
  method: "POST",
  path: "/api/v1/storage/check",
  summary:
    "Starts a job that looks for spans, traces and judgements that belong to nothing; its counts say what it found.",
  response: StartedJob,
  errors: [],
});
