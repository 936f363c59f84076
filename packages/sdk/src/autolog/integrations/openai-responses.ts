/**
 * OpenAI's responses API and embeddings: what requests and responses say.
 *
 * @see https://platform.openai.com/docs/api-reference/responses-streaming
 */
import type { Aggregator, ResponseFacts, Usage } from "../model-call.ts";
import { MAX_STREAMED_CHARACTERS } from "./openai-chat.ts";
import { numberIn, record, recordsIn, textIn } from "./read.ts";

/** Facts of a response object. */
export function readResponse(body: unknown): ResponseFacts {
  const response = record(body);
  const error = record(response["error"]);
  const reason = textIn(record(response["incomplete_details"]), "reason");
  const status = textIn(response, "status");
  return {
    outputs: body,
    usage: readUsage(response["usage"]),
    model: textIn(response, "model"),
    id: textIn(response, "id"),
    finishReasons: [reason ?? status].filter((text) => text !== undefined),
    ...(status === "failed" && {
      failure: { type: textIn(error, "code") ?? "failed", message: textIn(error, "message") ?? "The response failed." },
    }),
  };
}

function readUsage(value: unknown): Usage | undefined {
  const usage = record(value);
  const input = numberIn(usage, "input_tokens");
  if (input === undefined) return undefined;
  const output = numberIn(usage, "output_tokens") ?? 0;
  return {
    input,
    output,
    total: numberIn(usage, "total_tokens") ?? input + output,
    cacheRead: numberIn(record(usage["input_tokens_details"]), "cached_tokens"),
    reasoning: numberIn(record(usage["output_tokens_details"]), "reasoning_tokens"),
  };
}

type Dictionary = Record<string, unknown>;

/** The last event brings the whole response; of a stream that breaks off the pieces are put together. */
export class ResponseAggregator implements Aggregator {
  /** The response as an event told it last. */
  #response: unknown;
  #isFinal = false;
  #failure: ResponseFacts["failure"];
  /** Items by output index: head, and text or arguments so far. */
  readonly #items = new Map<number, { item: Dictionary; text: string }>();
  #room = MAX_STREAMED_CHARACTERS;
  droppedCharacters = 0;

  add(value: unknown): boolean {
    const event = record(value);
    const type = textIn(event, "type") ?? "";
    if (event["response"] !== undefined) {
      this.#response = event["response"];
      this.#isFinal = /^response\.(completed|incomplete|failed)$/.test(type);
    } else if (type === "response.output_item.added") {
      this.#items.set(numberIn(event, "output_index") ?? 0, { item: record(event["item"]), text: "" });
    } else if (type === "error") {
      this.#failure = {
        type: textIn(event, "code") ?? "error",
        message: textIn(event, "message") ?? "The stream failed.",
      };
    }
    const delta = textIn(event, "delta");
    if (delta === undefined) return false;
    this.#addDelta(numberIn(event, "output_index") ?? 0, delta);
    return delta !== "";
  }

  facts(): ResponseFacts {
    const failure = this.#failure && { failure: this.#failure };
    if (this.#isFinal) return { ...readResponse(this.#response), ...failure };
    const output = [...this.#items.values()].map(({ item, text }) =>
      item["type"] === "function_call"
        ? { ...item, arguments: text }
        : { ...item, content: [{ type: "output_text", text }] },
    );
    return { ...readResponse({ ...record(this.#response), output }), ...failure };
  }

  #addDelta(index: number, delta: string): void {
    const kept = delta.slice(0, this.#room);
    this.#room -= kept.length;
    this.droppedCharacters += delta.length - kept.length;
    const item = this.#items.get(index);
    if (item) item.text += kept;
  }
}

/** Facts of an embeddings response. The vectors are described, not kept: nobody reads a thousand numbers. */
export function readEmbeddings(body: unknown): ResponseFacts {
  const response = record(body);
  const usage = record(response["usage"]);
  const input = numberIn(usage, "prompt_tokens");
  const data = recordsIn(response, "data").map((item) => ({ ...item, embedding: describeVector(item["embedding"]) }));
  return {
    outputs: { ...response, data },
    ...(input !== undefined && { usage: { input, output: 0, total: numberIn(usage, "total_tokens") ?? input } }),
    model: textIn(response, "model"),
  };
}

function describeVector(vector: unknown): string {
  // The client asks for base64 of 32-bit floats and decodes them later.
  const size =
    typeof vector === "string" ? Math.floor((vector.length * 3) / 4 / 4) : Array.isArray(vector) ? vector.length : 0;
  return `[${size} numbers]`;
}
