/**
 * Sets of characters as ranges of code points.
 */

/** Code points from–to, both inclusive; sorted and apart from each other. */
export type CodeRanges = readonly (readonly [from: number, to: number])[];

export const LAST_CODE = 0x10_ff_ff;
/** Longest range whose letters are written out one by one to ignore case. */
const MAX_FOLDED_RANGE = 2000;

/** The same code points, sorted and apart from each other. */
export function merge(ranges: CodeRanges): CodeRanges {
  const merged: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((left, right) => left[0] - right[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** All code points that are not in the ranges, which must be merged. */
export function complement(ranges: CodeRanges): CodeRanges {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [from, to] of ranges) {
    if (from > next) rest.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= LAST_CODE) rest.push([next, LAST_CODE]);
  return rest;
}

/** The ranges and the other case of their letters, where that is one character. */
export function foldRanges(ranges: CodeRanges): CodeRanges {
  const folded: (readonly [number, number])[] = [...ranges];
  for (const [from, to] of ranges) {
    // A range as long as that has both cases already (\W and \S do), or is no range of letters.
    if (to - from > MAX_FOLDED_RANGE) continue;
    for (let code = from; code <= to; code++) {
      const char = String.fromCodePoint(code);
      for (const other of [char.toLowerCase(), char.toUpperCase()]) {
        if ([...other].length === 1) folded.push([other.codePointAt(0) ?? 0, other.codePointAt(0) ?? 0]);
      }
    }
  }
  return folded;
}

/** Half of a pair of UTF-16 units: no character. */
export function isSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff;
}
