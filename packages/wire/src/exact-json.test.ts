import fc from "fast-check";
import { expect, test } from "vitest";
import { parseExactJson } from "./exact-json.ts";
import { stringifyJson } from "./json.ts";

test("integers that a double cannot hold become bigints", () => {
  const text =
    '[9007199254740991,9007199254740993,-12345678901234567890,1e20,12345678901234567890.5,"12345678901234567890"]';
  expect(parseExactJson(text)).toEqual([
    9007199254740991,
    9007199254740993n,
    -12345678901234567890n,
    1e20,
    Number("12345678901234567890.5"),
    "12345678901234567890",
  ]);
});

test("what stringifyJson writes comes back", () => {
  const big = fc.oneof(
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n }),
    fc.bigInt({ min: -(2n ** 64n), max: -(2n ** 53n) }),
  );
  const leaf = fc.oneof(big, fc.string({ unit: "binary" }), fc.maxSafeInteger(), fc.boolean(), fc.constant(null));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie("value")),
      fc.dictionary(fc.string(), tie("value"), { noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(value, (original) => {
      expect(parseExactJson(stringifyJson(original))).toEqual(original);
    }),
  );
});

test("what JSON.parse refuses is refused, also with a long integer in it", () => {
  for (const text of ["{", "{12345678901234567890: 1}", "[012345678901234567890]", "[12345678901234567890,]"]) {
    expect(() => parseExactJson(text)).toThrow(SyntaxError);
  }
});

test("digits of a fraction or an exponent are no integers", () => {
  for (const text of [
    "0.30000000000000004",
    "-1.2345678901234567e-7",
    "[1e0000000000000001]",
    "1E-00000000000000001",
  ]) {
    expect(parseExactJson(text)).toEqual(JSON.parse(text));
  }
  expect(parseExactJson("[0.1234567890123456789,-12345678901234567890]")).toEqual([
    0.12345678901234568,
    -12345678901234567890n,
  ]);
});
