import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tokens } from "./sql-text.ts";

const shape = (sql: string) => Array.from(tokens(sql), (token) => `${token.kind} ${token.text}`);

describe("tokens", () => {
  test.each([
    [
      "words, numbers and signs",
      "SELECT a.b1, 1.5e3 FROM t$x",
      ["word SELECT", "word a", "sign .", "word b1", "sign ,", "number 1.5e3", "word FROM", "word t$x"],
    ],
    [
      "backslashes and doubled quotes in strings",
      String.raw`'a\'b' 'c''d' 'e\\'`,
      [String.raw`string 'a\'b'`, "string 'c''d'", String.raw`string 'e\\'`],
    ],
    ["quoted names", '`a``b` "c;d"', ["quoted `a``b`", 'quoted "c;d"']],
    ["line comments", "1 -- ; '\n2 # ; '\n3 #! x\n4", ["number 1", "number 2", "number 3", "number 4"]],
    ["a # without blank is a sign", "#x", ["sign #", "word x"]],
    ["nested block comments", "1 /* ' /* ; */ ; */ 2", ["number 1", "number 2"]],
    [
      "here-documents",
      "$$a;'$$ $tag$ $$ ' $tag$ $1",
      ["string $$a;'$$", "string $tag$ $$ ' $tag$", "sign $", "number 1"],
    ],
    ["typographic quotes", "\u2018a;'\u2019 \u201cb;\u201d", ["string \u2018a;'\u2019", "quoted \u201cb;\u201d"]],
    ["what is not closed reaches to the end", "1 'abc;", ["number 1", "string 'abc;"]],
    ["a comment that is not closed reaches to the end", "1 /* /* */ ; 2", ["number 1"]],
  ])("%s", (_, sql, expected) => {
    expect(shape(sql)).toEqual(expected);
  });

  test("parameters have a name and a type; braces of other kinds are signs", () => {
    const found = Array.from(
      tokens("SELECT {a:Array(Map(String, Int64))}, { b : String }, {'k': 1}, '{c:String}', {d}"),
    );
    expect(found.flatMap((token) => token.parameter ?? [])).toEqual([
      { name: "a", type: "Array(Map(String, Int64))" },
      { name: "b", type: "String" },
    ]);
  });

  test("never throw, do not overlap and cover all but white space and comments", () => {
    const piece = fc.constantFrom(
      "'",
      '"',
      "`",
      "\\",
      ";",
      "/*",
      "*/",
      "--",
      "#",
      " ",
      "\n",
      "$$",
      "$a$",
      "\u2018",
      "\u2019",
      "a",
      "1",
      "{",
      "}",
      "{x:String}",
      "é",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const sql = pieces.join("");
        let at = 0;
        for (const token of tokens(sql)) {
          expect(token.start).toBeGreaterThanOrEqual(at);
          expect(token.end).toBeGreaterThan(token.start);
          expect(sql.slice(token.start, token.end)).toBe(token.text);
          at = token.end;
        }
        expect(at).toBeLessThanOrEqual(sql.length);
      }),
      { numRuns: 2000 },
    );
  });
});
