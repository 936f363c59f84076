/**
 * What a span says about something thrown.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/
 */
import { maskSecrets } from "../capture/mask.ts";

export interface ExceptionText {
  /** Class name, e.g. `RateLimitError`. */
  readonly type: string;
  readonly message: string;
  /** The stack, then those of the causes. Absent for values that have none. */
  readonly stacktrace?: string;
}

/** Causes beyond this many are left out; a chain may be a circle. */
const MAX_CAUSES = 5;

/** Describes any thrown value; credentials in its texts are masked. */
export function describeException(error: unknown): ExceptionText {
  if (!(error instanceof Error)) return { type: typeof error, message: maskSecrets(textOf(error)) };
  const stacks: string[] = [];
  let cause: unknown = error;
  while (cause instanceof Error && stacks.length < MAX_CAUSES) {
    stacks.push(cause.stack ?? `${cause.name}: ${cause.message}`);
    cause = cause.cause;
  }
  return {
    type: typeName(error),
    message: maskSecrets(error.message),
    stacktrace: maskSecrets(stacks.join("\nCaused by: ")),
  };
}

/** Many classes (those of openai too) leave `name` at "Error"; their constructor says more. */
function typeName(error: Error): string {
  return error.name === "Error" ? error.constructor.name || "Error" : error.name;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A cycle, or a toJSON that throws: the kind of value is what is left to say.
    return Object.prototype.toString.call(value);
  }
}
