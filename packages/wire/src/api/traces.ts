/**
 * Endpoints about traces.
 */
import * as z from "zod/mini";
import { Span } from "../model/span.ts";
import { Trace, TraceInfo, TraceSkeleton } from "../model/trace.ts";
import { endpoint } from "./endpoint.ts";

const TraceParams = z.object({ traceId: z.string() });

/** Most traces that one page may hold. */
export const MAX_PAGE_SIZE = 1000;

/** A place where a text of the filter stands, with what is around it; at most three a trace. */
const TextMatch = z.object({
  spanId: z.string(),
  field: z.enum(["input", "output", "error"]),
  snippet: z.string(),
  /** Where the text begins in the snippet, and how long it is there, in UTF-16 units. */
  at: z.number(),
  length: z.number(),
});

export const searchTraces = endpoint({
  id: "searchTraces",
  method: "POST",
  path: "/api/v1/traces/search",
  summary: "Traces that match a filter, newest first, one page at a time.",
  body: z.strictObject({
    /** Names or ids; absent = all. */
    experiments: z.optional(z.array(z.string())),
    /** The filter language, e.g. `status = 'ERROR' AND tags.env = 'prod'`. */
    filter: z.optional(z.string()),
    maxResults: z._default(z.int().check(z.minimum(1), z.maximum(MAX_PAGE_SIZE)), 100),
    /** Up to four of `key ASC|DESC`, e.g. `timestamp_ms DESC` (default), `execution_time_ms DESC`, `tags.env ASC`. */
    orderBy: z.optional(z.array(z.string())),
    pageToken: z.optional(z.string()),
    /** RFC 3339, inclusive. */
    from: z.optional(z.string()),
    /** RFC 3339, exclusive. */
    to: z.optional(z.string()),
    /** `matches`: where the texts of the filter stand. */
    include: z.optional(z.array(z.enum(["spans", "matches"]))),
  }),
  response: z.object({
    traces: z.array(
      z.object({ info: TraceInfo, spans: z.optional(z.array(Span)), matches: z.optional(z.array(TextMatch)) }),
    ),
    nextPageToken: z.optional(z.string()),
  }),
  errors: ["BAD_FILTER", "BAD_PAGE_TOKEN", "EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER", "QUERY_TOO_SLOW"],
});

export const countTraces = endpoint({
  id: "countTraces",
  method: "POST",
  path: "/api/v1/traces/count",
  summary: "How many traces match a filter, by state; exact up to 10,000.",
  body: z.strictObject({
    experiments: z.optional(z.array(z.string())),
    filter: z.optional(z.string()),
    from: z.optional(z.string()),
    to: z.optional(z.string()),
  }),
  response: z.object({ total: z.number(), errors: z.number() }),
  errors: ["BAD_FILTER", "EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER", "QUERY_TOO_SLOW"],
});

export const getTrace = endpoint({
  id: "getTrace",
  method: "GET",
  path: "/api/v1/traces/:traceId",
  summary: "A trace with all its spans.",
  params: TraceParams,
  response: z.object({ trace: Trace }),
  errors: ["TRACE_NOT_FOUND"],
});

export const getTraceSkeleton = endpoint({
  id: "getTraceSkeleton",
  method: "GET",
  path: "/api/v1/traces/:traceId/skeleton",
  summary: "A trace in columns, without payloads: small even for 30,000 spans.",
  params: TraceParams,
  response: TraceSkeleton,
  errors: ["TRACE_NOT_FOUND"],
});

export const getSpan = endpoint({
  id: "getSpan",
  method: "GET",
  path: "/api/v1/traces/:traceId/spans/:spanId",
  summary: "One span with its payloads.",
  params: z.object({ traceId: z.string(), spanId: z.string() }),
  response: z.object({ span: Span }),
  errors: ["TRACE_NOT_FOUND", "SPAN_NOT_FOUND"],
});

export const deleteTrace = endpoint({
  id: "deleteTrace",
  method: "DELETE",
  path: "/api/v1/traces/:traceId",
  summary: "Deletes a trace with its spans and tags.",
  params: TraceParams,
  response: z.object({}),
  errors: ["TRACE_NOT_FOUND"],
});

const TagParams = z.object({ traceId: z.string(), key: z.string() });

export const setTraceTag = endpoint({
  id: "setTraceTag",
  method: "PUT",
  path: "/api/v1/traces/:traceId/tags/:key",
  summary: "Sets a tag, on a running or a finished trace.",
  params: TagParams,
  body: z.strictObject({ value: z.string() }),
  response: z.object({}),
  errors: ["TRACE_NOT_FOUND", "INVALID_PARAMETER"],
});

export const deleteTraceTag = endpoint({
  id: "deleteTraceTag",
  method: "DELETE",
  path: "/api/v1/traces/:traceId/tags/:key",
  summary: "Removes a tag; removing one that is not there is no error.",
  params: TagParams,
  response: z.object({}),
  errors: ["TRACE_NOT_FOUND"],
});
