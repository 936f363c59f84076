/**
 * How the SDK speaks: through OpenTelemetry's `diag`, each kind of message once; what loses data also as a Node warning.
 */
import { diag } from "@opentelemetry/api";
import { sharedPart } from "./shared-state.ts";

const logger = diag.createComponentLogger({ namespace: "sightline" });

const shared = sharedPart("diagnostics", () => ({
  /** Kinds of messages that were said. */
  said: new Set<string>(),
  /** How often the SDK itself failed. */
  failures: 0,
  /** Headers of incoming requests that were ignored. */
  malformedHeaders: 0,
}));

/** Says `message` the first time that `kind` happens. Nothing is printed unless the program set a `diag` logger. */
export function sayOnce(kind: string, level: "info" | "warn", message: string): void {
  if (shared.said.has(kind)) return;
  shared.said.add(kind);
  logger[level](message);
}

/**
 * Says the first time of its kind that spans are lost, or will be: through `diag` and as a Node warning of type
 * `SightlineWarning`, which goes to standard error and can be silenced like any other
 * (`--disable-warning=SightlineWarning`).
 */
export function warnOnce(kind: string, message: string): void {
  if (shared.said.has(kind)) return;
  shared.said.add(kind);
  logger.warn(message);
  process.emitWarning(message, "SightlineWarning");
}

/**
 * The same inside `process.on("exit")`, where a Node warning is never printed any more: the line goes to standard error at once.
 */
export function warnAtExit(message: string): void {
  logger.warn(message);
  if (process.env["NODE_NO_WARNINGS"] !== "1") process.stderr.write(`SightlineWarning: ${message}\n`);
}

/** How often the SDK itself failed; each time the user's code went on without a trace of that step. */
export function failureCount(): number {
  return shared.failures;
}

/** Counts a failure of the SDK's own and says it: the user's code must not meet it. */
export function countFailure(where: string, error: unknown): void {
  shared.failures += 1;
  sayOnce(`failure:${where}`, "warn", `Tracing failed in ${where}; the traced code goes on. ${describe(error)}`);
}

/** How often trace headers came in that are not as W3C has them, and were ignored. */
export function malformedHeaderCount(): number {
  return shared.malformedHeaders;
}

/** Counts a malformed header of an incoming request. */
export function countMalformedHeader(): void {
  shared.malformedHeaders += 1;
}

/** Runs SDK work inside user code: what it throws is counted, and the result is undefined. */
export function safely<T>(where: string, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    countFailure(where, error);
    return undefined;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
