/**
 * OpenAI's chat completions as a scripted model speaks them: request body → conversation → completion or stream of chunks.
 *
 * @see https://platform.openai.com/docs/api-reference/chat
 */
import type { Answer, Conversation, ToolCall, Turn } from "./scripted-reply.ts";
import { countTokens } from "./token-count.ts";
import { list, openAiError, pieces, record, type SseEvent, string, textOf, type WireReply } from "./wire-reply.ts";

/** Fixed, so that the same requests give the same bytes. */
const CREATED = 1_700_000_000;
const REASONING = "Let me think about that first.";

/** Reads the conversation of a chat completion request. */
export function readChat(body: Readonly<Record<string, unknown>>): Conversation {
  const format = record(body.response_format);
  const choice = body.tool_choice;
  const toolChoice = typeof choice === "string" ? choice : string(record(record(choice).function).name);
  const messages = list(body.messages).map(record);
  return {
    model: string(body.model),
    turns: messages.map((message) => readTurn(message, messages)),
    tools: list(body.tools)
      .map((tool) => record(record(tool).function))
      .filter((tool) => typeof tool.name === "string")
      .map((tool) => ({
        name: string(tool.name),
        description: string(tool.description),
        parameters: tool.parameters,
      })),
    ...(toolChoice !== "" && { toolChoice }),
    ...(format.type === "json_schema" && { schema: record(format.json_schema).schema }),
  };
}

function readTurn(message: Readonly<Record<string, unknown>>, messages: readonly Readonly<Record<string, unknown>>[]) {
  const calls = list(message.tool_calls).map((call) => readCall(record(call)));
  const toolName = message.role === "tool" ? nameOfCall(string(message.tool_call_id), messages) : undefined;
  return {
    role: string(message.role),
    text: textOf(message.content),
    ...(calls.length > 0 && { calls }),
    ...(toolName !== undefined && { toolName }),
  } satisfies Turn;
}

function readCall(call: Readonly<Record<string, unknown>>): ToolCall {
  const called = record(call.function);
  return { name: string(called.name), arguments: string(called.arguments) };
}

function nameOfCall(id: string, messages: readonly Readonly<Record<string, unknown>>[]): string | undefined {
  const call = messages.flatMap((message) => list(message.tool_calls).map(record)).findLast((made) => made.id === id);
  return call && readCall(call).name;
}

/**
 * Prints an answer as a completion, or as a stream when the request asks for one.
 *
 * @param number  counts the requests; ids are made from it
 */
export function printChat(body: Readonly<Record<string, unknown>>, answer: Answer, number: number): WireReply {
  if (answer.kind === "error") return openAiError(answer.status, answer.message);
  const model = string(body.model);
  const head = {
    id: `chatcmpl-${number}`,
    created: CREATED,
    model: `${model}-scripted`,
    service_tier: "default",
    system_fingerprint: "fp_scripted",
  };
  const usage = countUsage(body, answer);
  const text = answer.kind === "text" ? answer.text : null;
  const calls = answer.kind === "tools" ? toolCalls(answer.calls, number) : [];
  const finish = calls.length > 0 ? "tool_calls" : "stop";
  const reasoning = model.includes("think") ? REASONING : undefined;
  if (body.stream !== true) {
    const message = {
      role: "assistant",
      content: text,
      refusal: null,
      annotations: [],
      ...(calls.length > 0 && { tool_calls: calls }),
      ...(reasoning !== undefined && { reasoning_content: reasoning }),
    };
    const count = typeof body.n === "number" ? body.n : 1;
    const choices = Array.from({ length: count }, (_, index) => ({
      index,
      message,
      logprobs: null,
      finish_reason: finish,
    }));
    return { kind: "json", status: 200, body: { ...head, object: "chat.completion", choices, usage } };
  }
  const chunk = (delta: unknown, reason: string | null = null): SseEvent => ({
    data: {
      ...head,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
    },
  });
  const delta = (value: unknown): SseEvent => ({ ...chunk(value), isDelta: true });
  const events: SseEvent[] = [chunk({ role: "assistant", content: text === null ? null : "", refusal: null })];
  if (reasoning !== undefined) events.push(chunk({ reasoning_content: reasoning }));
  for (const piece of pieces(text ?? "")) events.push(delta({ content: piece }));
  for (const [index, call] of calls.entries()) {
    events.push(chunk({ tool_calls: [{ index, ...call, function: { name: call.function.name, arguments: "" } }] }));
    const half = call.function.arguments.length >> 1;
    for (const part of [call.function.arguments.slice(0, half), call.function.arguments.slice(half)]) {
      events.push(delta({ tool_calls: [{ index, function: { arguments: part } }] }));
    }
  }
  events.push(chunk({}, finish));
  if (record(body.stream_options).include_usage === true) {
    events.push({ data: { ...head, object: "chat.completion.chunk", choices: [], usage } });
  }
  events.push({ data: "[DONE]" });
  const error = { message: "The model failed in mid-stream.", type: "server_error", code: "server_error" };
  return { kind: "stream", events, failure: { data: { error } } };
}

function toolCalls(calls: readonly ToolCall[], number: number) {
  return calls.map((call, index) => ({
    id: `call_${number}_${index}`,
    type: "function",
    function: { name: call.name, arguments: call.arguments },
  }));
}

/** Absent for a model whose name holds `nousage`, as from servers that do not count. */
function countUsage(body: Readonly<Record<string, unknown>>, answer: Exclude<Answer, { kind: "error" }>) {
  const model = string(body.model);
  if (model.includes("nousage")) return undefined;
  const prompt = countTokens(JSON.stringify([body.messages ?? [], body.tools ?? []]));
  const reasoning = model.includes("think") ? countTokens(REASONING) : 0;
  const completion = countTokens(answer.kind === "text" ? answer.text : JSON.stringify(answer.calls)) + reasoning;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cachedTokens(model, prompt), audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** OpenAI caches prompts from 1,024 tokens on, in steps of 128; a model whose name holds `cached` caches half of any. */
export function cachedTokens(model: string, prompt: number): number {
  if (model.includes("cached")) return prompt >> 1;
  return prompt < 1024 ? 0 : prompt - (prompt % 128);
}
