/**
 * Attribute keys, span names and the like come again and again. This remembers their strings by their bytes, so that most
 * keys of a span cost a comparison and share one string.
 *
 * A table of fixed size where a newcomer replaces who sat there: bounded whatever clients send.
 */

const SLOTS = 1024;
/** Longer texts are seldom repeated. */
const MAX_BYTES = 64;

interface Entry {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const entries: (Entry | undefined)[] = new Array<Entry | undefined>(SLOTS).fill(undefined);
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text of `bytes[start..end)`; undefined if it is too long for the table. */
export function keyOf(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > MAX_BYTES) return undefined;
  // FNV-1a: one multiplication a byte and good enough for words. http://www.isthe.com/chongo/tech/comp/fnv/
  let hash = 0x811c9dc5;
  for (let pos = start; pos < end; pos++) hash = Math.imul(hash ^ (bytes[pos] as number), 0x01000193); // pos < bytes.length
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const entry = entries[slot];
  if (entry && isSame(entry.bytes, bytes, start, end)) return entry.text;
  const copy = bytes.slice(start, end);
  const text = utf8.decode(copy);
  entries[slot] = { bytes: copy, text };
  return text;
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}
