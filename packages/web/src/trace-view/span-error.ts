/**
 * Why a span failed.
 */
import type { Span } from "@sightline/wire/model/span";

export interface SpanError {
  /** Class of the error, when it was recorded. */
  readonly type?: string;
  readonly message: string;
  readonly stack?: string;
}

/**
 * The reason of a failing span: the exception it recorded last, else its status message; undefined when it did not fail.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/
 */
export function readSpanError(span: Pick<Span, "status" | "events">): SpanError | undefined {
  if (span.status.code !== "ERROR") return undefined;
  const exception = span.events.findLast((event) => event.name === "exception")?.attributes ?? {};
  const type = textOf(exception["exception.type"]);
  const stack = textOf(exception["exception.stacktrace"]);
  return {
    ...(type !== undefined && { type }),
    message: textOf(exception["exception.message"]) ?? span.status.message ?? "Failed without a message",
    ...(stack !== undefined && { stack }),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** `TimeoutError: did not answer` → its two parts; a text without a type is all message. */
export function splitErrorText(text: string): SpanError {
  const match = /^([A-Za-z_][\w.$]{0,80}): ([\s\S]+)$/.exec(text);
  return match ? { type: match[1] ?? "", message: match[2] ?? "" } : { message: text };
}
