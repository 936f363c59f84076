/**
 * Text for payloads: pools that are made once and cut into slices, so that a span costs the generator two copies.
 *
 * English-like: 20,000 words whose frequencies follow Zipf's law, sentences with JSON-escaped line ends, and 1 word in 100 a
 * hexadecimal id, as order numbers and links are in real payloads. Chinese and Japanese: characters of everyday frequency
 * ranges. 64 MiB are long enough that two slices in one compressed block rarely overlap.
 */
import { seeded } from "./random.ts";

export type Script = "en" | "zh" | "ja";

/** Stands in a known 1 of 20,000 spans (see `traces.ts`) and nowhere else. */
export const RARE_WORD = "zaffrequill";
/** The same in Chinese. */
export const RARE_WORD_ZH = "量子纠缠态观测仪";
/** In no span. */
export const ABSENT_WORD = "qwvzkjxhplmody";

const WORDS = 20_000;
/** Rank of {@link commonWord}: in about half of all traces. */
const COMMON_RANK = 150;
const EN_POOL_BYTES = 64 * 2 ** 20;
const CJK_POOL_BYTES = 6 * 2 ** 20;
const SPACE = 0x20;
const BACKSLASH = 0x5c;

interface Pools {
  readonly words: readonly string[];
  readonly bytes: Readonly<Record<Script, Buffer>>;
}
let pools: Pools | undefined;

/** A word that stands in about half of all traces. */
export function commonWord(): string {
  return getPools().words[COMMON_RANK] as string;
}

/**
 * Fills `length` bytes with text that may stand between the quotes of a JSON string.
 *
 * @param place  in [0, 1): which slice of the pool
 */
export function writeText(script: Script, place: number, target: Buffer, offset: number, length: number): void {
  const pool = getPools().bytes[script];
  let start = Math.floor(place * (pool.length - length - 64));
  if (script === "en") {
    while (pool[start] !== SPACE) start += 1; // words are not cut at their beginning
    pool.copy(target, offset, start + 1, start + 1 + length);
    if (target[offset + length - 1] === BACKSLASH) target[offset + length - 1] = SPACE;
    return;
  }
  // Every character has three bytes in UTF-8; what does not hold one more is filled up.
  start -= start % 3;
  const whole = length - (length % 3);
  pool.copy(target, offset, start, start + whole);
  target.fill(SPACE, offset + whole, offset + length);
}

/** Puts a word into text that is there already, `skip` bytes after its beginning. */
export function writeWord(word: string, script: Script, target: Buffer, offset: number, skip: number): void {
  const at = offset + skip - (skip % 3);
  target.write(script === "en" ? ` ${word} ` : word, at);
}

function getPools(): Pools {
  pools ??= makePools();
  return pools;
}

function makePools(): Pools {
  const random = seeded(1);
  const words = makeWords(random);
  return { words, bytes: { en: englishPool(words, random), zh: chinesePool(random), ja: japanesePool(random) } };
}

/** Frequent words are short, as in real languages; no word twice, so that ranks mean frequencies. */
function makeWords(random: () => number): string[] {
  const words = new Set<string>();
  while (words.size < WORDS) {
    const length = 2 + Math.floor(random() * Math.min(10, 3 + words.size / 150));
    words.add(Array.from({ length }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join(""));
  }
  return [...words];
}

function englishPool(words: readonly string[], random: () => number): Buffer {
  const draw = zipf(words.length, random);
  const encoded = words.map((word) => Buffer.from(`${word} `));
  const pool = Buffer.alloc(EN_POOL_BYTES, SPACE);
  let at = 0;
  for (let count = 1; at < pool.length - 64; count += 1) {
    if (count % 100 === 0) {
      at += pool.write(`${Math.floor(random() * 2 ** 32).toString(16)} `, at);
      continue;
    }
    at += (encoded[draw()] as Buffer).copy(pool, at);
    // A sentence ends: a full stop and, in JSON's spelling, a line end.
    if (count % 14 === 0) at += pool.write(".\\n", at - 1) - 1;
  }
  return pool;
}

function chinesePool(random: () => number): Buffer {
  // U+4E00 to U+59FF: 3,072 characters, as many as everyday Chinese uses.
  const draw = zipf(3072, random);
  return characterPool(() => 0x4e00 + draw());
}

function japanesePool(random: () => number): Buffer {
  const kanji = zipf(2048, random);
  // Hiragana, katakana and kanji in about the proportion of running text.
  return characterPool(() => {
    const kind = random();
    if (kind < 0.5) return 0x3041 + Math.floor(random() * 83);
    return kind < 0.65 ? 0x30a1 + Math.floor(random() * 86) : 0x6700 + kanji();
  });
}

/** Code points from U+0800 to U+FFFF: three bytes each. */
function characterPool(next: () => number): Buffer {
  const pool = Buffer.alloc(CJK_POOL_BYTES);
  for (let at = 0; at < pool.length; at += 3) {
    const code = next();
    pool[at] = 0xe0 | (code >> 12);
    pool[at + 1] = 0x80 | ((code >> 6) & 0x3f);
    pool[at + 2] = 0x80 | (code & 0x3f);
  }
  return pool;
}

/** Draws ranks 0 to `count` - 1, rank r with a frequency of 1 / (r + 3), from a table of 65,536 quantiles. */
function zipf(count: number, random: () => number): () => number {
  const table = new Uint16Array(65_536);
  const weights = Array.from({ length: count }, (_, rank) => 1 / (rank + 3));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let rank = 0;
  let sum = 0;
  for (let slot = 0; slot < table.length; slot += 1) {
    while (rank < count - 1 && sum + (weights[rank] as number) < ((slot + 0.5) / table.length) * total) {
      sum += weights[rank] as number;
      rank += 1;
    }
    table[slot] = rank;
  }
  return () => table[Math.floor(random() * table.length)] as number;
}
