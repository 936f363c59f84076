import fc from "fast-check";
import { expect, test } from "vitest";
import {
  countSequences,
  fillGaps,
  formatSequences,
  parseSequences,
  type Sequences,
  unionSequences,
  withoutPlaces,
} from "./sequence-ranges.ts";

const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 80 }), { maxLength: 60 });

function setOf(values: readonly number[]): Sequences {
  return parseSequences(values.join(",")) as Sequences;
}

function valuesOf(sequences: Sequences): number[] {
  return sequences.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
}

const sorted = (values: Iterable<number>) => [...new Set(values)].sort((a, b) => a - b);

test("numbers in any order become ranges that do not touch, and the text reads back as the same", () => {
  fc.assert(
    fc.property(numbers, (values) => {
      const sequences = setOf(values);
      expect(valuesOf(sequences)).toEqual(sorted(values));
      for (const [index, [first]] of sequences.entries()) {
        if (index > 0) expect(first).toBeGreaterThan((sequences[index - 1]?.[1] ?? 0) + 1);
      }
      expect(parseSequences(formatSequences(sequences))).toEqual(sequences);
      expect(countSequences(sequences)).toBe(values.length);
    }),
  );
});

test("a union holds what either holds, whichever comes first and however often it comes", () => {
  fc.assert(
    fc.property(numbers, numbers, numbers, (a, b, c) => {
      const [x, y, z] = [setOf(a), setOf(b), setOf(c)];
      const union = unionSequences(x, y);
      expect(union).toEqual(setOf([...new Set([...a, ...b])]));
      expect(unionSequences(y, x)).toEqual(union);
      expect(unionSequences(union, y)).toEqual(union);
      expect(unionSequences(unionSequences(x, y), z)).toEqual(unionSequences(x, unionSequences(y, z)));
    }),
  );
});

test("counting up to a bound counts the numbers up to it", () => {
  fc.assert(
    fc.property(numbers, fc.nat(90), (values, bound) => {
      expect(countSequences(setOf(values), bound)).toBe(values.filter((value) => value <= bound).length);
    }),
  );
});

test("numbers are taken out by their places", () => {
  fc.assert(
    fc.property(numbers, fc.uniqueArray(fc.nat(70)), (values, places) => {
      const rising = places.sort((a, b) => a - b);
      const left = valuesOf(setOf(values)).filter((_, index) => !rising.includes(index));
      expect(withoutPlaces(setOf(values), rising)).toEqual(setOf(left));
    }),
  );
});

test("filled gaps keep every number, leave at most so many ranges, and are the smallest ones", () => {
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 10 }), (values, max) => {
      const sequences = setOf(values);
      const filled = fillGaps(sequences, max);
      expect(filled.length).toBe(Math.min(sequences.length, max));
      expect(unionSequences(filled, sequences)).toEqual(filled);
      const gaps = (of: Sequences) => of.slice(1).map(([first], index) => first - (of[index]?.[1] ?? 0));
      const widest = gaps(sequences).sort((a, b) => b - a);
      expect(gaps(filled).sort((a, b) => b - a)).toEqual(widest.slice(0, Math.max(filled.length - 1, 0)));
    }),
  );
});

test("texts that are no ranges are not read", () => {
  for (const text of [",", "0", "1-", "-1", "2-1", "1,,2", "1 ,2", "1.5", "a", "1-2-3", "01", "9007199254740992"]) {
    expect(parseSequences(text), text).toBeUndefined();
  }
  expect(parseSequences("1-9007199254740991")).toEqual([[1, Number.MAX_SAFE_INTEGER]]);
  expect(parseSequences("1,3,5", 2)).toBeUndefined();
  expect(parseSequences("1,3", 2)).toEqual([
    [1, 1],
    [3, 3],
  ]);
});
