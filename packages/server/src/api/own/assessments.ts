/**
 * Endpoints about assessments, metadata and links of traces.
 */
import type * as endpoints from "@sightline/wire/api/assessments";
import type { Handlers } from "../../http/route.ts";
import {
  createAssessment,
  deleteAssessment,
  deleteTraceMetadata,
  getAssessment,
  linkTraces,
  listAssessments,
  listTraceLinks,
  setTraceMetadata,
  unlinkTraces,
  updateAssessment,
} from "../../query/assess-trace.ts";
import type { Stores } from "../../query/stores.ts";

type AssessmentEndpoints = Omit<typeof endpoints, "MAX_LINKED_TRACES">;

/** A handler for each of them. */
export function assessmentHandlers(stores: Stores): Handlers<AssessmentEndpoints> {
  return {
    createAssessment: async ({ params, body }) => ({
      assessment: await createAssessment(stores, params.traceId, body),
    }),
    listAssessments: async ({ params }, call) => ({
      assessments: await listAssessments(stores, params.traceId, call),
    }),
    getAssessment: async ({ params }, call) => ({
      assessment: await getAssessment(stores, params.traceId, params.assessmentId, call),
    }),
    updateAssessment: async ({ params, body }) => ({
      assessment: await updateAssessment(stores, params.traceId, params.assessmentId, body),
    }),
    deleteAssessment: ({ params }) => done(deleteAssessment(stores, params.traceId, params.assessmentId)),
    setTraceMetadata: ({ params, body }) => done(setTraceMetadata(stores, params.traceId, params.key, body.value)),
    deleteTraceMetadata: ({ params }) => done(deleteTraceMetadata(stores, params.traceId, params.key)),
    listTraceLinks: async ({ params }, call) => ({ links: await listTraceLinks(stores, params.traceId, call) }),
    linkTraces: ({ body }) => done(linkTraces(stores, body)),
    unlinkTraces: ({ body }) => done(unlinkTraces(stores, body)),
  };
}

async function done(work: Promise<void>): Promise<Record<string, never>> {
  await work;
  return {};
}
