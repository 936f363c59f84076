/**
 * A URL → a pool of `pg` connections, with our limits; and what its errors mean to us.
 */
import { SightlineError } from "@sightline/wire/errors";
import pg from "pg";

export interface PostgresOptions {
  /** Default 10. */
  readonly maxConnections?: number;
  /** Called when a connection broke that nobody was using; the pool replaces it. */
  readonly onIdleError?: (error: Error) => void;
}

/**
 * Connects to PostgreSQL; no connection is opened yet.
 *
 * @param url  `postgres://user:password@host:5432/database`
 */
export function connectPostgres(url: string, options: PostgresOptions = {}): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: "sightline",
    max: options.maxConnections ?? 10,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  // Without a listener the error of an idle connection, which every restart of the engine causes, would end the process.
  pool.on("error", (error) => options.onIdleError?.(error));
  // The same for a connection in use, which the pool does not listen to: between two queries of a transaction nobody else does.
  pool.on("connect", (client) => client.on("error", leaveToNextQuery));
  return pool;
}

/** Whoever uses the connection meets its error with the next query. */
const leaveToNextQuery = () => undefined;

/** Classes of SQLSTATE: connection exceptions, operator intervention (shutdown, crash, starting), too many connections. */
const unavailableStates = /^(08...|57P0[1-5]|53300|3D000|28P01)$/;

const unreachable = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ETIMEDOUT",
]);

/**
 * Any error of `pg` as an error that users meet; a SightlineError stays what it is.
 *
 * @returns STORAGE_FULL for a full disk, STORE_UNAVAILABLE if PostgreSQL is out of reach, otherwise INTERNAL_ERROR
 */
export function fromPostgresError(error: unknown): SightlineError {
  if (error instanceof SightlineError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "53100") {
    return new SightlineError("STORAGE_FULL", "The disk of PostgreSQL is full; nothing was written. Free some space.", {
      cause: error,
    });
  }
  const lost =
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/;
  if (unavailableStates.test(code) || unreachable.has(code) || lost.test(message)) {
    return new SightlineError("STORE_UNAVAILABLE", `PostgreSQL does not answer: ${message}`, {
      cause: error,
      retryAfterSeconds: 1,
    });
  }
  return new SightlineError("INTERNAL_ERROR", `PostgreSQL failed: ${message}`, { cause: error });
}
