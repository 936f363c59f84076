/**
 * What a wire format hands to the HTTP side: a body, or the events of a stream.
 */

export interface SseEvent {
  /** Name of the event; absent = unnamed. */
  readonly event?: string;
  /** JSON value, or a text sent as it is (`[DONE]`). */
  readonly data: unknown;
  /** Carries a piece of the answer: the faults `slow`, `cut` and `midstream` count these. */
  readonly isDelta?: boolean;
}

export type WireReply =
  | { readonly kind: "json"; readonly status: number; readonly body: unknown }
  | {
      readonly kind: "stream";
      readonly events: readonly SseEvent[];
      /** Sent in place of the rest by a model whose name holds `midstream`. */
      readonly failure: SseEvent;
    };

/** Cuts a text into at most five pieces at spaces, as deltas of a stream. */
export function pieces(text: string): string[] {
  const parts = text.match(/\S+\s*|\s+/g) ?? [];
  const size = Math.max(1, Math.ceil(parts.length / 5));
  return Array.from({ length: Math.ceil(parts.length / size) }, (_, index) =>
    parts.slice(index * size, (index + 1) * size).join(""),
  );
}

/** An error answer in OpenAI's shape. */
export function openAiError(status: number, message?: string): WireReply {
  const [type, sentence] = errorTexts[status] ?? [
    "server_error",
    "The server had an error while processing your request.",
  ];
  return {
    kind: "json",
    status,
    body: { error: { message: message ?? sentence, type, param: null, code: type } },
  };
}

const errorTexts: Readonly<Record<number, readonly [type: string, message: string]>> = {
  400: ["invalid_request_error", "The request is not valid."],
  401: ["invalid_api_key", "Incorrect API key provided."],
  404: ["not_found", "There is nothing at this path."],
  429: ["rate_limit_exceeded", "Rate limit reached for requests."],
};

/** The texts in a message's content, whichever of OpenAI's shapes it has: a string, or parts that hold texts. */
export function textOf(content: unknown): string {
  if (content === null || content === undefined) return "";
  if (Array.isArray(content)) return content.map(textOf).filter(Boolean).join(" ");
  if (typeof content !== "object") return String(content);
  const part = content as Readonly<Record<string, unknown>>;
  return ["text", "refusal", "content", "output"]
    .map((key) => textOf(part[key]))
    .filter(Boolean)
    .join(" ");
}

/** `value` as a record to read from; empty when it is none. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

/** `value` as an array; empty when it is none. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** `value` if it is a string, else "". */
export function string(value: unknown): string {
  return typeof value === "string" ? value : "";
}
