import fc from "fast-check";
import { expect, test } from "vitest";
import { nestsDeeper, parseShallow } from "./parse-shallow.ts";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test("the depth of JSON text is the depth of its value, whatever its strings hold", () => {
  const leaf = fc.oneof(fc.string(), fc.constantFrom('"', "\\", '\\"', "[[[[", "}}", '"[', "\\\\"), fc.integer());
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      leaf,
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(leaf.map(String), tie("tree"), { maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(tree, fc.nat(8), fc.integer({ min: 0, max: 2 }), (value, levels, indent) => {
      expect(nestsDeeper(JSON.stringify(value, null, indent), levels)).toBe(depthOf(value) > levels);
    }),
    { numRuns: 500 },
  );
});

test("JSON is parsed up to 64 levels and 256 Ki characters", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  expect(parseShallow(nested(64))).toBeInstanceOf(Array);
  expect(parseShallow(nested(65))).toBeUndefined();
  expect(parseShallow(JSON.stringify("x".repeat(262_142)))).toHaveLength(262_142);
  expect(parseShallow(JSON.stringify("x".repeat(262_143)))).toBeUndefined();
  expect(parseShallow('{"a":"[')).toBeUndefined();
  expect(parseShallow("[1]")).toEqual([1]);
});
