/**
 * What a scripted model answers: read from the conversation alone, so that the same request always gets the same reply.
 */
import { parseJson } from "@sightline/wire/json";
import { sampleSchema } from "./sample-schema.ts";

/** A reply that a test puts in the queue: a text, tool calls, or an HTTP error in the provider's shape. */
export type Reply =
  | string
  | { readonly text: string }
  | { readonly tool: string; readonly args?: unknown }
  | { readonly tools: readonly { readonly name: string; readonly args?: unknown }[] }
  | { readonly error: number; readonly message?: string };

/** The same, sorted out: what the wire formats print. */
export type Answer =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "tools"; readonly calls: readonly ToolCall[] }
  | { readonly kind: "error"; readonly status: number; readonly message?: string };

export interface ToolCall {
  readonly name: string;
  /** JSON text, as models write it. */
  readonly arguments: string;
}

/** A conversation without the shape of its wire format. */
export interface Conversation {
  readonly model: string;
  readonly turns: readonly Turn[];
  readonly tools: readonly { readonly name: string; readonly description: string; readonly parameters: unknown }[];
  /** Name of the tool that must be called; "none" = no tool may be called. */
  readonly toolChoice?: string;
  /** JSON schema that the answer must fit. */
  readonly schema?: unknown;
}

export interface Turn {
  readonly role: string;
  /** Texts of the turn, joined. */
  readonly text: string;
  /** Tools that an assistant turn called. */
  readonly calls?: readonly ToolCall[];
  /** Set on a tool's result: the name of the tool, if the conversation tells. */
  readonly toolName?: string;
}

/** Turns what a test queued into an answer. */
export function fromReply(reply: Reply): Answer {
  if (typeof reply === "string") return { kind: "text", text: reply };
  if ("text" in reply) return { kind: "text", text: reply.text };
  if ("error" in reply) {
    return { kind: "error", status: reply.error, ...(reply.message !== undefined && { message: reply.message }) };
  }
  const calls = "tool" in reply ? [{ name: reply.tool, args: reply.args }] : reply.tools;
  return {
    kind: "tools",
    calls: calls.map(({ name, args }) => ({ name, arguments: JSON.stringify(args ?? {}) })),
  };
}

/**
 * The answer when nothing is queued; the first rule that fits:
 * a model name with `fail-NNN` gives that HTTP status; a JSON schema is filled in; tools that were given and have not answered
 * since the last user turn are called (twice when the model name holds `parallel`); tool results become a sentence; a question
 * gets a plain text.
 */
export function answerFor(conversation: Conversation): Answer {
  const { model, turns, tools, toolChoice, schema } = conversation;
  const failure = /fail-(\d{3})/.exec(model)?.[1];
  if (failure !== undefined) return { kind: "error", status: Number(failure) };
  const lastUser = turns.findLastIndex((turn) => turn.role === "user");
  const question = turns[lastUser]?.text ?? "";
  if (schema !== undefined) return { kind: "text", text: JSON.stringify(sampleSchema(schema, fromQuestion(question))) };
  const results = turns.slice(lastUser + 1).filter((turn) => turn.role === "tool");
  if (tools.length > 0 && toolChoice !== "none" && results.length === 0) {
    const tool = tools.find(({ name }) => name === toolChoice) ?? mostRelated(tools, question);
    const call = {
      name: tool.name,
      arguments: JSON.stringify(sampleSchema(tool.parameters, fromQuestion(question)) ?? {}),
    };
    return { kind: "tools", calls: model.includes("parallel") ? [call, call] : [call] };
  }
  const last = results.at(-1);
  if (last) return { kind: "text", text: sentenceFor(last, turns) };
  return { kind: "text", text: `This is a scripted answer to: ${question.slice(0, 200)}` };
}

function mostRelated(tools: Conversation["tools"], question: string) {
  const asked = new Set(words(question));
  const score = (tool: Conversation["tools"][number]) =>
    words(`${tool.name} ${tool.description}`).filter((word) => asked.has(word)).length;
  // The first of the best: without a hint in the question it is the first tool.
  return tools.reduce((best, tool) => (score(tool) > score(best) ? tool : best));
}

function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Names of string arguments that take the question as it is. */
const WHOLE_QUESTION = new Set(["query", "question", "q", "input", "text", "prompt", "search", "message"]);

/** Arguments a model would read from the question: names of people and places, numbers, or the question itself. */
function fromQuestion(question: string) {
  const isName = /\b(?:in|at|for|to|of|from)\s+(\p{Lu}[\p{L}'-]*(?:\s\p{Lu}[\p{L}'-]*)*)/u;
  // A capital letter at the start of a sentence says nothing.
  const isInside = /(?<![.?!]\s)(?<=\s)(\p{Lu}[\p{L}'-]*(?:\s\p{Lu}[\p{L}'-]*)*)/u;
  const name = (isName.exec(question) ?? isInside.exec(question))?.[1];
  const number = /-?\d+(?:\.\d+)?/.exec(question)?.[0];
  return {
    text: (property: string) => (WHOLE_QUESTION.has(property) ? question : (name ?? number)),
    number: () => (number === undefined ? undefined : Number(number)),
  };
}

/** What people are told to do about the weather, by the word that a tool used for it. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/rain|drizzl|shower|storm/i, "take an umbrella"],
  [/snow|frost|ice|freez/i, "dress warmly"],
  [/sun|clear/i, "enjoy the sun"],
  [/wind/i, "hold on to your hat"],
  [/cloud|overcast|fog/i, "take a coat"],
];

/** A sentence made from what a tool returned and what it was asked. */
function sentenceFor(result: Turn, turns: readonly Turn[]): string {
  const calls = turns.flatMap((turn) => turn.calls ?? []);
  const call = calls.findLast(({ name }) => result.toolName === undefined || name === result.toolName);
  const toolName = result.toolName ?? call?.name ?? "the tool";
  const found = readable(result.text);
  if (/^error\b/i.test(found)) return `I could not find out: ${found}`;
  if (!/weather|forecast/i.test(toolName)) return `According to ${toolName}: ${found}`;
  const place = firstString(call?.arguments);
  const advice = ADVICE.find(([pattern]) => pattern.test(found))?.[1];
  return `It is ${found}${place === undefined ? "" : ` in ${place}`} today${advice === undefined ? "" : `, so ${advice}`}.`;
}

/** A tool's JSON result as `key: value` pairs; other texts as they are. */
function readable(text: string): string {
  const value = parseJson(text);
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return text;
  return Object.entries(value)
    .map(([key, member]) => `${key}: ${typeof member === "string" ? member : JSON.stringify(member)}`)
    .join(", ");
}

function firstString(json: string | undefined): string | undefined {
  const value = json === undefined ? undefined : parseJson(json);
  if (typeof value !== "object" || value === null) return undefined;
  return Object.values(value).find((member): member is string => typeof member === "string");
}
