/**
 * Endpoints about what is said of a trace beside its spans: assessments, metadata, links.
 */
import * as z from "zod/mini";
import { Assessment, AssessmentError, AssessmentKind, AssessmentSource } from "../model/assessment.ts";
import { TraceLink, TraceLinkKind } from "../model/trace-link.ts";
import { endpoint } from "./endpoint.ts";

const TraceParams = z.object({ traceId: z.string() });
const AssessmentParams = z.object({ traceId: z.string(), assessmentId: z.string() });
const MetadataParams = z.object({ traceId: z.string(), key: z.string() });

const Name = z.string().check(z.minLength(1), z.maxLength(250));
/** MLflow's limits for what lies in maps of texts. */
const Entries = z.record(z.string().check(z.maxLength(250)), z.string().check(z.maxLength(4096)));

export const createAssessment = endpoint({
  id: "createAssessment",
  method: "POST",
  path: "/api/v1/traces/:traceId/assessments",
  summary: "Adds a judgement, a right answer or an issue to a trace or one of its spans.",
  params: TraceParams,
  body: z.strictObject({
    kind: AssessmentKind,
    name: Name,
    /** Any JSON; integers keep their digits. */
    value: z.optional(z.unknown()),
    /** Why there is no value. */
    error: z.optional(AssessmentError),
    rationale: z.optional(z.string()),
    source: AssessmentSource,
    /** 16 hex digits; absent = the whole trace. */
    spanId: z.optional(z.string()),
    /** The session that is judged; absent = metadata `mlflow.trace.session`. */
    sessionId: z.optional(z.string()),
    /** The evaluation run; absent = metadata `mlflow.assessment.sourceRunId`. */
    runId: z.optional(z.string()),
    metadata: z.optional(Entries),
    /** The assessment that this one corrects: it is not valid any more. */
    overrides: z.optional(z.string()),
  }),
  response: z.object({ assessment: Assessment }),
  errors: ["TRACE_NOT_FOUND", "ASSESSMENT_NOT_FOUND"],
});

export const listAssessments = endpoint({
  id: "listAssessments",
  method: "GET",
  path: "/api/v1/traces/:traceId/assessments",
  summary: "All assessments of a trace, valid or not, oldest first.",
  params: TraceParams,
  response: z.object({ assessments: z.array(Assessment) }),
  errors: ["TRACE_NOT_FOUND"],
});

export const getAssessment = endpoint({
  id: "getAssessment",
  method: "GET",
  path: "/api/v1/traces/:traceId/assessments/:assessmentId",
  summary: "One assessment.",
  params: AssessmentParams,
  response: z.object({ assessment: Assessment }),
  errors: ["TRACE_NOT_FOUND", "ASSESSMENT_NOT_FOUND"],
});

export const updateAssessment = endpoint({
  id: "updateAssessment",
  method: "PATCH",
  path: "/api/v1/traces/:traceId/assessments/:assessmentId",
  summary: "Changes an assessment: what is not given stays; metadata is joined; source, span and kind never change.",
  params: AssessmentParams,
  body: z.strictObject({
    /** Only to make sure that it is of this kind. */
    kind: z.optional(AssessmentKind),
    name: z.optional(Name),
    /** Value and error are one judgement: giving one of them replaces both. */
    value: z.optional(z.unknown()),
    error: z.optional(AssessmentError),
    /** "" takes it away. */
    rationale: z.optional(z.string()),
    metadata: z.optional(Entries),
  }),
  response: z.object({ assessment: Assessment }),
  errors: ["TRACE_NOT_FOUND", "ASSESSMENT_NOT_FOUND"],
});

export const deleteAssessment = endpoint({
  id: "deleteAssessment",
  method: "DELETE",
  path: "/api/v1/traces/:traceId/assessments/:assessmentId",
  summary: "Deletes an assessment; the one that it corrected is valid again.",
  params: AssessmentParams,
  response: z.object({}),
  errors: ["TRACE_NOT_FOUND", "ASSESSMENT_NOT_FOUND"],
});

export const setTraceMetadata = endpoint({
  id: "setTraceMetadata",
  method: "PUT",
  path: "/api/v1/traces/:traceId/metadata/:key",
  summary: "Sets an entry of the metadata, over what the spans and the client said.",
  params: MetadataParams,
  body: z.strictObject({ value: z.string() }),
  response: z.object({}),
  errors: ["TRACE_NOT_FOUND"],
});

export const deleteTraceMetadata = endpoint({
  id: "deleteTraceMetadata",
  method: "DELETE",
  path: "/api/v1/traces/:traceId/metadata/:key",
  summary: "Removes an entry of the metadata; removing one that is not there is no error.",
  params: MetadataParams,
  response: z.object({}),
  errors: ["TRACE_NOT_FOUND"],
});

export const listTraceLinks = endpoint({
  id: "listTraceLinks",
  method: "GET",
  path: "/api/v1/traces/:traceId/links",
  summary: "The runs and prompts that a trace is linked to.",
  params: TraceParams,
  response: z.object({ links: z.array(TraceLink) }),
  errors: ["TRACE_NOT_FOUND"],
});

/** Most traces that one call links or unlinks. */
export const MAX_LINKED_TRACES = 1000;

const LinkBody = z.strictObject({
  kind: TraceLinkKind,
  /** Id of the run, or `name/version` of the prompt. */
  target: z.string().check(z.minLength(1), z.maxLength(500)),
  traceIds: z.array(z.string()).check(z.minLength(1), z.maxLength(MAX_LINKED_TRACES)),
});

export const linkTraces = endpoint({
  id: "linkTraces",
  method: "POST",
  path: "/api/v1/links",
  summary: "Links traces to a run or a prompt; all of them or, if one is missing, none.",
  body: LinkBody,
  response: z.object({}),
  errors: ["TRACE_NOT_FOUND"],
});

export const unlinkTraces = endpoint({
  id: "unlinkTraces",
  method: "POST",
  path: "/api/v1/links/remove",
  summary: "Takes links away; those that are not there are ignored.",
  body: LinkBody,
  response: z.object({}),
  errors: [],
});
