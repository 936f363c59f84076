/**
 * Inputs and outputs of a span → a conversation, if they hold one.
 *
 * Shapes: OpenAI chat and Responses, Anthropic, Gemini, Bedrock Converse, LangChain, Vercel AI SDK, OpenTelemetry GenAI messages.
 */
import { fieldOf, isRecord, type JsonRecord, stringOf, unfoldJson } from "../../json-view/json-shape.ts";
import { joinToolResults, type Message, type Part, type ToolDefinition } from "./message.ts";
import { isLooseItem, readContent, readPart, readToolCall, readToolMessage } from "./parts.ts";

export interface Conversation {
  /** What the model was given, tool results joined to their calls. */
  readonly input: readonly Message[];
  /** What it answered. */
  readonly output: readonly Message[];
  readonly tools: readonly ToolDefinition[];
  /** The rest of the inputs: model, temperature, … */
  readonly settings: JsonRecord;
}

/** Reads a conversation; undefined when neither side holds messages. */
export function readConversation(inputs: unknown, outputs: unknown): Conversation | undefined {
  const given = readInput(inputs);
  const answered = readOutput(outputs);
  if (given === undefined && answered === undefined) return undefined;
  const output = answered ?? plainAnswer(outputs);
  if (output === undefined || (given === undefined && inputs !== null && inputs !== undefined)) return undefined;
  return {
    input: joinToolResults(given?.messages ?? []),
    output: joinToolResults(output),
    tools: given?.tools ?? [],
    settings: given?.settings ?? {},
  };
}

/** The answer of a span whose inputs are messages may be plain text, or nothing while it runs or when it failed. */
function plainAnswer(outputs: unknown): Message[] | undefined {
  if (outputs === null || outputs === undefined) return [];
  return typeof outputs === "string" ? [{ role: "assistant", parts: [{ kind: "text", text: outputs }] }] : undefined;
}

interface Input {
  readonly messages: readonly Message[];
  readonly tools: readonly ToolDefinition[];
  readonly settings: JsonRecord;
}

/** Fields that hold the messages, in the order they are looked for, and those that hold the system prompt beside them. */
const MESSAGE_FIELDS = ["messages", "contents", "input", "prompt"] as const;
const SYSTEM_FIELDS = ["system", "instructions", "systemInstruction", "system_instruction"] as const;

function readInput(inputs: unknown): Input | undefined {
  const value = unfoldJson(inputs);
  if (Array.isArray(value)) {
    const messages = readMessages(value);
    return messages && { messages, tools: [], settings: {} };
  }
  if (!isRecord(value)) return undefined;
  for (const field of MESSAGE_FIELDS) {
    const messages = readMessageField(field, value);
    if (messages === undefined) continue;
    const config = isRecord(value.config) ? value.config : {};
    const system = fieldOf(value, ...SYSTEM_FIELDS) ?? fieldOf(config, ...SYSTEM_FIELDS);
    const known = new Set<string>([field, "tools", ...SYSTEM_FIELDS]);
    return {
      messages: system === undefined ? messages : [{ role: "system", parts: readSystem(system) }, ...messages],
      tools: readTools(fieldOf(value, "tools") ?? config.tools),
      settings: Object.fromEntries(
        Object.entries(value).filter(([key, setting]) => !known.has(key) && setting !== null),
      ),
    };
  }
  return undefined;
}

function readMessageField(field: (typeof MESSAGE_FIELDS)[number], value: JsonRecord): Message[] | undefined {
  const given = unfoldJson(value[field]);
  if (Array.isArray(given)) return readMessages(given);
  // A bare text is a message only where a model call is certain: "input" and "prompt" are names of ordinary arguments too.
  const isModelCall = typeof value.model === "string";
  return typeof given === "string" && (field === "contents" || isModelCall)
    ? [{ role: "user", parts: [{ kind: "text", text: given }] }]
    : undefined;
}

function readSystem(system: unknown): Part[] {
  return readContent(isRecord(system) && Array.isArray(system.parts) ? system.parts : system);
}

function readOutput(outputs: unknown): Message[] | undefined {
  const value = unfoldJson(outputs);
  if (Array.isArray(value)) return readMessages(value);
  if (!isRecord(value)) return undefined;
  const single = readMessage(value);
  if (single) return [single];
  for (const read of outputReaders) {
    const messages = read(value);
    if (messages) return messages;
  }
  return undefined;
}

const outputReaders: readonly ((value: JsonRecord) => Message[] | undefined)[] = [
  // OpenAI chat
  ({ choices }) =>
    eachOf(choices, (choice) =>
      isRecord(choice.message) ? readMessage(choice.message, "assistant") : readText(choice),
    ),
  // Gemini
  ({ candidates }) =>
    eachOf(candidates, (candidate) =>
      isRecord(candidate.content) ? readMessage(candidate.content, "assistant") : undefined,
    ),
  // LangChain: generations[[{ text, message }]]
  ({ generations }) =>
    eachOf(Array.isArray(generations) ? generations.flat() : undefined, (one) =>
      isRecord(one.message) ? readMessage(one.message, "assistant") : readText(one),
    ),
  // OpenAI Responses, Bedrock Converse
  ({ output }) =>
    isRecord(output) && isRecord(output.message) ? readMessages([output.message]) : readMessagesIfArray(output),
  ({ messages }) => readMessagesIfArray(messages),
  // Ollama, LangGraph nodes
  ({ message }) => readMessagesIfArray(isRecord(message) ? [message] : undefined),
];

function readMessagesIfArray(value: unknown): Message[] | undefined {
  return Array.isArray(value) ? readMessages(value) : undefined;
}

function eachOf(value: unknown, read: (item: JsonRecord) => Message | undefined): Message[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const messages = value.map((item) => (isRecord(item) ? read(item) : undefined));
  return messages.every((message) => message !== undefined) ? messages : undefined;
}

function readText(choice: JsonRecord): Message | undefined {
  const text = stringOf(choice, "text");
  return text === undefined ? undefined : { role: "assistant", parts: [{ kind: "text", text }] };
}

/** Reads a list in which everything is a message; undefined if something is not. */
function readMessages(list: readonly unknown[]): Message[] | undefined {
  // LangChain hands chat models a list of prompts, each a list of messages.
  const items: readonly unknown[] = list.length === 1 && Array.isArray(list[0]) ? list[0] : list;
  if (items.length === 0) return undefined;
  const messages: Message[] = [];
  for (const item of items) {
    if (!isRecord(item)) return undefined;
    const message = readMessage(item);
    if (message) messages.push(message);
    else if (isLooseItem(item)) addLoosePart(messages, readPart(item));
    else return undefined;
  }
  return messages;
}

/** OpenAI Responses lists calls and reasoning beside messages: those of one turn belong to one message. */
function addLoosePart(messages: Message[], part: Part): void {
  const role = part.kind === "tool result" ? "tool" : "assistant";
  const last = messages.at(-1);
  if (last?.role === role) messages[messages.length - 1] = { ...last, parts: [...last.parts, part] };
  else messages.push({ role, parts: [part] });
}

/** Roles that go by another name somewhere. A map: a role named `constructor` must find nothing. */
const ROLES: ReadonlyMap<string, string> = new Map([
  ["human", "user"],
  ["ai", "assistant"],
  ["AIMessageChunk", "assistant"],
  ["model", "assistant"],
  ["function", "tool"],
  ["developer", "system"],
]);
/** LangChain's `type`, where others write `role`. */
const LANGCHAIN_TYPES: ReadonlySet<string> = new Set(["human", "ai", "system", "tool", "AIMessageChunk"]);
/** LangChain's serialised class: `["langchain_core", "messages", "HumanMessage"]`. */
const LANGCHAIN_CLASS = /^(Human|AI|System|Tool)Message(?:Chunk)?$/;

function readMessage(item: JsonRecord, defaultRole?: string): Message | undefined {
  const message = unwrapLangChain(item);
  const type = stringOf(message, "type");
  const role =
    stringOf(message, "role") ?? (type !== undefined && LANGCHAIN_TYPES.has(type) ? type : undefined) ?? defaultRole;
  const hasContent = ["content", "parts", "tool_calls", "function_call", "text"].some((key) => key in message);
  if (role === undefined || !hasContent) return undefined;

  const name = stringOf(message, "name");
  const shown = ROLES.get(role) ?? role;
  return { role: shown, ...(name !== undefined && { name }), parts: readParts(message, shown) };
}

function readParts(message: JsonRecord, role: string): Part[] {
  const content = fieldOf(message, "parts", "content", "text");
  if (role === "tool" && !hasToolResults(content)) return [readToolMessage(message)];
  const reasoning = stringOf(message, "reasoning_content", "reasoning");
  const parts: Part[] = reasoning ? [{ kind: "reasoning", text: reasoning }] : [];
  parts.push(...readContent(content));
  if (typeof message.refusal === "string") parts.push({ kind: "text", text: message.refusal });
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls : [];
  // LangChain repeats Anthropic's tool_use blocks in tool_calls.
  if (!parts.some((part) => part.kind === "tool call")) parts.push(...calls.map(readToolCall));
  if (isRecord(message.function_call)) parts.push(readToolCall(message.function_call));
  return parts;
}

function hasToolResults(content: unknown): boolean {
  return Array.isArray(content) && content.some((block) => readPart(block).kind === "tool result");
}

function unwrapLangChain(item: JsonRecord): JsonRecord {
  const id = Array.isArray(item.id) ? item.id.at(-1) : undefined;
  const match = typeof id === "string" ? LANGCHAIN_CLASS.exec(id) : null;
  if (match && isRecord(item.kwargs)) return { type: match[1]?.toLowerCase(), ...item.kwargs };
  if (isRecord(item.data) && typeof item.type === "string" && "content" in item.data) {
    return { ...item.data, type: item.type };
  }
  return item;
}

function readTools(value: unknown): ToolDefinition[] {
  const list = Array.isArray(value) ? value : isRecord(value) ? Object.entries(value).map(nameEntry) : [];
  return list
    .flatMap((tool) =>
      isRecord(tool) && Array.isArray(tool.functionDeclarations) ? tool.functionDeclarations : [tool],
    )
    .filter(isRecord)
    .flatMap((tool) => {
      const inner = isRecord(tool.function) ? tool.function : isRecord(tool.toolSpec) ? tool.toolSpec : tool;
      const name = stringOf(inner, "name") ?? stringOf(tool, "type");
      if (name === undefined) return [];
      const parameters = fieldOf(inner, "parameters", "input_schema", "inputSchema", "parametersJsonSchema") ?? null;
      return [{ name, description: stringOf(inner, "description") ?? "", parameters }];
    });
}

/** The AI SDK keeps tools in an object by name. */
function nameEntry([name, tool]: [string, unknown]): unknown {
  return isRecord(tool) ? { name, ...tool } : { name };
}
