/**
 * What an answer to an OTLP export request means for the spans in it.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
 */
import { parseJson } from "@sightline/wire/json";
import { decodeExportResponse } from "@sightline/wire/otlp/protobuf";
import type { Answer } from "./sender.ts";

export interface Outcome {
  /** All: the server said no for good. A number: it took the request but not so many of its spans. */
  readonly refused: "all" | number;
  /** Why, for the message: "" when there is nothing to say. */
  readonly message: string;
}

/** Reads an answer whose status is not retryable. */
export function toOutcome({ status, body }: Answer): Outcome {
  if (status < 200 || status > 299) return { refused: "all", message: `with status ${status}: ${errorText(body)}` };
  try {
    const partial = body.length === 0 ? undefined : decodeExportResponse(body);
    return { refused: partial?.rejectedSpans ?? 0, message: partial?.errorMessage ?? "" };
  } catch {
    // A proxy's page with status 200: nobody kept the spans.
    const message = `with status ${status}: The answer is not OTLP; is there a Sightline server at this address?`;
    return { refused: "all", message };
  }
}

/** The sentence in an error answer: Sightline's and MLflow's are JSON with a message; of others the beginning is shown. */
function errorText(body: Buffer): string {
  const text = body.toString("utf8");
  const answer = parseJson(text) as { message?: unknown; error?: { message?: unknown } } | null | undefined;
  const sentence = answer?.error?.message ?? answer?.message;
  return typeof sentence === "string" ? sentence : text.replace(/\p{Cc}+/gu, " ").slice(0, 200);
}
