/**
 * The error log: one line of JSON for each failure of the server, on standard error.
 *
 * Payloads and secrets never enter it. Messages of foreign errors may quote either (a JSON parser quotes its input, a database
 * its parameters), so only messages known to be safe are written; of the others the class, the code and where it happened.
 */
import { SightlineError } from "@sightline/wire/errors";

/** Error classes whose messages come from the JavaScript engine and name code, not data; Node's own (with a code) quote values. */
const SAFE_MESSAGES = new Set(["TypeError", "ReferenceError"]);
const MAX_FRAMES = 8;

export interface FailedRequest {
  readonly requestId: string;
  readonly method: string;
  /** Without the query, which may hold a filter with data in it. */
  readonly path: string;
  readonly status: number;
}

/** Writes a line for a request that failed. */
export type LogFailure = (request: FailedRequest, error: unknown) => void;

/** A log that writes lines by `write`; default: standard error. */
export function createLog(write: (line: string) => void = (line) => process.stderr.write(line)): LogFailure {
  return (request, error) => {
    const entry = { time: new Date().toISOString(), level: "error", ...request, error: describeError(error) };
    write(`${JSON.stringify(entry)}\n`);
  };
}

/** An error and its causes without anything that could be data. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const isOurs = error instanceof SightlineError;
  const code = "code" in error && ["string", "number"].includes(typeof error.code) ? error.code : undefined;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return {
    name: error.name,
    ...(code !== undefined && { code }),
    ...((isOurs || (SAFE_MESSAGES.has(error.name) && code === undefined)) && { message: error.message }),
    // Where one of ours was thrown is told by its code; where a defect was, only by the stack.
    ...(!isOurs && { at: frames.slice(0, MAX_FRAMES).map((line) => line.trim().slice("at ".length)) }),
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  };
}
