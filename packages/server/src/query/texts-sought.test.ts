import { parseFilter } from "@sightline/wire/filter/parser";
import { expect, test } from "vitest";
import { textsSought } from "./texts-sought.ts";

function sought(text: string) {
  const result = parseFilter(text);
  if (!result.ok) throw new Error(result.error.message);
  return textsSought(result.filter);
}

test("free texts and the longest literals of patterns are sought, wherever they stand", () => {
  expect(sought("refund AND (status = 'OK' OR 'two words')")).toEqual(["refund", "two words"]);
  expect(sought("span(input ILIKE '%a_long\\_one%b%' AND name = 'x')")).toEqual(["long_one"]);
});

test("what NOT rules out, other fields and no filter at all give nothing", () => {
  expect(sought("NOT refund")).toEqual([]);
  expect(sought("name LIKE '%refund%' AND span.content LIKE '%'")).toEqual([]);
  expect(textsSought(undefined)).toEqual([]);
});
