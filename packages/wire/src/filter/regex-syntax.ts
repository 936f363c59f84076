/**
 * Patterns of RLIKE → tree. What is taken is the part that means the same everywhere: in ClickHouse (RE2) and here.
 *
 * Literals, `.`, classes, `\d \w \s` (ASCII, as in RE2), `^ $ \b \B`, groups, `|`, `* + ? {n,m}` and a leading `(?i)`. What needs
 * backtracking (back references, lookaround, possessive quantifiers) is refused, so that no pattern takes exponential time.
 */

import { type CodeRanges, complement, foldRanges, isSurrogate, LAST_CODE, merge } from "./code-ranges.ts";

export type RegexNode =
  | { readonly kind: "set"; readonly ranges: CodeRanges }
  | { readonly kind: "assert"; readonly at: "start" | "end" | "boundary" | "no boundary" }
  | { readonly kind: "sequence" | "choice"; readonly nodes: readonly RegexNode[] }
  /** `max` undefined = without end. */
  | { readonly kind: "repeat"; readonly node: RegexNode; readonly min: number; readonly max: number | undefined };

export type RegexResult =
  | { readonly ok: true; readonly root: RegexNode }
  | { readonly ok: false; readonly message: string };

/** Longest pattern, in characters. */
export const MAX_REGEX_LENGTH = 1000;
/** Places that a pattern may have once its counted repetitions are written out: bounds the work for each character of a text. */
export const MAX_REGEX_STATES = 2000;
const MAX_DEPTH = 50;

const DIGITS: CodeRanges = [[0x30, 0x39]];
const WORD: CodeRanges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
// RE2 does not count the vertical tab.
const SPACE: CodeRanges = [
  [0x09, 0x0a],
  [0x0c, 0x0d],
  [0x20, 0x20],
];
const CLASSES: Readonly<Record<string, CodeRanges>> = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};
const CONTROLS: Readonly<Record<string, number>> = { n: 0x0a, t: 0x09, r: 0x0d, f: 0x0c, v: 0x0b };
/** Any character but a line feed, as in Python's `re`, which MLflow searches with. */
const DOT: CodeRanges = complement([[0x0a, 0x0a]]);

/** Reads a pattern. @returns the tree, or a sentence that says what is not supported; never throws */
export function parseRegex(pattern: string): RegexResult {
  const chars = [...pattern];
  if (chars.length > MAX_REGEX_LENGTH) {
    return {
      ok: false,
      message: `The pattern has ${chars.length} characters; at most ${MAX_REGEX_LENGTH} are taken.`,
    };
  }
  try {
    const root = new RegexParser(chars).parse();
    if (statesOf(root) > MAX_REGEX_STATES) {
      return { ok: false, message: `The pattern repeats too much: more than ${MAX_REGEX_STATES} places.` };
    }
    return { ok: true, root };
  } catch (error) {
    if (error instanceof BadPattern) return { ok: false, message: error.message };
    throw error;
  }
}

/** Never leaves this file. */
class BadPattern extends Error {}

class RegexParser {
  readonly #chars: readonly string[];
  #index = 0;
  #depth = 0;
  #ignoreCase = false;

  constructor(chars: readonly string[]) {
    this.#chars = chars;
  }

  parse(): RegexNode {
    if (this.#chars.slice(0, 4).join("") === "(?i)") {
      this.#ignoreCase = true;
      this.#index = 4;
    }
    const root = this.#choice();
    if (this.#index < this.#chars.length) throw new BadPattern("The pattern has a closing bracket too many.");
    return root;
  }

  #choice(): RegexNode {
    const nodes = [this.#sequence()];
    while (this.#take("|")) nodes.push(this.#sequence());
    const [only] = nodes;
    return nodes.length === 1 && only !== undefined ? only : { kind: "choice", nodes };
  }

  #sequence(): RegexNode {
    const nodes: RegexNode[] = [];
    for (let char = this.#peek(); char !== undefined && char !== "|" && char !== ")"; char = this.#peek()) {
      nodes.push(this.#repeated());
    }
    return { kind: "sequence", nodes };
  }

  #repeated(): RegexNode {
    const node = this.#atom();
    const count = this.#quantifier();
    if (count === undefined) return node;
    // Lazy or not makes no difference for whether it matches.
    this.#take("?");
    if (this.#quantifier() !== undefined) throw new BadPattern("The pattern has two repetitions behind each other.");
    if (node.kind === "assert") throw new BadPattern("The pattern repeats a place (^, $ or \\b).");
    return { kind: "repeat", node, ...count };
  }

  /** `*`, `+`, `?`, `{2}`, `{2,}`, `{2,5}`; a bracket that holds no count is a character, as in RE2. */
  #quantifier(): { min: number; max: number | undefined } | undefined {
    if (this.#take("*")) return { min: 0, max: undefined };
    if (this.#take("+")) return { min: 1, max: undefined };
    if (this.#take("?")) return { min: 0, max: 1 };
    if (this.#peek() !== "{") return undefined;
    const match = /^\{(\d{1,4})(?:(,)(\d{0,4}))?\}/.exec(this.#chars.slice(this.#index, this.#index + 11).join(""));
    if (match === null) return undefined;
    this.#index += match[0].length;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === "" ? undefined : Number(match[3]);
    if (min > 1000 || (max !== undefined && (max > 1000 || max < min))) {
      throw new BadPattern(`The pattern's repetition ${match[0]} is out of order or beyond 1000.`);
    }
    return { min, max };
  }

  #atom(): RegexNode {
    const char = this.#chars[this.#index] ?? "";
    this.#index += 1;
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return this.#class();
      case ".":
        return { kind: "set", ranges: DOT };
      case "^":
        return { kind: "assert", at: "start" };
      case "$":
        return { kind: "assert", at: "end" };
      case "\\":
        return this.#escape();
      case "*":
      case "+":
      case "?":
        throw new BadPattern(`The pattern has nothing before ${char} to repeat.`);
      default:
        return this.#set([[codeOf(char), codeOf(char)]]);
    }
  }

  #group(): RegexNode {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new BadPattern(`The pattern nests brackets more than ${MAX_DEPTH} deep.`);
    if (this.#take("?") && !this.#take(":")) {
      throw new BadPattern("The pattern has a (?…) group other than (?:…); only a leading (?i) is supported.");
    }
    const node = this.#choice();
    if (!this.#take(")")) throw new BadPattern("The pattern has an opening bracket that is not closed.");
    this.#depth -= 1;
    return node;
  }

  #escape(): RegexNode {
    const char = this.#peek();
    if (char === "b" || char === "B") {
      this.#index += 1;
      return { kind: "assert", at: char === "b" ? "boundary" : "no boundary" };
    }
    return this.#set(this.#escapedRanges());
  }

  /** What stands behind a backslash, in and out of classes. */
  #escapedRanges(): CodeRanges {
    const char = this.#chars[this.#index];
    if (char === undefined) throw new BadPattern("The pattern ends with a backslash.");
    this.#index += 1;
    if (Object.hasOwn(CLASSES, char)) return CLASSES[char] ?? [];
    if (Object.hasOwn(CONTROLS, char)) return one(CONTROLS[char] ?? 0);
    if (char === "x") return one(this.#hexCode());
    if (/^[\p{L}\p{N}]$/u.test(char)) throw new BadPattern(`The pattern's \\${char} is not supported.`);
    return one(codeOf(char));
  }

  /** `\x41` or `\x{1F600}`. */
  #hexCode(): number {
    const match = /^(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})/.exec(
      this.#chars.slice(this.#index, this.#index + 8).join(""),
    );
    const code = Number.parseInt(match?.[1] ?? match?.[2] ?? "", 16);
    if (match === null || code > LAST_CODE || isSurrogate(code)) {
      throw new BadPattern("The pattern's \\x is followed by no character's number.");
    }
    this.#index += match[0].length;
    return code;
  }

  #class(): RegexNode {
    const isNegated = this.#take("^");
    const ranges: (readonly [number, number])[] = [];
    for (let isFirst = true; ; isFirst = false) {
      const char = this.#chars[this.#index];
      if (char === undefined) throw new BadPattern("The pattern has a [ that is not closed.");
      if (char === "]" && !isFirst) {
        this.#index += 1;
        break;
      }
      ranges.push(...this.#classItem());
    }
    const folded = this.#ignoreCase ? foldRanges(ranges) : ranges;
    const merged = merge(folded);
    const set = isNegated ? complement(merged) : merged;
    if (set.length === 0) throw new BadPattern("The pattern has a class that no character is in.");
    return { kind: "set", ranges: set };
  }

  #classItem(): CodeRanges {
    const from = this.#classChar();
    if (this.#peek() !== "-" || this.#chars[this.#index + 1] === "]") return from;
    if (this.#chars[this.#index + 1] === undefined) throw new BadPattern("The pattern has a [ that is not closed.");
    this.#index += 1;
    const to = this.#classChar();
    const [first, last] = [singleCode(from), singleCode(to)];
    if (first === undefined || last === undefined || first > last) {
      throw new BadPattern("The pattern has a range in […] that is out of order.");
    }
    return [[first, last]];
  }

  #classChar(): CodeRanges {
    const char = this.#chars[this.#index] ?? "";
    if (char === "[" && this.#chars[this.#index + 1] === ":") {
      throw new BadPattern("The pattern's [:…:] classes are not supported.");
    }
    this.#index += 1;
    return char === "\\" ? this.#escapedRanges() : one(codeOf(char));
  }

  #set(ranges: CodeRanges): RegexNode {
    return { kind: "set", ranges: this.#ignoreCase ? merge(foldRanges(ranges)) : ranges };
  }

  #peek(): string | undefined {
    return this.#chars[this.#index];
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#index += 1;
    return true;
  }
}

function one(code: number): CodeRanges {
  return [[code, code]];
}

function singleCode(ranges: CodeRanges): number | undefined {
  const [first] = ranges;
  return ranges.length === 1 && first !== undefined && first[0] === first[1] ? first[0] : undefined;
}

function codeOf(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (isSurrogate(code)) throw new BadPattern("The pattern has half of a surrogate pair.");
  return code;
}

/** Places in the program that `regex.ts` makes of it, capped a little above the limit. */
function statesOf(node: RegexNode): number {
  const cap = (count: number) => Math.min(count, MAX_REGEX_STATES + 1);
  switch (node.kind) {
    case "set":
    case "assert":
      return 1;
    case "sequence":
    case "choice":
      return cap(node.nodes.reduce((sum, child) => sum + statesOf(child) + 1, 0));
    case "repeat":
      return cap((statesOf(node.node) + 1) * Math.max(1, node.max ?? node.min + 1));
  }
}
