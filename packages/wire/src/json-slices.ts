/**
 * The parts of a JSON text as texts: what is passed on verbatim need not be parsed and printed again, which would round integers
 * over 2^53 and rewrite numbers such as `1.0`.
 *
 * The text must be valid JSON (`parseJson` tells); nothing is checked here, and only one level is read.
 */

/** Raw text of each member of a JSON object, by key; of equal keys the last, as with `JSON.parse`. */
export function sliceMembers(object: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = skipSpace(object, 0) + 1;
  for (;;) {
    at = skipSpace(object, at);
    if (object[at] === ",") at = skipSpace(object, at + 1);
    if (object[at] !== '"') return members;
    const keyEnd = endOfString(object, at);
    const key: unknown = JSON.parse(object.slice(at, keyEnd));
    const start = skipSpace(object, skipSpace(object, keyEnd) + 1);
    at = endOfValue(object, start);
    members.set(String(key), object.slice(start, at));
  }
}

/** Raw text of each item of a JSON array. */
export function sliceItems(array: string): string[] {
  const items: string[] = [];
  let at = skipSpace(array, skipSpace(array, 0) + 1);
  while (at < array.length && array[at] !== "]") {
    const end = endOfValue(array, at);
    items.push(array.slice(at, end));
    at = skipSpace(array, end);
    if (array[at] === ",") at = skipSpace(array, at + 1);
  }
  return items;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === 32 || (code >= 9 && code <= 13); code = text.charCodeAt(at)) at += 1;
  return at;
}

const STRUCTURE = /["[\]{}]/g;
const SCALAR_END = /[\s,\]}]|$/g;

/** Where the value that starts at `from` ends. */
function endOfValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return endOfString(text, from);
  if (first !== "{" && first !== "[") {
    SCALAR_END.lastIndex = from;
    return SCALAR_END.exec(text)?.index ?? text.length;
  }
  // Counted, not descended into: a payload may nest deeper than the stack.
  let depth = 0;
  for (let at = from; at < text.length; ) {
    STRUCTURE.lastIndex = at;
    const found = STRUCTURE.exec(text);
    if (!found) break;
    if (found[0] === '"') {
      at = endOfString(text, found.index);
      continue;
    }
    depth += found[0] === "{" || found[0] === "[" ? 1 : -1;
    at = found.index + 1;
    if (depth === 0) return at;
  }
  return text.length;
}

/** Where the string that starts at `from` ends, behind its closing quote. */
function endOfString(text: string, from: number): number {
  for (let quote = text.indexOf('"', from + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === 92) backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return text.length;
}
