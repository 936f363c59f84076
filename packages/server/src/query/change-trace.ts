/**
 * What people do to a trace: tag it, delete it.
 */
import { SightlineError } from "@sightline/wire/errors";
import { findTrace } from "./find-trace.ts";
import type { Stores } from "./stores.ts";

/** MLflow's limits. */
const MAX_KEY_CHARS = 250;
const MAX_VALUE_CHARS = 4096;

/** @throws TRACE_NOT_FOUND, INVALID_PARAMETER for a key or value over its limit */
export async function setTraceTag(stores: Stores, traceId: string, key: string, value: string): Promise<void> {
  checkEntry("tag", key, value);
  const info = await findTrace(stores, traceId);
  await stores.telemetry.setTraceTags(info.traceId, { [key]: value });
}

/** Removes a tag; no error if it is not there. @throws TRACE_NOT_FOUND */
export async function deleteTraceTag(stores: Stores, traceId: string, key: string): Promise<void> {
  const info = await findTrace(stores, traceId);
  await stores.telemetry.deleteTraceTag(info.traceId, key);
}

/** Deletes a trace with its spans and tags. @throws TRACE_NOT_FOUND */
export async function deleteTrace(stores: Stores, traceId: string): Promise<void> {
  const info = await findTrace(stores, traceId);
  await stores.telemetry.deleteTraces([info.traceId]);
}

/**
 * Holds an entry of tags or metadata to its limits.
 *
 * @param what  `tag` or `metadata`, for the message
 * @throws INVALID_PARAMETER
 */
export function checkEntry(what: string, key: string, value: string): void {
  checkLength("key", what, key, MAX_KEY_CHARS);
  checkLength("value", what, value, MAX_VALUE_CHARS);
}

function checkLength(part: string, what: string, text: string, limit: number): void {
  if (text.length <= limit) return;
  throw new SightlineError(
    "INVALID_PARAMETER",
    `The ${part} of the ${what} has ${text.length} characters; the limit is ${limit}.`,
  );
}
