/**
 * Names of a function's parameters, read from its source: they make the inputs of a span readable.
 */

/** Longer headers are machine-made; their names say nothing. */
const MAX_SOURCE = 4_000;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

export interface Parameter {
  /** `arg0`, `arg1`, … where the source has no plain name (destructuring). */
  readonly name: string;
  /** Takes all arguments from its place on. */
  readonly isRest: boolean;
}

/**
 * The parameters of `fn` in order. What cannot be read (native functions, destructuring, regular expressions in defaults) is
 * called `arg0`, `arg1`, …
 */
export function parametersOf(fn: (...args: never[]) => unknown): Parameter[] {
  const source = Function.prototype.toString.call(fn).slice(0, MAX_SOURCE);
  const list = parameterList(source);
  return list === undefined ? [] : list.map(toParameter);
}

/** Arguments as a record of named inputs; those that were not given are left out. */
export function namedInputs(parameters: readonly Parameter[], args: readonly unknown[]): Record<string, unknown> {
  const inputs: Record<string, unknown> = {};
  for (let index = 0; index < args.length; index++) {
    const parameter = parameters[index];
    if (parameter?.isRest) {
      inputs[parameter.name] = args.slice(index);
      break;
    }
    if (args[index] !== undefined) inputs[parameter?.name ?? `arg${index}`] = args[index];
  }
  return inputs;
}

function toParameter(text: string, index: number): Parameter {
  const isRest = text.startsWith("...");
  const beforeDefault = /^[^=]*/.exec(isRest ? text.slice(3) : text)?.[0] ?? "";
  const name = beforeDefault.trim();
  return { name: IDENTIFIER.test(name) ? name : `arg${index}`, isRest };
}

/** The texts between the commas of the parameter list, without comments; undefined when the source is not understood. */
function parameterList(source: string): string[] | undefined {
  const text = withoutComments(source);
  if (text === undefined) return undefined;
  const single = /^(?:async\s+)?([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*=>/u.exec(text);
  if (single?.[1] !== undefined) return [single[1]];
  const open = startOfList(text);
  return open === -1 ? undefined : splitList(text, open + 1);
}

/** Where the list opens: the first parenthesis that is not part of a computed name (`[Symbol.iterator]() {}`). */
function startOfList(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "[") depth += 1;
    else if (text[at] === "]") depth -= 1;
    else if (text[at] === "(" && depth === 0) return at;
  }
  return -1;
}

function splitList(text: string, start: number): string[] | undefined {
  const parts: string[] = [];
  const closers: string[] = [];
  let from = start;
  for (let at = start; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '"' || char === "'" || char === "`") {
      at = endOfString(text, at);
    } else if (Object.hasOwn(CLOSING, char)) {
      closers.push(CLOSING[char] as string);
    } else if (char === closers.at(-1)) {
      closers.pop();
    } else if (closers.length === 0 && (char === "," || char === ")")) {
      const part = text.slice(from, at).trim();
      if (part !== "") parts.push(part);
      if (char === ")") return parts;
      from = at + 1;
    }
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === text[start]) return at;
  }
  return text.length;
}

/** Undefined when a `/` may begin a regular expression before the list is over: its brackets cannot be told from code. */
function withoutComments(source: string): string | undefined {
  let text = "";
  let depth = 0;
  let hasList = false;
  for (let at = 0; at < source.length; at++) {
    const char = source[at] as string;
    if (char === '"' || char === "'" || char === "`") {
      const end = endOfString(source, at);
      text += source.slice(at, end + 1);
      at = end;
      continue;
    }
    if (char === "/") {
      const end = endOfComment(source, at);
      if (end === -1) return undefined;
      at = end;
      continue;
    }
    text += char;
    if (char === "(") {
      depth += 1;
      hasList = true;
    } else if (char === ")") depth -= 1;
    // The list is over, or `x => …` needs none: the body is not looked at.
    if ((hasList && depth === 0) || text.endsWith("=>")) return text;
  }
  return undefined;
}

/** Index of the last character of the comment that begins at `start`; -1 if none does. */
function endOfComment(source: string, start: number): number {
  if (source.startsWith("//", start)) {
    const end = source.indexOf("\n", start);
    return end === -1 ? source.length : end;
  }
  if (!source.startsWith("/*", start)) return -1;
  const end = source.indexOf("*/", start + 2);
  return end === -1 ? source.length : end + 1;
}
