/**
 * OpenAI's responses API and embeddings as a scripted model speaks them.
 *
 * @see https://platform.openai.com/docs/api-reference/responses
 */
import { createHash } from "node:crypto";
import { cachedTokens } from "./openai-chat.ts";
import type { Answer, Conversation, Turn } from "./scripted-reply.ts";
import { countTokens } from "./token-count.ts";
import { list, openAiError, pieces, record, type SseEvent, string, textOf, type WireReply } from "./wire-reply.ts";

const CREATED = 1_700_000_000;

/** Reads the conversation of a responses request. */
export function readResponse(body: Readonly<Record<string, unknown>>): Conversation {
  const items = typeof body.input === "string" ? [{ role: "user", content: body.input }] : list(body.input).map(record);
  const format = record(record(body.text).format);
  const choice = body.tool_choice;
  const toolChoice = typeof choice === "string" ? choice : string(record(choice).name);
  const system: Turn[] = body.instructions ? [{ role: "system", text: textOf(body.instructions) }] : [];
  return {
    model: string(body.model),
    turns: [...system, ...items.flatMap((item) => readItem(item, items))],
    tools: list(body.tools)
      .map(record)
      .filter((tool) => tool.type === "function")
      .map((tool) => ({ name: string(tool.name), description: string(tool.description), parameters: tool.parameters })),
    ...(toolChoice !== "" && { toolChoice }),
    ...(format.type === "json_schema" && { schema: format.schema }),
  };
}

type Item = Readonly<Record<string, unknown>>;

function readItem(item: Item, items: readonly Item[]): Turn[] {
  if (item.type === "function_call") {
    return [{ role: "assistant", text: "", calls: [{ name: string(item.name), arguments: string(item.arguments) }] }];
  }
  if (item.type === "function_call_output") {
    const call = items.find((made) => made.type === "function_call" && made.call_id === item.call_id);
    return [{ role: "tool", text: textOf(item.output), ...(call && { toolName: string(call.name) }) }];
  }
  return typeof item.role === "string" ? [{ role: item.role, text: textOf(item.content) }] : [];
}

/** Prints an answer as a response object, or as its events when the request asks for a stream. */
export function printResponse(body: Readonly<Record<string, unknown>>, answer: Answer, number: number): WireReply {
  if (answer.kind === "error") return openAiError(answer.status, answer.message);
  const model = string(body.model);
  const output = answer.kind === "text" ? [messageItem(answer.text, number)] : callItems(answer.calls, number);
  const input = countTokens(JSON.stringify([body.instructions ?? "", body.input ?? "", body.tools ?? []]));
  const completion = countTokens(answer.kind === "text" ? answer.text : JSON.stringify(answer.calls));
  const response = {
    id: `resp_${number}`,
    object: "response",
    created_at: CREATED,
    status: "completed",
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    model: `${model}-scripted`,
    output,
    parallel_tool_calls: true,
    temperature: body.temperature ?? 1,
    tool_choice: body.tool_choice ?? "auto",
    tools: body.tools ?? [],
    top_p: 1,
    metadata: {},
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: cachedTokens(model, input) },
      output_tokens: completion,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: input + completion,
    },
  };
  if (body.stream !== true) return { kind: "json", status: 200, body: response };
  const failure = { type: "error", code: "server_error", message: "The model failed in mid-stream.", param: null };
  return {
    kind: "stream",
    events: numbered(responseEvents(response)),
    failure: { event: "error", data: failure },
  };
}

function messageItem(text: string, number: number) {
  return {
    id: `msg_${number}`,
    type: "message" as const,
    status: "completed",
    role: "assistant",
    content: [{ type: "output_text", text, annotations: [], logprobs: [] }],
  };
}

function callItems(calls: readonly { name: string; arguments: string }[], number: number) {
  return calls.map((call, index) => ({
    id: `fc_${number}_${index}`,
    type: "function_call" as const,
    status: "completed",
    call_id: `call_${number}_${index}`,
    name: call.name,
    arguments: call.arguments,
  }));
}

type OutputItem = ReturnType<typeof messageItem> | ReturnType<typeof callItems>[number];
type Event = { readonly type: string; readonly isDelta?: boolean } & Readonly<Record<string, unknown>>;

function responseEvents(response: { readonly output: readonly OutputItem[] }): Event[] {
  const started = { ...response, status: "in_progress", output: [], usage: null };
  return [
    { type: "response.created", response: started },
    { type: "response.in_progress", response: started },
    ...response.output.flatMap((item, index) =>
      item.type === "message" ? messageEvents(item, index) : callEvents(item, index),
    ),
    { type: "response.completed", response },
  ];
}

function messageEvents(item: ReturnType<typeof messageItem>, index: number): Event[] {
  const place = { item_id: item.id, output_index: index, content_index: 0 };
  const [part] = item.content;
  const text = part?.text ?? "";
  return [
    { type: "response.output_item.added", output_index: index, item: { ...item, status: "in_progress", content: [] } },
    { type: "response.content_part.added", ...place, part: { ...part, text: "" } },
    ...pieces(text).map((delta) => ({
      type: "response.output_text.delta",
      ...place,
      delta,
      logprobs: [],
      isDelta: true,
    })),
    { type: "response.output_text.done", ...place, text, logprobs: [] },
    { type: "response.content_part.done", ...place, part },
    { type: "response.output_item.done", output_index: index, item },
  ];
}

function callEvents(item: ReturnType<typeof callItems>[number], index: number): Event[] {
  const place = { item_id: item.id, output_index: index };
  return [
    {
      type: "response.output_item.added",
      output_index: index,
      item: { ...item, status: "in_progress", arguments: "" },
    },
    { type: "response.function_call_arguments.delta", ...place, delta: item.arguments, isDelta: true },
    { type: "response.function_call_arguments.done", ...place, name: item.name, arguments: item.arguments },
    { type: "response.output_item.done", output_index: index, item },
  ];
}

function numbered(events: readonly Event[]): SseEvent[] {
  return events.map(({ isDelta = false, ...data }, index) => ({
    event: data.type,
    data: { ...data, sequence_number: index },
    isDelta,
  }));
}

/** Prints embeddings: eight numbers from a hash of each text (or as many as `dimensions` asks for). */
export function printEmbeddings(body: Readonly<Record<string, unknown>>): WireReply {
  const failure = /fail-(\d{3})/.exec(string(body.model))?.[1];
  if (failure !== undefined) return openAiError(Number(failure));
  // A list of numbers is one text in tokens.
  const isMany = Array.isArray(body.input) && typeof body.input[0] !== "number";
  const inputs = isMany ? list(body.input) : [body.input];
  const texts = inputs.map((input) => (typeof input === "string" ? input : JSON.stringify(input)));
  const tokens = texts.reduce((sum, text) => sum + countTokens(text), 0);
  const size = typeof body.dimensions === "number" ? body.dimensions : 8;
  return {
    kind: "json",
    status: 200,
    body: {
      object: "list",
      model: string(body.model),
      data: texts.map((text, index) => {
        const vector = embed(text, size);
        const embedding = body.encoding_format === "base64" ? toBase64(vector) : vector;
        return { object: "embedding", index, embedding };
      }),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    },
  };
}

function embed(text: string, size: number): number[] {
  const hash = createHash("sha256").update(text).digest();
  return Array.from({ length: size }, (_, index) => ((hash[index % hash.length] ?? 0) - 128) / 128);
}

/** Little-endian float32, as OpenAI sends them. */
function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}
