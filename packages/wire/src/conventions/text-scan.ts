/**
 * Looks for the question or the answer in JSON that is too large to parse: plain searches in the text, nothing is built.
 */

/** Characters of a JSON string that are read. */
const MAX_CHARS = 8 * 1024;
/** How far a message's content may be from its role. */
const NEAR = 400;
/** Messages that are looked at, from the last one. */
const MAX_MESSAGES = 50;

/** The text of the last user message, else of the first member with a telling name; undefined if neither is there. */
export function scanQuestion(json: string): string | undefined {
  return (
    plainText(json) ?? lastMessage(json, /^"(?:role|type)"\s*:\s*"(?:user|human)"/) ?? firstMember(json, QUESTION_KEYS)
  );
}

/** The text of the last assistant message, else of the first member with a telling name; undefined if neither is there. */
export function scanAnswer(json: string): string | undefined {
  return (
    plainText(json) ??
    lastMessage(json, /^"(?:role|type)"\s*:\s*"(?:assistant|ai|model)"/) ??
    firstMember(json, ANSWER_KEYS)
  );
}

const QUESTION_KEYS = ["content", "text", "input", "prompt", "question", "query", "message"];
const ANSWER_KEYS = ["content", "text", "output_text", "output", "answer", "response", "result", "message"];

function plainText(json: string): string | undefined {
  return json.startsWith('"') ? readString(json, 1) : undefined;
}

function lastMessage(json: string, role: RegExp): string | undefined {
  let at = json.length;
  for (let i = 0; i < MAX_MESSAGES; i++) {
    const before = at - 1;
    at = Math.max(json.lastIndexOf('"role"', before), json.lastIndexOf('"type"', before));
    if (at < 0) return undefined;
    if (!role.test(json.slice(at, at + 40))) continue;
    const text = contentAfter(json, at) ?? contentBefore(json, at);
    if (text !== undefined) return text;
  }
  return undefined;
}

const CONTENT = /"(?:content|text)"\s*:\s*"/g;

function contentAfter(json: string, at: number): string | undefined {
  const window = json.slice(at, at + NEAR);
  const end = window.indexOf("}"); // the message, or its first part, ends here
  const found = [...window.matchAll(CONTENT)].find((match) => end < 0 || match.index < end);
  return found && readString(json, at + found.index + found[0].length);
}

/** `{"content":"…","role":"user"}`: only short contents lie near enough. */
function contentBefore(json: string, at: number): string | undefined {
  const start = Math.max(0, at - NEAR);
  const window = json.slice(start, at);
  const found = [...window.matchAll(CONTENT)].at(-1);
  if (!found || window.lastIndexOf("{") > found.index) return undefined;
  return readString(json, start + found.index + found[0].length);
}

function firstMember(json: string, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const at = json.indexOf(`"${key}":`);
    if (at < 0) continue;
    const value = json.slice(at + key.length + 3, at + key.length + 40).search(/\S/);
    const quote = at + key.length + 3 + value;
    const text = value >= 0 && json[quote] === '"' ? readString(json, quote + 1) : undefined;
    if (text !== undefined && text.trim() !== "") return text;
  }
  return undefined;
}

/** The JSON string whose first character is at `start`, cut after {@link MAX_CHARS}. */
function readString(json: string, start: number): string | undefined {
  let end = start;
  const limit = Math.min(json.length, start + MAX_CHARS);
  while (end < limit && json[end] !== '"') end += json[end] === "\\" ? escapeLength(json, end) : 1;
  // An escape that the limit cuts through is dropped.
  if (end > limit) end = json.lastIndexOf("\\", limit - 1);
  try {
    const text: unknown = JSON.parse(`"${json.slice(start, end)}"`);
    return typeof text === "string" && text.trim() !== "" ? text : undefined;
  } catch {
    return undefined; // not where a string begins
  }
}

function escapeLength(json: string, at: number): number {
  return json[at + 1] === "u" ? 6 : 2;
}
