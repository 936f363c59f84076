/**
 * Errors of the API as the UI treats them.
 */
import { type ErrorCode, SightlineError } from "@sightline/wire/errors";

/** What a panel says about a failure. */
export interface ErrorReport {
  readonly code: ErrorCode | "UI_ERROR";
  readonly message: string;
  readonly requestId?: string;
}

/** Turns anything thrown into words. */
export function reportError(error: unknown): ErrorReport {
  if (!(error instanceof SightlineError)) {
    return { code: "UI_ERROR", message: error instanceof Error ? error.message : String(error) };
  }
  const requestId = error.details?.requestId;
  return {
    code: error.code,
    message: error.message,
    ...(typeof requestId === "string" && { requestId }),
  };
}

/** States of the server that pass: the same request may succeed in a moment. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  "SERVER_UNREACHABLE",
  "STORE_UNAVAILABLE",
  "SHUTTING_DOWN",
  "INGEST_OVERLOADED",
]);

/** Whether trying again soon makes sense. */
export function isPassing(error: unknown): boolean {
  return error instanceof SightlineError && PASSING.has(error.code);
}

/** Whether an error has this code. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof SightlineError && error.code === code;
}
