/**
 * What PostgreSQL and its driver report → errors of ours.
 */
import { SightlineError } from "@sightline/wire/errors";

/**
 * Classes and codes that mean "not now": connection lost, server starting or stopping, too many connections; and what Node
 * reports when nobody listens.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const OUT_OF_REACH = /^(?:08|57P|53300|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENOENT)/;
const DISK_FULL = "53100";

/** The error that a user meets. Those that are ours already, and those that point to a mistake of ours, pass unchanged. */
export function toEntityStoreError(error: unknown): unknown {
  if (error instanceof SightlineError) return error;
  const origin = originOf(error);
  const code = "code" in origin && typeof origin.code === "string" ? origin.code : "";
  if (code === DISK_FULL) {
    return new SightlineError("STORAGE_FULL", "The disk of the PostgreSQL database is full; nothing was written.", {
      cause: error,
    });
  }
  // The driver gives no code when a connection ends while it is used (pg/lib/client.js).
  if (OUT_OF_REACH.test(code) || /^(?:Connection terminated|timeout exceeded|Cannot use a pool)/.test(origin.message)) {
    return new SightlineError("STORE_UNAVAILABLE", `PostgreSQL does not answer: ${origin.message || code}.`, {
      cause: error,
    });
  }
  return error;
}

/** Drizzle wraps the driver's error, and Node the errors of several addresses. */
function originOf(error: unknown): Error {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0];
  if (error instanceof Error && error.cause instanceof Error) return originOf(error.cause);
  return error instanceof Error ? error : new Error(String(error));
}
