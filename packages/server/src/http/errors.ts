/**
 * The one place where errors become answers.
 */
import { randomBytes } from "node:crypto";
import type { ErrorBody } from "@sightline/wire/api/endpoint";
import { type ErrorCode, SightlineError } from "@sightline/wire/errors";
import type { LogFailure } from "./log.ts";
import { replyJson } from "./reply.ts";

/** Seconds for Retry-After when the error names none: how long such a state usually lasts. */
const RETRY_AFTER: Partial<Record<ErrorCode, number>> = {
  INGEST_OVERLOADED: 1,
  STORE_UNAVAILABLE: 2,
  SHUTTING_DOWN: 5,
  STORAGE_FULL: 30,
};

/**
 * The answer to a request that failed: `{ error: { code, message, details?, requestId } }`.
 *
 * `request` is absent when it could not be read at all. Anything that is not a {@link SightlineError} becomes INTERNAL_ERROR without its message. Statuses from 500 on are logged.
 */
export function replyError(request: Request | undefined, error: unknown, log: LogFailure): Response {
  const known =
    error instanceof SightlineError
      ? error
      : new SightlineError("INTERNAL_ERROR", "The server failed. Its log has the reason under the request id.");
  const requestId = randomBytes(8).toString("hex");
  if (known.status >= 500) {
    const path = request === undefined ? "" : new URL(request.url).pathname;
    log({ requestId, method: request?.method ?? "", path, status: known.status }, error);
  }
  const body: ErrorBody = {
    error: { code: known.code, message: known.message, ...(known.details && { details: known.details }), requestId },
  };
  const retryAfter = known.retryAfterSeconds ?? RETRY_AFTER[known.code];
  return replyJson(known.status, body, {
    "x-request-id": requestId,
    ...(retryAfter !== undefined && { "retry-after": String(Math.ceil(retryAfter)) }),
    // RFC 9110 section 15.5.17: says how much there is.
    ...(known.code === "RANGE_NOT_SATISFIABLE" && { "content-range": `bytes */${known.details?.size ?? "*"}` }),
    ...(known.code === "METHOD_NOT_ALLOWED" && { allow: String(known.details?.allow ?? "") }),
  });
}
