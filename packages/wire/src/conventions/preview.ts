/**
 * The line that a trace list shows of a payload: what was asked, what was answered.
 */
import { preview } from "../json.ts";
import { answerIn, questionIn } from "./chat-text.ts";
import { parseShallow } from "./parse-shallow.ts";
import { scanAnswer, scanQuestion } from "./text-scan.ts";

const MAX_CHARS = 1000;
/** Characters of a found text that are cleaned; more can only matter if nearly all of it is marks and blanks. */
const MAX_CLEANED_CHARS = 8 * MAX_CHARS;

/**
 * The question in a span's inputs: the last user message of a chat, else the only text, else `key: value · key: value`.
 *
 * @param inputsJson  JSON text of any size
 * @returns at most 1,000 characters on one line, without Markdown marks; "" if there is nothing to show
 */
export function requestPreview(inputsJson: string): string {
  return previewOf(inputsJson, questionIn, scanQuestion);
}

/** The answer in a span's outputs: the assistant's text, else its tool calls as `name({…})`; otherwise as {@link requestPreview}. */
export function responsePreview(outputsJson: string): string {
  return previewOf(outputsJson, answerIn, scanAnswer);
}

function previewOf(
  json: string,
  find: (value: unknown) => string | undefined,
  scan: (json: string) => string | undefined,
): string {
  const value = parseShallow(json);
  // Too large, too deep, or no JSON: looked for in the text.
  return clean(value === undefined ? (scan(json) ?? json) : (find(value) ?? describe(value)));
}

/** Text for payloads of no known shape. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return join(value.map(describeMember));
  const members = Object.entries(value).filter(([, member]) => member !== null && member !== "");
  const texts = members.filter(([, member]) => typeof member === "string");
  if (texts.length === 1) return String(texts[0]?.[1]);
  return join(members.map(([key, member]) => `${key}: ${describeMember(member)}`));
}

function describeMember(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function join(texts: readonly string[]): string {
  return texts.join(" · ");
}

/** Marks and what remains of them, with a text that is there if one of them is: looking for that is faster than for the marks. */
const MARKS: readonly { readonly signs: readonly string[]; readonly mark: RegExp; readonly left: string }[] = [
  { signs: ["```", "~~~"], mark: /^[ \t]*(?:```|~~~)[\w-]*[ \t]*$/gm, left: " " }, // fences of code
  { signs: ["#", ">", "-", "*", "+"], mark: /^[ \t]*(?:#{1,6}|>+|[-*+])[ \t]+/gm, left: "" }, // headings, quotes, bullets
  { signs: ["]("], mark: /!?\[([^\]\n]*)\]\([^)\s]*\)/g, left: "$1" }, // links and images
  { signs: ["**", "`"], mark: /\*\*|`/g, left: "" },
];

/** One line without Markdown marks. Marks that are also parts of names (`_`, `*` inside words) stay. */
function clean(text: string): string {
  let line = text.slice(0, MAX_CLEANED_CHARS);
  for (const { signs, mark, left } of MARKS) {
    if (signs.some((sign) => line.includes(sign))) line = line.replace(mark, left);
  }
  line = line.replace(/\s+/g, " ").trim();
  return preview(line, MAX_CHARS);
}
