import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foreignEscapes, hasForeignEscapes, plainEscapes } from "./json-escapes.ts";

describe("plainEscapes", () => {
  test.each([
    ["Python", String.raw`{"a": "\u5929\u6c23 \ud83d\udca1 \u007f \b \u001f \" \\ /"}`, "a-7f1f"],
    ["Go", String.raw`{"a":"天氣 \u003cb\u003e \u0026 \u2028"}`, "l-3c3e26"],
    ["PHP", String.raw`{"a":"http:\/\/x\/ \u5929"}`, "as-"],
    [".NET", String.raw`{"a":"\u5929\u6C23 \u0022q\u0022 \u002B \u0027"}`, "au-222b27"],
  ])("the spelling of %s is known and can be turned back", (_, json, style) => {
    const plain = plainEscapes(json);
    expect(plain.style).toBe(style);
    expect(foreignEscapes(plain.json, style)).toBe(json);
    expect(JSON.parse(plain.json)).toEqual(JSON.parse(json));
    expect(JSON.stringify(JSON.parse(plain.json))).toBe(plain.json.replace('": "', '":"'));
  });

  test("a mixed spelling has no style, but its text is plain all the same", () => {
    expect(plainEscapes(String.raw`["\u5929", "氣"]`)).toEqual({ json: '["天", "氣"]' });
    expect(plainEscapes(String.raw`["\/", "/"]`)).toEqual({ json: '["/", "/"]' });
  });

  test("halves of surrogate pairs stay escaped, and so do JSON's own escapes of backslashes", () => {
    const json = String.raw`["\ud83d x \udca1", "\\u5929 \\/ \\\\u0041"]`;
    expect(plainEscapes(json).json).toBe(json);
  });

  test("any spelling of any text means the same afterwards, and a style gives back every byte", () => {
    const char = fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      fc.constantFrom("\\", '"', "/", "<", "\n"),
    );
    const spelled = fc.tuple(char, fc.nat(4)).map(([text, how]) => {
      if (how === 0) return JSON.stringify(text).slice(1, -1);
      if (how === 1) return text === "/" ? "\\/" : JSON.stringify(text).slice(1, -1);
      const hex = [...Array(text.length).keys()].map((index) => text.charCodeAt(index).toString(16).padStart(4, "0"));
      return hex.map((digits) => `\\u${how === 2 ? digits : digits.toUpperCase()}`).join("");
    });
    const json = fc.array(spelled, { maxLength: 12 }).map((parts) => `{"k":"${parts.join("")}","n":1e+5}`);
    fc.assert(
      fc.property(json, (text) => {
        const plain = plainEscapes(text);
        expect(JSON.parse(plain.json)).toEqual(JSON.parse(text));
        expect(plain.json).toBe(JSON.stringify(JSON.parse(text)).replace("100000", "1e+5"));
        if (plain.style !== undefined) expect(foreignEscapes(plain.json, plain.style)).toBe(text);
        if (!hasForeignEscapes(text)) expect(plain.json).toBe(text);
      }),
      { numRuns: 3000 },
    );
  });
});
