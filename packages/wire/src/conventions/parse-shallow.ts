/**
 * JSON from attributes, parsed only as far as the functions that walk over it may go: whoever can send an attribute can send
 * 100,000 brackets.
 */
import { parseJson } from "../json.ts";

/** Characters that are parsed: about 2 ms on the ingest path. */
const MAX_CHARS = 256 * 1024;
/** Levels of objects and lists that may be walked by recursion. */
const MAX_DEPTH = 64;

/** Parses JSON text; `undefined` if it is not JSON, longer than 256 Ki characters, or nested more than 64 deep. */
export function parseShallow(text: string): unknown {
  return text.length > MAX_CHARS || nestsDeeper(text, MAX_DEPTH) ? undefined : parseJson(text);
}

/**
 * Whether JSON text holds objects and lists nested more than `levels` deep. Cheaper than parsing it: V8 takes a quarter of a
 * microsecond for each open bracket.
 */
export function nestsDeeper(text: string, levels: number): boolean {
  // Every level takes an opening and a closing bracket.
  if (text.length <= 2 * levels) return false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) {
      i = endOfString(text, i);
    } else if (char === OPEN_LIST || char === OPEN_OBJECT) {
      depth += 1;
      if (depth > levels) return true;
    } else if (char === CLOSE_LIST || char === CLOSE_OBJECT) {
      depth -= 1;
    }
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The offset of the quote that ends the string begun at `start`; the end of the text if there is none. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote >= 0) {
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote;
    quote = text.indexOf('"', quote + 1);
  }
  return text.length;
}
