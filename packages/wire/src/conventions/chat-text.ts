/**
 * Finds what was asked and what was answered in a request or response of any chat-like API.
 *
 * Shapes read: OpenAI chat completions and responses, Anthropic, Gemini, Bedrock Converse, LangChain, AI SDK, the parts of
 * OpenTelemetry's GenAI messages, and Python calls as MLflow logs them (`{ args, kwargs }`).
 */

import { parseShallow } from "./parse-shallow.ts";

type Json = unknown;
type JsonObject = { readonly [key: string]: Json };

/** Wrappers inside wrappers that are opened before giving up. */
const MAX_DEPTH = 8;

/** Members that hold the question, in order of preference. */
const QUESTION_KEYS = [
  "messages",
  "contents",
  "input",
  "prompt",
  "question",
  "query",
  "message",
  "text",
  "content",
  "inputs",
  "request",
  "kwargs",
  "args",
  "state",
];

/** Members that hold the answer, in order of preference. */
const ANSWER_KEYS = [
  "output_text",
  "choices",
  "candidates",
  "generations",
  "content",
  "parts",
  "text",
  "output",
  "answer",
  "response",
  "result",
  "final_output",
  "message",
  "messages",
  "completion",
  "outputs",
  "page_content",
  "update",
  "kwargs",
];

/** The text of the last user message, or of the member that holds the question; undefined if the shape is not known. */
export function questionIn(value: Json, depth = 0): string | undefined {
  if (typeof value === "string") return fromString(value, depth, questionIn);
  if (depth > MAX_DEPTH || !isContainer(value)) return undefined;
  if (isList(value)) return fromMessages(value, isAsking) ?? fromList(value, depth, questionIn);
  if (isMessage(value)) return textOfMessage(value);
  return fromMembers(value, QUESTION_KEYS, depth, questionIn);
}

/** The assistant's text, or its tool calls as `name({…})`; undefined if the shape is not known. */
export function answerIn(value: Json, depth = 0): string | undefined {
  if (typeof value === "string") return fromString(value, depth, answerIn);
  if (depth > MAX_DEPTH || !isContainer(value)) return undefined;
  if (isList(value)) return fromMessages(value, isAnswering) ?? fromList(value, depth, answerIn);
  const text = textOfMessage(value);
  if (text !== undefined) return text;
  return fromMembers(value, ANSWER_KEYS, depth, answerIn);
}

type Reader = (value: Json, depth: number) => string | undefined;

/** Text, unless the string is itself JSON: emitters encode payloads twice. */
function fromString(text: string, depth: number, read: Reader): string | undefined {
  const start = text.trimStart()[0];
  // A text may only begin like JSON.
  const value = (start === "{" || start === "[") && depth < 2 ? parseShallow(text) : undefined;
  if (value !== undefined) return read(value, depth + 1) ?? text;
  return text.trim() === "" ? undefined : text;
}

function fromMembers(object: JsonObject, keys: readonly string[], depth: number, read: Reader): string | undefined {
  for (const key of keys) {
    if (!Object.hasOwn(object, key)) continue;
    const found = read(object[key], depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A list that is not of messages: a batch (`[[message]]`), alternatives (`choices`), pieces of text, or arguments. */
function fromList(list: readonly Json[], depth: number, read: Reader): string | undefined {
  if (list.length > 0 && list.every((item) => typeof item === "string")) return list.join(" ");
  for (const item of list.slice(0, 8)) {
    const found = isContainer(item) || typeof item === "string" ? read(item, depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The text of the last message of that role which has one; else of the last message with text. */
function fromMessages(list: readonly Json[], hasRole: (role: string) => boolean): string | undefined {
  const messages = list.map(asMessage).filter((message) => message !== undefined);
  if (messages.length === 0) return undefined;
  let other: string | undefined;
  for (const message of messages.reverse()) {
    const text = textOfMessage(message);
    if (text === undefined) continue;
    if (hasRole(roleOf(message))) return text;
    other ??= text;
  }
  return other;
}

function isAsking(role: string): boolean {
  return role === "user" || role === "human";
}

function isAnswering(role: string): boolean {
  return role === "assistant" || role === "ai" || role === "model" || role === "";
}

/** A message as an object; LangChain also has `["human", "text"]`. */
function asMessage(value: Json): JsonObject | undefined {
  if (Array.isArray(value)) {
    const [role, content] = value;
    const isPair = value.length === 2 && typeof role === "string" && typeof content === "string";
    return isPair && (isAsking(role) || isAnswering(role) || role === "system") ? { role, content } : undefined;
  }
  return isObject(value) && isMessage(value) ? value : undefined;
}

function isMessage(value: JsonObject): boolean {
  return roleOf(value) !== "" || isToolCall(value);
}

/** The role: `role`, LangChain's `type`, or the class name of a LangChain message as `dumps` writes it. */
function roleOf(message: JsonObject): string {
  const { role, type, id } = message;
  if (typeof role === "string") return role;
  if (typeof type === "string" && /^(human|ai|system|tool)$/.test(type)) return type;
  if (type === "constructor" && Array.isArray(id)) {
    const [, name] = /^(Human|AI|System|Tool)Message/.exec(String(id.at(-1))) ?? [];
    return name?.toLowerCase() ?? "";
  }
  return "";
}

/** Text of a message's content, else its tool calls. */
function textOfMessage(message: JsonObject): string | undefined {
  if (isToolCall(message)) return printCall(message);
  const body = message["type"] === "constructor" && isObject(message["kwargs"]) ? message["kwargs"] : message;
  const text = textOfContent(body["content"]) ?? textOfContent(body["parts"]);
  if (text !== undefined) return text;
  const plain = body["text"] ?? body["refusal"];
  if (typeof plain === "string" && plain.trim() !== "" && (roleOf(message) !== "" || isToolCaller(body))) return plain;
  return callsIn(body["tool_calls"] ?? body["toolCalls"]) ?? callsIn(body["content"]) ?? callsIn(body["parts"]);
}

function isToolCaller(body: JsonObject): boolean {
  return Array.isArray(body["tool_calls"]) || Array.isArray(body["toolCalls"]);
}

/** Text of a content: a string, a part, or parts; the thoughts of a model are not its answer. */
function textOfContent(content: Json): string | undefined {
  if (typeof content === "string") return content.trim() === "" ? undefined : content;
  if (isObject(content) && ("parts" in content || "content" in content)) {
    return textOfContent(content["parts"] ?? content["content"]);
  }
  const parts = Array.isArray(content) ? content : isObject(content) ? [content] : [];
  const texts = parts.flatMap((part) => textOfPart(part) ?? []);
  return texts.length === 0 ? undefined : texts.join(" ");
}

function textOfPart(part: Json): string | undefined {
  if (typeof part === "string") return part;
  if (!isObject(part) || part["thought"] === true) return undefined;
  const { type, text, content } = part;
  if (type === "thinking" || type === "reasoning" || type === "tool_result" || isToolCall(part)) return undefined;
  if (typeof text === "string") return text;
  return typeof content === "string" ? content : undefined;
}

/** Each API's word for "the model calls a tool"; see {@link printCall} for where name and arguments are. */
function isToolCall(value: JsonObject): boolean {
  const { type } = value;
  return type === "tool_use" ||
    type === "function_call" ||
    type === "tool_call" ||
    type === "tool-call" ||
    type === "function"
    ? true
    : isObject(value["functionCall"]) || isObject(value["function_call"]) || isObject(value["toolUse"]);
}

function callsIn(list: Json): string | undefined {
  if (!Array.isArray(list)) return undefined;
  const calls = list.filter(isObject).flatMap((item) => printCall(item) ?? []);
  return calls.length === 0 ? undefined : calls.join(" ");
}

/** `name({…})`. */
function printCall(value: JsonObject): string | undefined {
  const inner = value["function"] ?? value["functionCall"] ?? value["function_call"] ?? value["toolUse"];
  const call = isObject(inner) ? inner : value;
  const name = call["name"] ?? call["toolName"];
  if (typeof name !== "string") return undefined;
  const given = call["arguments"] ?? call["args"] ?? call["input"] ?? {};
  return `${name}(${typeof given === "string" ? given : JSON.stringify(given)})`;
}

/** `Array.isArray` does not narrow readonly arrays. */
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isContainer(value: Json): value is JsonObject | readonly Json[] {
  return typeof value === "object" && value !== null;
}

function isObject(value: Json): value is JsonObject {
  return isContainer(value) && !Array.isArray(value);
}
