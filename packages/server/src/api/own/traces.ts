/**
 * Endpoints about traces.
 */
import type { endpoints } from "@sightline/wire/api/registry";
import type { Handlers } from "../../http/route.ts";
import { deleteTrace, deleteTraceTag, setTraceTag } from "../../query/change-trace.ts";
import { countTraces } from "../../query/count-traces.ts";
import { getSpan, getTrace } from "../../query/get-trace.ts";
import { getTraceSkeleton } from "../../query/get-trace-skeleton.ts";
import { searchTraces } from "../../query/search-traces.ts";
import type { Stores } from "../../query/stores.ts";

type TraceEndpoints = Pick<
  typeof endpoints,
  | "searchTraces"
  | "countTraces"
  | "getTrace"
  | "getTraceSkeleton"
  | "getSpan"
  | "deleteTrace"
  | "setTraceTag"
  | "deleteTraceTag"
>;

export function traceHandlers(stores: Stores): Handlers<TraceEndpoints> {
  return {
    searchTraces: ({ body }, call) => searchTraces(stores, body, call),
    countTraces: ({ body }, call) => countTraces(stores, body, call),
    getTrace: async ({ params }, call) => ({ trace: await getTrace(stores, params.traceId, call) }),
    getTraceSkeleton: ({ params }, call) => getTraceSkeleton(stores, params.traceId, call),
    getSpan: async ({ params }, call) => ({ span: await getSpan(stores, params.traceId, params.spanId, call) }),
    deleteTrace: ({ params }) => done(deleteTrace(stores, params.traceId)),
    setTraceTag: ({ params, body }) => done(setTraceTag(stores, params.traceId, params.key, body.value)),
    deleteTraceTag: ({ params }) => done(deleteTraceTag(stores, params.traceId, params.key)),
  };
}

async function done(work: Promise<void>): Promise<Record<string, never>> {
  await work;
  return {};
}
