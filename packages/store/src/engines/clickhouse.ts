/**
 * A URL → the official ClickHouse client, with our defaults; and what its errors mean to us.
 *
 * The embedded engine and a cluster are reached by the same client. It sends no settings with a request unless the caller gives
 * some: a request with settings costs the embedded engine a Session of its own (1.3 ms).
 */
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { SightlineError } from "@sightline/wire/errors";

export interface ClickHouseOptions {
  /** Default 120 000; when it is over, the client hangs up and the engine stops the query. */
  readonly requestTimeoutMs?: number;
  /** Sockets at once; default 64, so that slow reads do not keep an insert waiting in the client. */
  readonly maxConnections?: number;
}

/**
 * Connects to ClickHouse; no request is made yet.
 *
 * @param url  `http://user:password@host:8123/database`
 */
export function connectClickHouse(url: string, options: ClickHouseOptions = {}): ClickHouseClient {
  return createClient({
    url,
    application: "sightline",
    request_timeout: options.requestTimeoutMs ?? 120_000,
    max_open_connections: options.maxConnections ?? 64,
    compression: { request: false, response: false },
    // Below the 3 s of old servers and far below our own 65 s: this side closes an idle socket first, so none is reused while the
    // other side is closing it (ECONNRESET).
    keep_alive: { enabled: true, idle_socket_ttl: 2500, eagerly_destroy_stale_sockets: true },
    // Long lists of ids do not fit into a URL.
    use_multipart_params_auto: true,
    log: { level: ClickHouseLogLevel.OFF },
  });
}

/** Code and type of an error that ClickHouse itself reported; undefined for any other error. */
export function clickHouseError(error: unknown): { readonly code: number; readonly type: string } | undefined {
  if (!(error instanceof ClickHouseError)) return undefined;
  return { code: Number(error.code), type: error.type ?? "UNKNOWN" };
}

const unreachable = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
  // What Node says when the other side is gone while a body is being sent or an answer read.
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_WRITE_AFTER_END",
]);

/**
 * Codes that say "try again later": too many queries at once (202), a query that a stopping engine cut (236, 394), and a password that
 * is not ours any more (516). Calls that we give up ourselves end with an error of the client, not with 394.
 */
const unavailableCodes = new Set([202, 236, 394, 516]);

/** Sentence of QUERY_TOO_SLOW. */
export const TOO_SLOW =
  "The question takes more time than it may. Narrow its time range or its experiments, or ask for a rarer text.";

/**
 * Any error of the client as an error that users meet; a SightlineError stays what it is.
 *
 * @returns STORAGE_FULL for code 243, QUERY_TOO_SLOW for code 159, STORE_UNAVAILABLE if ClickHouse is out of reach or too busy, otherwise INTERNAL_ERROR
 */
export function fromClickHouseError(error: unknown): SightlineError {
  if (error instanceof SightlineError) return error;
  const known = clickHouseError(error);
  if (known?.code === 243) {
    return new SightlineError("STORAGE_FULL", "The disk of ClickHouse is full; nothing was written. Free some space.", {
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  if (known?.code === 159) {
    return new SightlineError("QUERY_TOO_SLOW", TOO_SLOW, { cause: error });
  }
  if (known && unavailableCodes.has(known.code)) {
    return new SightlineError("STORE_UNAVAILABLE", `ClickHouse refused the query (${known.type}): ${message}`, {
      cause: error,
      retryAfterSeconds: 1,
    });
  }
  if (!known && isUnreachable(error, message)) {
    return new SightlineError("STORE_UNAVAILABLE", `ClickHouse does not answer: ${message}`, {
      cause: error,
      retryAfterSeconds: 1,
    });
  }
  return new SightlineError("INTERNAL_ERROR", `ClickHouse failed: ${message}`, { cause: error });
}

function isUnreachable(error: unknown, message: string): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return unreachable.has(code) || /socket hang up|Timeout error|aborted/i.test(message);
}
