import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson, preview, RawJson, stringifyJson } from "./json.ts";

test("plain values are written as JSON.stringify writes them", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(stringifyJson(value)).toBe(JSON.stringify(value));
    }),
  );
});

test("what JSON has no form for is dropped or null, as in JSON.stringify", () => {
  const values = [
    undefined,
    () => 1,
    Symbol("s"),
    Number.NaN,
    Number.POSITIVE_INFINITY,
    new Date(0),
    { a: undefined, b: [undefined] },
  ];
  expect(stringifyJson(values)).toBe(JSON.stringify(values));
  expect(stringifyJson(undefined)).toBe("null");
});

test("bigints keep their digits and raw JSON goes in as it is", () => {
  const raw = new RawJson('{"n": 18446744073709551615}');
  expect(stringifyJson({ big: 2n ** 63n, list: [-1n, raw], raw })).toBe(
    '{"big":9223372036854775808,"list":[-1,{"n": 18446744073709551615}],"raw":{"n": 18446744073709551615}}',
  );
});

test("text that is not JSON is undefined", () => {
  expect(parseJson('{"a":[1]}')).toEqual({ a: [1] });
  expect(parseJson("null")).toBeNull();
  for (const text of ["", "{", "'a'", "undefined", "NaN"]) expect(parseJson(text)).toBeUndefined();
});

test("a preview is at most as long as asked and never ends in half a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 30 }), fc.integer({ min: 1, max: 30 }), (text, max) => {
      const cut = preview(text, max);
      expect(cut.length).toBeLessThanOrEqual(max);
      expect(cut.isWellFormed()).toBe(true);
      if (text.length <= max) expect(cut).toBe(text);
      else expect(text.startsWith(cut.slice(0, -1)) && cut.endsWith("…")).toBe(true);
    }),
  );
  expect(preview("a😀b", 3)).toBe("a…");
});
