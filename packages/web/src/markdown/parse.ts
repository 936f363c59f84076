/**
 * The Markdown that models write → a small tree, for drawing with React elements. HTML is text, images are links, nothing is fetched.
 *
 * Line by line and, within a line, with patterns that cannot backtrack over more than one piece: text is hostile and may be long.
 */

export type Inline =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "strong" | "emphasis" | "deleted"; readonly children: readonly Inline[] }
  | { readonly kind: "link"; readonly href: string; readonly children: readonly Inline[] }
  | { readonly kind: "break" };

export type Block =
  | { readonly kind: "paragraph"; readonly children: readonly Inline[] }
  | { readonly kind: "heading"; readonly level: number; readonly children: readonly Inline[] }
  | { readonly kind: "code"; readonly language: string; readonly text: string }
  | { readonly kind: "quote"; readonly children: readonly Block[] }
  | {
      readonly kind: "list";
      readonly ordered: boolean;
      readonly start: number;
      readonly items: readonly (readonly Block[])[];
    }
  | {
      readonly kind: "table";
      readonly head: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    }
  | { readonly kind: "rule" };

/** Lists and quotes inside each other; deeper ones are drawn as text. */
const MAX_DEPTH = 8;

/** Reads Markdown: paragraphs, headings, lists, quotes, fenced code, tables, rules, and inline marks. */
export function parseMarkdown(text: string): Block[] {
  return parseBlocks(text.replaceAll("\r\n", "\n").split("\n"), 0);
}

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.+?)\s*#*$/;
const RULE = /^ {0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])\s+(?=\S)/;
const TABLE_LINE = /^\s*\|.*\|\s*$/;
const TABLE_RULE = /^\s*\|(?:\s*:?-+:?\s*\|)+\s*$/;

function parseBlocks(lines: readonly string[], depth: number): Block[] {
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  const endParagraph = () => {
    if (paragraph.length > 0) blocks.push({ kind: "paragraph", children: parseLines(paragraph) });
    paragraph = [];
  };
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const fence = FENCE.exec(line);
    if (fence) {
      endParagraph();
      const close = new RegExp(`^ {0,3}${fence[1]}[${fence[1]?.[0]}]*\\s*$`);
      const end = lines.findIndex((candidate, index) => index > at && close.test(candidate));
      const last = end === -1 ? lines.length : end;
      blocks.push({ kind: "code", language: fence[2] ?? "", text: lines.slice(at + 1, last).join("\n") });
      at = last + 1;
      continue;
    }
    const heading = HEADING.exec(line);
    if (heading) {
      endParagraph();
      blocks.push({ kind: "heading", level: heading[1]?.length ?? 1, children: parseInline(heading[2] ?? "") });
      at += 1;
      continue;
    }
    if (RULE.test(line)) {
      endParagraph();
      blocks.push({ kind: "rule" });
      at += 1;
      continue;
    }
    if (depth < MAX_DEPTH && QUOTE.test(line)) {
      endParagraph();
      const end = endOf(lines, at, (candidate) => QUOTE.test(candidate));
      const inner = lines.slice(at, end).map((quoted) => quoted.replace(QUOTE, ""));
      blocks.push({ kind: "quote", children: parseBlocks(inner, depth + 1) });
      at = end;
      continue;
    }
    if (depth < MAX_DEPTH && ITEM.test(line)) {
      endParagraph();
      const list = parseList(lines, at, depth);
      blocks.push(list.block);
      at = list.end;
      continue;
    }
    if (TABLE_LINE.test(line) && TABLE_RULE.test(lines[at + 1] ?? "")) {
      endParagraph();
      const end = endOf(lines, at + 2, (candidate) => TABLE_LINE.test(candidate));
      const rows = lines.slice(at + 2, end).map(parseRow);
      blocks.push({ kind: "table", head: parseRow(line), rows });
      at = end;
      continue;
    }
    if (line.trim() === "") endParagraph();
    else paragraph.push(line.trim());
    at += 1;
  }
  endParagraph();
  return blocks;
}

function endOf(lines: readonly string[], from: number, belongs: (line: string) => boolean): number {
  let end = from;
  while (end < lines.length && belongs(lines[end] ?? "")) end += 1;
  return end;
}

function parseList(lines: readonly string[], from: number, depth: number): { block: Block; end: number } {
  const first = ITEM.exec(lines[from] ?? "")?.[2] ?? "-";
  const ordered = /\d/.test(first);
  const items: Block[][] = [];
  let at = from;
  while (at < lines.length) {
    const match = ITEM.exec(lines[at] ?? "");
    if (!match || /\d/.test(match[2] ?? "") !== ordered) break;
    const indent = match[0].length;
    const item = [(lines[at] ?? "").slice(indent)];
    at += 1;
    // What follows belongs to the item while it is indented, or a blank line before something indented.
    while (at < lines.length) {
      const line = lines[at] ?? "";
      const isInside = /^\s{2,}\S/.test(line);
      const isGap = line.trim() === "" && /^\s{2,}\S/.test(lines[at + 1] ?? "");
      if (!isInside && !isGap) break;
      item.push(line.slice(Math.min(indent, line.length - line.trimStart().length)));
      at += 1;
    }
    items.push(parseBlocks(item, depth + 1));
    if ((lines[at] ?? "").trim() === "" && ITEM.test(lines[at + 1] ?? "")) at += 1;
  }
  return { block: { kind: "list", ordered, start: ordered ? Number.parseInt(first, 10) : 1, items }, end: at };
}

function parseRow(line: string): Inline[][] {
  const cells = line
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/);
  return cells.map((cell) => parseInline(cell.trim().replaceAll("\\|", "|")));
}

/** Lines of one paragraph. Models mean their line breaks, so each becomes one. */
function parseLines(lines: readonly string[]): Inline[] {
  return lines.flatMap((line, index) =>
    index === 0 ? parseInline(line) : [{ kind: "break" as const }, ...parseInline(line)],
  );
}

/** Marks that may open at a place, in the order they are tried; each pattern is anchored there. */
const CODE = /(`+)(?!`)(.*?[^`])\1(?!`)/y;
const LINK = /!?\[([^[\]]{1,500})\]\(([^()\s]{1,2000})(?:\s+"[^"]{0,500}")?\)/y;
const AUTOLINK = /<?(https?:\/\/[^\s<>"'`)\]]{1,2000}[^\s<>"'`)\].,;:!?])>?/y;
const STRONG = /\*\*(?!\s)([^*]{1,2000}?(?:\*[^*]{1,500}\*[^*]{0,500})?)(?<!\s)\*\*/y;
const EMPHASIS = /\*(?![\s*])([^*]{1,2000}?)(?<!\s)\*(?!\*)/y;
const UNDERSCORE = /(?<![\p{L}\p{N}_])_(?![\s_])([^_]{1,2000}?)(?<!\s)_(?![\p{L}\p{N}_])/uy;
const DELETED = /~~(?!\s)([^~]{1,2000}?)(?<!\s)~~/y;
/** Where a mark can begin. */
const MARK = /[`[!*_~<\\]|https?:\/\//g;
const ESCAPED = /\\([!-/:-@[-`{-~])/y;

function parseInline(text: string): Inline[] {
  const pieces: Inline[] = [];
  let plain = "";
  const add = (piece: Inline) => {
    if (plain !== "") pieces.push({ kind: "text", text: plain });
    plain = "";
    pieces.push(piece);
  };
  let at = 0;
  while (at < text.length) {
    MARK.lastIndex = at;
    const next = MARK.exec(text);
    plain += text.slice(at, next?.index ?? text.length);
    if (!next) break;
    at = next.index;
    const found = readMark(text, at);
    if (found) {
      if (typeof found.piece === "string") plain += found.piece;
      else add(found.piece);
      at += found.length;
    } else {
      plain += next[0];
      at += next[0].length;
    }
  }
  if (plain !== "") pieces.push({ kind: "text", text: plain });
  return pieces;
}

function readMark(text: string, at: number): { piece: Inline | string; length: number } | undefined {
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const spanning = (kind: "strong" | "emphasis" | "deleted", pattern: RegExp) => {
    const found = match(pattern);
    return found && { piece: { kind, children: parseInline(found[1] ?? "") }, length: found[0].length };
  };
  switch (text[at]) {
    case "\\": {
      const found = match(ESCAPED);
      return found ? { piece: found[1] ?? "", length: 2 } : undefined;
    }
    case "`": {
      const found = match(CODE);
      return found ? { piece: { kind: "code", text: (found[2] ?? "").trim() }, length: found[0].length } : undefined;
    }
    case "*":
      return spanning("strong", STRONG) ?? spanning("emphasis", EMPHASIS) ?? undefined;
    case "_":
      return spanning("emphasis", UNDERSCORE) ?? undefined;
    case "~":
      return spanning("deleted", DELETED) ?? undefined;
    case "[":
    case "!": {
      const found = match(LINK);
      const href = found && safeHref(found[2] ?? "");
      return href
        ? { piece: { kind: "link", href, children: parseInline(found[1] ?? "") }, length: found[0].length }
        : undefined;
    }
    default: {
      const found = match(AUTOLINK);
      const href = found && safeHref(found[1] ?? "");
      return href
        ? { piece: { kind: "link", href, children: [{ kind: "text", text: found[1] ?? "" }] }, length: found[0].length }
        : undefined;
    }
  }
}

/** An address that may be a link: absolute, of the web or mail. Everything else (javascript:, data:, relative) stays text. */
export function safeHref(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  return ["http:", "https:", "mailto:"].includes(new URL(address).protocol) ? address : undefined;
}
