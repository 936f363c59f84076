/**
 * OpenAI's chat completions: what a request and a response say, and chunks put together to a response.
 *
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
import type { Aggregator, ResponseFacts, Usage } from "../model-call.ts";
import { numberIn, record, recordsIn, textIn } from "./read.ts";

/** What a span keeps of a streamed answer; the rest is counted. */
export const MAX_STREAMED_CHARACTERS = 1024 * 1024;

/** Facts of a chat completion. */
export function readCompletion(body: unknown): ResponseFacts {
  const completion = record(body);
  return {
    outputs: body,
    usage: readUsage(completion["usage"]),
    model: textIn(completion, "model"),
    id: textIn(completion, "id"),
    finishReasons: recordsIn(completion, "choices")
      .map((choice) => textIn(choice, "finish_reason"))
      .filter((reason) => reason !== undefined),
  };
}

function readUsage(value: unknown): Usage | undefined {
  const usage = record(value);
  const input = numberIn(usage, "prompt_tokens");
  if (input === undefined) return undefined;
  const output = numberIn(usage, "completion_tokens") ?? 0;
  return {
    input,
    output,
    total: numberIn(usage, "total_tokens") ?? input + output,
    cacheRead: numberIn(record(usage["prompt_tokens_details"]), "cached_tokens"),
    reasoning: numberIn(record(usage["completion_tokens_details"]), "reasoning_tokens"),
  };
}

/** Texts that come in pieces. The reasoning fields are those of DeepSeek, vLLM and OpenRouter. */
const TEXT_FIELDS = ["content", "refusal", "reasoning_content", "reasoning"] as const;
/** Fields of a completion that every chunk repeats. */
const HEAD_FIELDS = ["id", "created", "model", "service_tier", "system_fingerprint"] as const;

type Dictionary = Record<string, unknown>;

interface Choice {
  readonly message: Dictionary;
  readonly toolCalls: Map<number, ToolCall>;
  finishReason: string | null;
}

/** A call of a function, or of a custom tool: its argument text is `arguments` or `input`. */
interface ToolCall {
  readonly head: Dictionary;
  readonly kind: "function" | "custom";
  name: string;
  text: string;
}

/** Puts chunks together to what the same request would have given without `stream`. */
export class ChatAggregator implements Aggregator {
  readonly #head: Dictionary = {};
  readonly #choices = new Map<number, Choice>();
  #usage: unknown;
  #room = MAX_STREAMED_CHARACTERS;
  droppedCharacters = 0;

  add(value: unknown): boolean {
    const chunk = record(value);
    for (const field of HEAD_FIELDS) if (chunk[field] !== undefined) this.#head[field] = chunk[field];
    if (chunk["usage"]) this.#usage = chunk["usage"];
    let hasContent = false;
    for (const choice of recordsIn(chunk, "choices")) {
      if (this.#addChoice(choice)) hasContent = true;
    }
    return hasContent;
  }

  facts(): ResponseFacts {
    const choices = [...this.#choices.entries()]
      .sort(([one], [other]) => one - other)
      .map(([index, { message, toolCalls, finishReason }]) => ({
        index,
        message:
          toolCalls.size === 0 ? message : { ...message, tool_calls: [...toolCalls.values()].map(printToolCall) },
        finish_reason: finishReason,
      }));
    return readCompletion({
      ...this.#head,
      object: "chat.completion",
      choices,
      ...(this.#usage !== undefined && { usage: this.#usage }),
    });
  }

  #addChoice(value: Dictionary): boolean {
    const index = numberIn(value, "index") ?? 0;
    let choice = this.#choices.get(index);
    if (choice === undefined) {
      choice = { message: { role: "assistant", content: null }, toolCalls: new Map(), finishReason: null };
      this.#choices.set(index, choice);
    }
    choice.finishReason = textIn(value, "finish_reason") ?? choice.finishReason;
    const delta = record(value["delta"]);
    const { message } = choice;
    if (typeof delta["role"] === "string") message["role"] = delta["role"];
    let hasContent = false;
    for (const field of TEXT_FIELDS) {
      const piece = delta[field];
      if (typeof piece !== "string") continue;
      message[field] = `${message[field] ?? ""}${this.#keep(piece)}`;
      if (piece !== "") hasContent = true;
    }
    for (const piece of recordsIn(delta, "tool_calls")) {
      if (this.#addToolCall(choice, piece)) hasContent = true;
    }
    return hasContent;
  }

  #addToolCall({ toolCalls }: Choice, piece: Dictionary): boolean {
    const index = numberIn(piece, "index") ?? 0;
    const kind = piece["custom"] === undefined ? "function" : "custom";
    let call = toolCalls.get(index);
    if (call === undefined) {
      call = { head: {}, kind, name: "", text: "" };
      toolCalls.set(index, call);
    }
    for (const field of ["id", "type"]) if (typeof piece[field] === "string") call.head[field] = piece[field];
    const called = record(piece[kind]);
    call.name += textIn(called, "name") ?? "";
    const text = textIn(called, kind === "custom" ? "input" : "arguments") ?? "";
    call.text += this.#keep(text);
    return text !== "";
  }

  #keep(piece: string): string {
    const kept = piece.slice(0, this.#room);
    this.#room -= kept.length;
    this.droppedCharacters += piece.length - kept.length;
    return kept;
  }
}

function printToolCall({ head, kind, name, text }: ToolCall): Dictionary {
  return { ...head, [kind]: kind === "custom" ? { name, input: text } : { name, arguments: text } };
}
