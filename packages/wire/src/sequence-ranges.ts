/**
 * Sets of sequence numbers as ranges: `1-512,514`. An SDK says with them which of its spans a request holds, the server adds them up
 * and sees what never came.
 */

/** Whole numbers from 1 on, as ranges in ascending order; both ends belong to a range, and no two ranges touch. */
export type Sequences = readonly SequenceRange[];
type SequenceRange = readonly [first: number, last: number];

const RANGE = /^([1-9]\d{0,15})(?:-([1-9]\d{0,15}))?$/;

/**
 * Reads `1-512,514`; ranges may come in any order and overlap, "" is the empty set.
 *
 * @param maxRanges  a text with more is not read
 * @returns undefined if it cannot be read
 */
export function parseSequences(text: string, maxRanges = Number.POSITIVE_INFINITY): Sequences | undefined {
  if (text === "") return [];
  const ranges: SequenceRange[] = [];
  let isOrdered = true;
  for (const part of text.split(",")) {
    const match = RANGE.exec(part);
    const first = Number(match?.[1]);
    const last = match?.[2] === undefined ? first : Number(match[2]);
    // Also false for NaN.
    if (!(first <= last && last <= Number.MAX_SAFE_INTEGER) || ranges.length >= maxRanges) return undefined;
    if (first <= (ranges.at(-1)?.[1] ?? 0) + 1) isOrdered = false;
    ranges.push([first, last]);
  }
  if (isOrdered) return ranges;
  return join(ranges.sort(([a], [b]) => a - b));
}

/** `1-512,514`; "" for the empty set. */
export function formatSequences(sequences: Sequences): string {
  return sequences.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

/** All numbers that are in one of the two. */
export function unionSequences(a: Sequences, b: Sequences): Sequences {
  const [first] = b;
  if (first === undefined) return a;
  const end = a.at(-1);
  if (end === undefined) return b;
  // What a process sends next mostly lies behind all that it has sent: most unions look at the ends alone.
  if (first[0] > end[1] + 1) return [...a, ...b];
  const ordered: SequenceRange[] = [];
  let at = 0;
  for (const range of b) {
    for (let other = a[at]; other !== undefined && other[0] < range[0]; other = a[at]) {
      ordered.push(other);
      at += 1;
    }
    ordered.push(range);
  }
  return join([...ordered, ...a.slice(at)]);
}

/** How many numbers are in the set, of those up to a bound. */
export function countSequences(sequences: Sequences, upTo = Number.POSITIVE_INFINITY): number {
  let count = 0;
  for (const [first, last] of sequences) {
    if (first > upTo) break;
    count += Math.min(last, upTo) - first + 1;
  }
  return count;
}

/** The set without the numbers at these places: 0 is its lowest number. @param places  rising */
export function withoutPlaces(sequences: Sequences, places: readonly number[]): Sequences {
  const ranges: SequenceRange[] = [];
  let before = 0;
  let next = 0;
  for (const [first, last] of sequences) {
    let start = first;
    for (let place = places[next]; place !== undefined && first + place - before <= last; place = places[next]) {
      const gone = first + place - before;
      if (gone > start) ranges.push([start, gone - 1]);
      start = gone + 1;
      next += 1;
    }
    if (start <= last) ranges.push([start, last]);
    before += last - first + 1;
  }
  return ranges;
}

/** The set with its smallest gaps filled, so that it has at most so many ranges; the set itself when it has no more. */
export function fillGaps(sequences: Sequences, maxRanges: number): Sequences {
  const excess = sequences.length - maxRanges;
  if (excess <= 0) return sequences;
  const gaps = sequences
    .slice(1)
    .map(([first], index) => ({ index: index + 1, size: first - (sequences[index]?.[1] ?? 0) }))
    .sort((a, b) => a.size - b.size || a.index - b.index);
  const filled = new Set(gaps.slice(0, excess).map(({ index }) => index));
  const ranges: SequenceRange[] = [];
  for (const [index, [first, last]] of sequences.entries()) {
    const before = ranges.at(-1);
    if (before !== undefined && filled.has(index)) ranges[ranges.length - 1] = [before[0], last];
    else ranges.push([first, last]);
  }
  return ranges;
}

/** Joins ranges that overlap or touch. @param ordered  by their first number */
function join(ordered: readonly SequenceRange[]): Sequences {
  const ranges: SequenceRange[] = [];
  for (const [first, last] of ordered) {
    const before = ranges.at(-1);
    if (before === undefined || first > before[1] + 1) ranges.push([first, last]);
    else if (last > before[1]) ranges[ranges.length - 1] = [before[0], last];
  }
  return ranges;
}
