/**
 * What people and scorers say of a trace: assessments, metadata, links to runs and prompts.
 */

import type {
  createAssessment as createEndpoint,
  linkTraces as linkEndpoint,
  updateAssessment as updateEndpoint,
} from "@sightline/wire/api/assessments";
import type { EndpointInput } from "@sightline/wire/api/endpoint";
import { SightlineError } from "@sightline/wire/errors";
import { isSpanId } from "@sightline/wire/ids";
import { stringifyJson } from "@sightline/wire/json";
import type { Assessment } from "@sightline/wire/model/assessment";
import type { TraceLink } from "@sightline/wire/model/trace-link";
import { checkEntry } from "./change-trace.ts";
import { findTrace, readTraceId } from "./find-trace.ts";
import type { Call, Stores } from "./stores.ts";

/** @throws TRACE_NOT_FOUND, ASSESSMENT_NOT_FOUND for an unknown id in `overrides`, INVALID_PARAMETER for a span id that is none */
export async function createAssessment(
  stores: Stores,
  traceId: string,
  body: EndpointInput<typeof createEndpoint>["body"],
): Promise<Assessment> {
  const { value, spanId, ...facts } = body;
  if (spanId !== undefined && !isSpanId(spanId.toLowerCase())) {
    throw new SightlineError(
      "INVALID_PARAMETER",
      `"${spanId.slice(0, 50)}" is not a span id; it has 16 hex digits. Leave it out to judge the whole trace.`,
    );
  }
  return await stores.telemetry.createAssessment({
    ...withoutUndefined(facts),
    traceId: readTraceId(traceId),
    ...(spanId !== undefined && { spanId: spanId.toLowerCase() }),
    ...(value !== undefined && { valueJson: stringifyJson(value) }),
  });
}

/** @throws TRACE_NOT_FOUND, ASSESSMENT_NOT_FOUND, INVALID_PARAMETER for another kind */
export async function updateAssessment(
  stores: Stores,
  traceId: string,
  assessmentId: string,
  body: EndpointInput<typeof updateEndpoint>["body"],
): Promise<Assessment> {
  const { value, error, ...changes } = body;
  const judgement = {
    ...(value !== undefined && { valueJson: stringifyJson(value) }),
    ...(error !== undefined && { error }),
  };
  return await stores.telemetry.updateAssessment(readTraceId(traceId), assessmentId, {
    ...withoutUndefined(changes),
    ...(Object.keys(judgement).length > 0 && { judgement }),
  });
}

/** @throws TRACE_NOT_FOUND, ASSESSMENT_NOT_FOUND */
export async function deleteAssessment(stores: Stores, traceId: string, assessmentId: string): Promise<void> {
  if (await stores.telemetry.deleteAssessment(readTraceId(traceId), assessmentId)) return;
  throw noAssessment(traceId, assessmentId);
}

/** @throws TRACE_NOT_FOUND, ASSESSMENT_NOT_FOUND */
export async function getAssessment(
  stores: Stores,
  traceId: string,
  assessmentId: string,
  call?: Call,
): Promise<Assessment> {
  const found = await stores.telemetry.getAssessment(readTraceId(traceId), assessmentId, call);
  if (found !== undefined) return found;
  // Only now, so that the usual case is one query: what is missing, the assessment or the trace?
  await findTrace(stores, traceId, call);
  throw noAssessment(traceId, assessmentId);
}

/** Oldest first. @throws TRACE_NOT_FOUND */
export async function listAssessments(stores: Stores, traceId: string, call?: Call): Promise<Assessment[]> {
  return (await findTrace(stores, traceId, call)).assessments;
}

/** @throws TRACE_NOT_FOUND, INVALID_PARAMETER for a key or value over its limit */
export async function setTraceMetadata(stores: Stores, traceId: string, key: string, value: string): Promise<void> {
  checkEntry("metadata", key, value);
  await stores.telemetry.setTraceMetadata(readTraceId(traceId), { [key]: value });
}

/** No error if it is not there. @throws TRACE_NOT_FOUND */
export async function deleteTraceMetadata(stores: Stores, traceId: string, key: string): Promise<void> {
  await stores.telemetry.deleteTraceMetadata(readTraceId(traceId), key);
}

/** @throws TRACE_NOT_FOUND */
export async function listTraceLinks(stores: Stores, traceId: string, call?: Call): Promise<TraceLink[]> {
  const { traceId: id } = await findTrace(stores, traceId, call);
  return (await stores.telemetry.getTraceLinks([id], call)).get(id) ?? [];
}

/** @throws TRACE_NOT_FOUND if one of them is missing; then none is linked */
export async function linkTraces(stores: Stores, body: EndpointInput<typeof linkEndpoint>["body"]): Promise<void> {
  await stores.telemetry.linkTraces(body.kind, body.target, body.traceIds.map(readTraceId));
}

/** Takes links away; those that are not there are ignored. */
export async function unlinkTraces(stores: Stores, body: EndpointInput<typeof linkEndpoint>["body"]): Promise<void> {
  await stores.telemetry.unlinkTraces(body.kind, body.target, body.traceIds.map(readTraceId));
}

function noAssessment(traceId: string, assessmentId: string): SightlineError {
  return new SightlineError(
    "ASSESSMENT_NOT_FOUND",
    `Trace "${traceId.slice(0, 50)}" has no assessment "${assessmentId.slice(0, 50)}". It may have been deleted.`,
  );
}

/** The same object; properties that are undefined are left out of it. */
function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const given = Object.entries(value).filter(([, member]) => member !== undefined);
  // Only members whose value is undefined were dropped, and the type says no more than that.
  return Object.fromEntries(given) as { [K in keyof T]: Exclude<T[K], undefined> };
}
