/**
 * The pieces of a message as each provider writes them → {@link Part}.
 *
 * A table of readers: by the `type` of a block (OpenAI, Anthropic, AI SDK, OpenTelemetry GenAI), or by the one key that Gemini and
 * Bedrock put there instead.
 */
import { referenceIn } from "../../attachment/attachment-facts.ts";
import { formatBytes } from "../../format/number.ts";
import { fieldOf, isRecord, type JsonRecord, stringOf, unfoldJson } from "../../json-view/json-shape.ts";
import type { Part } from "./message.ts";

type ReadPart = (block: JsonRecord) => Part | undefined;

const text =
  (...keys: readonly string[]): ReadPart =>
  (block) => {
    const found = stringOf(block, ...keys);
    return found === undefined ? undefined : { kind: "text", text: found };
  };

const reasoning: ReadPart = (block) => {
  const found =
    stringOf(block, "thinking", "text", "content", "reasoning") ?? joinTexts(block.summary) ?? joinTexts(block.content);
  return found === undefined ? undefined : { kind: "reasoning", text: found };
};

const toolCall: ReadPart = (block) => {
  const id = stringOf(block, "call_id", "id", "toolCallId", "toolUseId", "tool_call_id");
  const inner = isRecord(block.function) ? block.function : block;
  const name = stringOf(inner, "name", "toolName");
  if (name === undefined) return undefined;
  const given = fieldOf(inner, "arguments", "args", "input");
  return { kind: "tool call", ...(id !== undefined && { id }), name, arguments: unfoldJson(given ?? {}) };
};

const toolResult: ReadPart = (block) => {
  const callId = stringOf(block, "tool_use_id", "call_id", "tool_call_id", "toolCallId", "toolUseId", "id");
  const name = stringOf(block, "name", "toolName");
  const given = fieldOf(block, "output", "result", "response", "content");
  return {
    kind: "tool result",
    ...(callId !== undefined && { callId }),
    ...(name !== undefined && { name }),
    value: unfoldJson(joinTexts(given) ?? unwrapAiSdk(given) ?? null),
    failed: block.is_error === true || block.isError === true || block.status === "error",
  };
};

const media =
  (fallback: string): ReadPart =>
  (block) => {
    const inner = [
      block.image_url,
      block.source,
      block.inlineData,
      block.inline_data,
      block.fileData,
      block.input_audio,
      block.file,
    ]
      .filter(isRecord)
      .at(0);
    const holder = inner ?? block;
    const mediaType =
      stringOf(holder, "media_type", "mime_type", "mimeType", "mediaType", "format") ??
      stringOf(block, "mimeType", "mediaType", "mime_type") ??
      fallback;
    const data = stringOf(holder, "data", "file_data", "bytes");
    const address =
      stringOf(holder, "url", "uri", "fileUri", "file_uri", "file_id", "filename") ??
      stringOf(block, "image_url", "image", "data", "uri");
    const reference = referenceIn(data) ?? referenceIn(address);
    if (reference !== undefined) return { kind: "attachment", reference };
    return {
      kind: "media",
      mediaType,
      source: data === undefined ? describeAddress(address ?? "") : describeBase64(data),
    };
  };

/** By `type`. */
const byType: Readonly<Record<string, ReadPart>> = {
  text: text("text", "content"),
  input_text: text("text"),
  output_text: text("text"),
  summary_text: text("text"),
  refusal: text("refusal"),
  thinking: reasoning,
  reasoning,
  redacted_thinking: () => ({ kind: "reasoning", text: "(redacted by the provider)" }),
  tool_use: toolCall,
  server_tool_use: toolCall,
  tool_call: toolCall,
  "tool-call": toolCall,
  function_call: toolCall,
  function: toolCall,
  custom_tool_call: toolCall,
  tool_result: toolResult,
  "tool-result": toolResult,
  tool_call_response: toolResult,
  function_call_output: toolResult,
  custom_tool_call_output: toolResult,
  image: media("image"),
  image_url: media("image"),
  input_image: media("image"),
  input_audio: media("audio"),
  audio: media("audio"),
  file: media("file"),
  input_file: media("file"),
  document: media("document"),
  blob: media("file"),
  uri: media("file"),
};

/** By the key that says what a block is, when it has no `type`. */
const byKey: Readonly<Record<string, ReadPart>> = {
  functionCall: inside("functionCall", toolCall),
  function_call: inside("function_call", toolCall),
  functionResponse: inside("functionResponse", toolResult),
  function_response: inside("function_response", toolResult),
  toolUse: inside("toolUse", toolCall),
  toolResult: inside("toolResult", toolResult),
  reasoningContent: inside("reasoningContent", (block) =>
    reasoning(isRecord(block.reasoningText) ? block.reasoningText : block),
  ),
  inlineData: media("file"),
  inline_data: media("file"),
  fileData: media("file"),
  image: media("image"),
  document: media("document"),
  text: (block) => (block.thought === true ? reasoning(block) : text("text")(block)),
};

function inside(key: string, read: ReadPart): ReadPart {
  return (block) => (isRecord(block[key]) ? read(block[key]) : undefined);
}

/** Reads one block; what no reader knows is kept as JSON. */
export function readPart(block: unknown): Part {
  if (typeof block === "string") return { kind: "text", text: block };
  if (!isRecord(block)) return { kind: "json", value: block };
  const type = stringOf(block, "type");
  const read =
    (type !== undefined && Object.hasOwn(byType, type) ? byType[type] : undefined) ??
    byKey[Object.keys(byKey).find((key) => key in block) ?? ""];
  return read?.(block) ?? { kind: "json", value: block };
}

/** Whether a block is a tool call, result or reasoning item that stands alone in a list of messages (OpenAI Responses). */
export function isLooseItem(block: JsonRecord): boolean {
  const type = stringOf(block, "type");
  if (type === undefined || !Object.hasOwn(byType, type)) return false;
  return byType[type] === toolCall || byType[type] === toolResult || byType[type] === reasoning;
}

/** Content of a message: a text, a block or a list of blocks. Texts of nothing are left out. */
export function readContent(content: unknown): Part[] {
  if (content === undefined || content === null) return [];
  const blocks = Array.isArray(content) ? content : [content];
  return blocks
    .map(readPart)
    .filter((part) => !((part.kind === "text" || part.kind === "reasoning") && part.text === ""));
}

/** A tool call in the way of OpenAI's `tool_calls` or LangChain's. */
export function readToolCall(call: unknown): Part {
  return (isRecord(call) ? toolCall(call) : undefined) ?? { kind: "json", value: call };
}

/** The result that a message of role `tool` carries. */
export function readToolMessage(message: JsonRecord): Part {
  return toolResult({ ...message, id: undefined }) ?? { kind: "json", value: message };
}

/** One text from blocks that are all text; undefined if `value` is something else. */
function joinTexts(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const parts = value.map(readPart);
  return parts.every((part) => part.kind === "text") ? parts.map((part) => part.text).join("\n") : undefined;
}

/** The AI SDK wraps results: `{ type: "json" | "text" | …, value }`. */
function unwrapAiSdk(value: unknown): unknown {
  const isWrapped =
    isRecord(value) && typeof value.type === "string" && "value" in value && Object.keys(value).length === 2;
  return isWrapped ? value.value : value;
}

function describeAddress(address: string): string {
  const data = /^data:[^,]*,/.exec(address);
  return data ? describeBase64(address.slice(data[0].length)) : address;
}

function describeBase64(data: string): string {
  return formatBytes(Math.floor(data.length * 0.75));
}
