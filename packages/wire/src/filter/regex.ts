/**
 * RLIKE: searching a text for a pattern in time linear in the text, and the same pattern as RE2 reads it.
 *
 * The machine keeps the set of all places in the pattern that the text so far could lead to (Thompson's construction), so a
 * character costs at most one step for each place: there is nothing to backtrack.
 */
import { type CodeRanges, complement } from "./code-ranges.ts";
import { parseRegex, type RegexNode } from "./regex-syntax.ts";

/** A step of the program. */
type Step =
  | { readonly kind: "set"; readonly ranges: CodeRanges }
  | { readonly kind: "assert"; readonly at: (RegexNode & { kind: "assert" })["at"] }
  | { readonly kind: "split"; readonly to: number[] }
  | { readonly kind: "match" };

/** Whether the pattern is found somewhere in a text. */
export type Regex = (text: string) => boolean;

/**
 * Makes a searcher of a pattern.
 *
 * @throws RangeError if the pattern is not one that `parseRegex` reads
 */
export function compileRegex(pattern: string): Regex {
  const steps: Step[] = [];
  emit(rootOf(pattern), steps);
  steps.push({ kind: "match" });
  return (text) => search(steps, text);
}

/**
 * The pattern for RE2. Flags and shorthands are written out as classes, so that no two readings of them can differ.
 *
 * @throws RangeError if the pattern is not one that `parseRegex` reads
 */
export function toRe2(pattern: string): string {
  return write(rootOf(pattern));
}

function rootOf(pattern: string): RegexNode {
  const parsed = parseRegex(pattern);
  if (!parsed.ok) throw new RangeError(parsed.message);
  return parsed.root;
}

/** Appends the steps of a node; control goes on behind them. */
function emit(node: RegexNode, steps: Step[]): void {
  switch (node.kind) {
    case "set":
    case "assert":
      steps.push(node);
      return;
    case "sequence":
      for (const child of node.nodes) emit(child, steps);
      return;
    case "choice":
      emitChoice(node.nodes, steps);
      return;
    case "repeat":
      emitRepeat(node, steps);
      return;
  }
}

function emitChoice(nodes: readonly RegexNode[], steps: Step[]): void {
  const heads: number[] = [];
  steps.push({ kind: "split", to: heads });
  const ends: number[][] = [];
  for (const node of nodes) {
    heads.push(steps.length);
    emit(node, steps);
    const end: number[] = [];
    ends.push(end);
    steps.push({ kind: "split", to: end });
  }
  for (const end of ends) end.push(steps.length);
}

function emitRepeat({ node, min, max }: RegexNode & { kind: "repeat" }, steps: Step[]): void {
  for (let count = 0; count < min; count++) emit(node, steps);
  if (max === undefined) {
    const start = steps.length;
    const to = [start + 1];
    steps.push({ kind: "split", to });
    emit(node, steps);
    steps.push({ kind: "split", to: [start] });
    to.push(steps.length);
    return;
  }
  const exits: number[][] = [];
  for (let count = min; count < max; count++) {
    const to = [steps.length + 1];
    exits.push(to);
    steps.push({ kind: "split", to });
    emit(node, steps);
  }
  for (const to of exits) to.push(steps.length);
}

function search(steps: readonly Step[], text: string): boolean {
  let places: number[] = [];
  // For each step the character at which it was last entered.
  const entered = new Int32Array(steps.length).fill(-1);
  let before: number | undefined;
  let position = 0;
  for (let index = 0; ; position += 1) {
    const code = text.codePointAt(index);
    // A match may begin at every character.
    const reached = enter(steps, [...places, 0], entered, { position, before, after: code });
    if (reached === undefined) return true;
    if (code === undefined) return false;
    places = reached.filter((place) => accepts(steps[place], code)).map((place) => place + 1);
    before = code;
    index += code > 0xff_ff ? 2 : 1;
  }
}

interface Between {
  readonly position: number;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** The sets that are reached from these places without reading a character; undefined when the end of the pattern is. */
function enter(
  steps: readonly Step[],
  stack: number[],
  entered: Int32Array,
  { position, before, after }: Between,
): number[] | undefined {
  const sets: number[] = [];
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    if (entered[place] === position) continue;
    entered[place] = position;
    const step = steps[place];
    if (step === undefined || step.kind === "match") return undefined;
    if (step.kind === "set") sets.push(place);
    else if (step.kind === "split") stack.push(...step.to);
    else if (holds(step.at, before, after)) stack.push(place + 1);
  }
  return sets;
}

function holds(at: (RegexNode & { kind: "assert" })["at"], before?: number, after?: number): boolean {
  switch (at) {
    case "start":
      return before === undefined;
    case "end":
      return after === undefined;
    case "boundary":
      return isWord(before) !== isWord(after);
    case "no boundary":
      return isWord(before) === isWord(after);
  }
}

function isWord(code: number | undefined): boolean {
  return code !== undefined && code < 0x80 && /\w/.test(String.fromCharCode(code));
}

function accepts(step: Step | undefined, code: number): boolean {
  if (step?.kind !== "set") return false;
  let low = 0;
  let high = step.ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = step.ranges[middle];
    if (range === undefined) return false;
    if (code < range[0]) high = middle - 1;
    else if (code > range[1]) low = middle + 1;
    else return true;
  }
  return false;
}

const ASSERTIONS = { start: "^", end: "$", boundary: "\\b", "no boundary": "\\B" } as const;

function write(node: RegexNode): string {
  switch (node.kind) {
    case "set":
      return writeSet(node.ranges);
    case "assert":
      return ASSERTIONS[node.at];
    case "sequence":
      return node.nodes.map((child) => (child.kind === "choice" ? `(?:${write(child)})` : write(child))).join("");
    case "choice":
      return node.nodes.map(write).join("|");
    case "repeat":
      return `${writeRepeated(node.node)}{${node.min},${node.max ?? ""}}`
        .replace(/\{0,\}$/, "*")
        .replace(/\{1,\}$/, "+")
        .replace(/\{0,1\}$/, "?");
  }
}

function writeRepeated(node: RegexNode): string {
  return node.kind === "set" ? write(node) : `(?:${write(node)})`;
}

function writeSet(ranges: CodeRanges): string {
  const [first] = ranges;
  if (ranges.length === 1 && first?.[0] === first?.[1]) return writeCode(first?.[0] ?? 0);
  const rest = complement(ranges);
  if (rest.length === 0) return "[\\s\\S]";
  const isNegated = first?.[0] === 0;
  const members = (isNegated ? rest : ranges).map(([from, to]) =>
    from === to ? writeCode(from) : `${writeCode(from)}-${writeCode(to)}`,
  );
  return `[${isNegated ? "^" : ""}${members.join("")}]`;
}

function writeCode(code: number): string {
  if (code === 0x0a) return "\\n";
  if (code < 0x20) return `\\x${code.toString(16).padStart(2, "0")}`;
  const char = String.fromCodePoint(code);
  return /[\\^$.*+?()[\]{}|/-]/.test(char) ? `\\${char}` : char;
}
