/**
 * Inputs and outputs in one line of a list: the words, not what stands around them.
 */
import { parseJson } from "@sightline/wire/json";
import { displayText } from "./display-text.ts";

/** No line of a list shows more; cutting first keeps long texts cheap. */
const MAX_CHARS = 400;

/** One line: JSON as its only text or as `key: value` pairs, without Markdown's marks and line breaks. */
export function previewLine(text: string): string {
  const content = /^\s*[{[]/.test(text) ? pairs(text) : text;
  return stripMarks(displayText(content.slice(0, MAX_CHARS)))
    .replace(/\s+/g, " ")
    .trim();
}

function pairs(text: string): string {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null) return text;
  const entries = Object.entries(value);
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  if (texts.length === 1 && entries.length === 1) return texts[0]?.[1] ?? text;
  if (Array.isArray(value)) return value.map(inWords).join(", ");
  return entries.map(([key, member]) => `${key}: ${inWords(member)}`).join(" · ");
}

function inWords(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function stripMarks(text: string): string {
  return text
    .replace(/^\s*(?:#{1,6}|>|[-*+])\s+/gm, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/(\*\*|__|`+|~~)/g, "");
}

/** Languages whose characters need a font of their own, for the `lang` of a text that a model wrote. */
export function scriptOf(text: string): "ja" | "ko" | "zh-Hant" | undefined {
  const start = text.slice(0, 2000);
  if (/[\u3040-\u30ff]/.test(start)) return "ja";
  if (/[\uac00-\ud7af]/.test(start)) return "ko";
  return /[\u4e00-\u9fff]/.test(start) ? "zh-Hant" : undefined;
}
