/**
 * The repository's Markdown files, taken apart: code blocks and links with their lines.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder, with a slash at the end. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** A fenced code block. */
export interface CodeBlock {
  /** From the root of the repository. */
  readonly file: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
  /** Words behind the opening fence: the language, then e.g. `run`. */
  readonly info: readonly string[];
  readonly code: string;
  /**
   * Code of the comments `<!-- given: … -->` that stand before it in the file: what the block takes for granted. Readers do not
   * see it.
   */
  readonly given: string;
  /** The next block, if it follows without a word in between and has no language: what the code prints. */
  readonly output: string | undefined;
}

/** Markdown files of the repository from its root, new ones included. */
export function markdownFiles(): string[] {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"];
  const listed = execFileSync("git", args, { cwd: root, encoding: "utf8" }).split("\0");
  return [...new Set(listed)].filter((file) => file !== "").sort();
}

/** The text of a file. */
function readText(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

const GIVEN = /<!-- given:\s*\n([\s\S]*?)-->/g;
/** The closing fence is as long as the opening one. */
const BLOCK = /^(`{3,})([^\n`]*)\n([\s\S]*?)^\1[ \t]*$/gm;

/** The code blocks of a file in their order. */
export function codeBlocks(file: string): CodeBlock[] {
  const text = readText(file);
  const found = [...text.matchAll(BLOCK)].map((match) => {
    const [whole, fence = "", info = "", code = ""] = match;
    const start = match.index;
    return { start, end: start + whole.length, fence, info: info.trim().split(/\s+/), code };
  });
  return found.map(({ start, end, info, code }, index) => {
    const next = found[index + 1];
    const isOutput = next?.info[0] === "" && text.slice(end, next.start).trim() === "";
    const given = [...text.slice(0, start).matchAll(GIVEN)].map((match) => match[1]).join("");
    const line = text.slice(0, start).split("\n").length + 1;
    return { file, line, info, code, given, output: isOutput ? next.code : undefined };
  });
}

/** A link, an image's included. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

const CODE_SPAN = /(`+)[\s\S]*?[^`]\1(?!`)/g;
const LINK = /\]\(\s*<?([^()\s<>]+(?:\([^()\s]*\)[^()\s]*)*)>?(?:\s+"[^"]*")?\s*\)/g;

/** The links of a file; what stands in code is none. */
export function links(file: string): Link[] {
  const blank = (code: string): string => code.replace(/[^\n]/g, " ");
  const text = readText(file).replace(BLOCK, blank).replace(CODE_SPAN, blank);
  return [...text.matchAll(LINK)].map(({ 1: target = "", index }) => ({
    target,
    line: text.slice(0, index).split("\n").length,
  }));
}

/** The anchors of a file's headings, as GitHub names them, and those it sets itself by `<a id>`. */
export function anchors(file: string): Set<string> {
  const text = readText(file);
  const names = new Set([...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map((match) => match[1] ?? ""));
  const counts = new Map<string, number>();
  const withoutCode = text.replace(BLOCK, "");
  for (const { 1: heading = "" } of withoutCode.matchAll(/^#{1,6}[ \t]+(.+?)[ \t]*#*$/gm)) {
    const slug = slugOf(heading);
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    names.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return names;
}

/** Lower case, without markup and punctuation, hyphens for blanks. */
function slugOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\\(.)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, "")
    .replaceAll(" ", "-");
}
