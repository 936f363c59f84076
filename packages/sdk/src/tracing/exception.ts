/**
 * What a span says about something thrown.
 *
 * Credentials that its texts repeat are masked here already: the status message and stack of an error go further than its span, into
 * the joined OpenTelemetry set-up and into lists.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/
 */
import { isNativeError } from "node:util/types";
import { maskSecrets } from "../capture/mask.ts";

export interface ExceptionText {
  /** Class name, e.g. `RateLimitError`. */
  readonly type: string;
  readonly message: string;
  /** The stack, then those of the causes and of the errors that an AggregateError holds. Absent for values that have none. */
  readonly stacktrace?: string;
}

/** Errors beyond this many are left out: of a chain of causes, which may be a circle, or of an AggregateError. */
const MAX_ERRORS = 20;
/** Causes of causes, errors in errors. */
const MAX_DEPTH = 5;
/** Longer messages and stacks hold something else, e.g. the page that a server answered. */
const MAX_CHARS = 64 * 1024;

/** Describes any thrown value; never throws, whatever its getters do. */
export function describeException(error: unknown): ExceptionText {
  if (!isError(error)) return { type: typeof error, message: clean(textOf(error)) };
  const stacks: string[] = [];
  collectStacks(error, { title: "", depth: 0, stacks });
  return {
    type: typeName(error),
    message: clean(member(error, "message") ?? ""),
    stacktrace: clean(stacks.join("\n")),
  };
}

interface Place {
  /** What stands before the stack. */
  readonly title: string;
  readonly depth: number;
  readonly stacks: string[];
}

function collectStacks(error: Error, { title, depth, stacks }: Place): void {
  if (stacks.length >= MAX_ERRORS) return;
  stacks.push(`${title}${member(error, "stack") ?? `${typeName(error)}: ${member(error, "message") ?? ""}`}`);
  if (depth + 1 >= MAX_DEPTH) return;
  const held = read(error, "errors");
  if (Array.isArray(held)) {
    for (const [index, inner] of held.slice(0, MAX_ERRORS).entries()) {
      collect(inner, { title: `Error ${index + 1} of ${held.length}: `, depth: depth + 1, stacks });
    }
  }
  const cause = read(error, "cause");
  if (cause !== undefined && cause !== null) collect(cause, { title: "Caused by: ", depth: depth + 1, stacks });
}

function collect(value: unknown, place: Place): void {
  if (isError(value)) collectStacks(value, place);
  else if (place.stacks.length < MAX_ERRORS) place.stacks.push(`${place.title}${textOf(value)}`);
}

/** Errors of other realms (sandboxes, test runners) too. */
function isError(value: unknown): value is Error {
  return isNativeError(value) || value instanceof Error;
}

/** Many classes (those of openai too) leave `name` at "Error"; their constructor says more. */
function typeName(error: Error): string {
  const name = member(error, "name") ?? "Error";
  if (name !== "Error") return name;
  const made = read(error, "constructor");
  return typeof made === "function" && made.name !== "" ? made.name : name;
}

/** A member that is a text. */
function member(error: Error, key: "name" | "message" | "stack"): string | undefined {
  const value = read(error, key);
  return typeof value === "string" ? value : undefined;
}

/** Getters of errors may throw, and errors may be proxies; then there is nothing to say of this member. */
function read(error: Error, key: string): unknown {
  try {
    return Reflect.get(error, key);
  } catch (thrown) {
    return `[Threw ${typeof thrown}]`;
  }
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

function clean(text: string): string {
  return maskSecrets(
    text.length <= MAX_CHARS
      ? text
      : `${text.slice(0, MAX_CHARS)}[truncated: ${text.length - MAX_CHARS} more characters]`,
  );
}
