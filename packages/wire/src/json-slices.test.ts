import { expect, test } from "vitest";
import { sliceItems, sliceMembers } from "./json-slices.ts";

test("members of an object keep their text, number by number", () => {
  const text = ' { "a" : 1.0 ,"b":\t12345678901234567890, "c":{"d":[1, "}"]} ,"e":"\\\\\\"x","f":null}\n';
  expect([...sliceMembers(text)]).toEqual([
    ["a", "1.0"],
    ["b", "12345678901234567890"],
    ["c", '{"d":[1, "}"]}'],
    ["e", '"\\\\\\"x"'],
    ["f", "null"],
  ]);
  expect(sliceMembers("{}").size).toBe(0);
});

test("of equal keys the last counts, and keys are unescaped", () => {
  expect([...sliceMembers('{"\\u0061":1,"a":2}')]).toEqual([["a", "2"]]);
});

test("items of an array keep their text", () => {
  expect(sliceItems(' [ 1.50, "a,]" , [ [] ], {"b":1},true ] ')).toEqual([
    "1.50",
    '"a,]"',
    "[ [] ]",
    '{"b":1}',
    "true",
  ]);
  expect(sliceItems("[]")).toEqual([]);
});

test("slices of random values parse to the values", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  const strings = ["", "a", '"', "\\", '\\"', "}],{[", "é\n", "\u2028"];
  const value = (depth: number): unknown => {
    switch (random(depth > 3 ? 4 : 6)) {
      case 0:
        return random(1000) - 500;
      case 1:
        return null;
      case 2:
        return random(2) === 0;
      case 3:
        return strings[random(strings.length)];
      case 4:
        return Array.from({ length: random(4) }, () => value(depth + 1));
      default:
        return Object.fromEntries(
          Array.from({ length: random(4) }, (_, index) => [
            `${strings[random(strings.length)]}${index}`,
            value(depth + 1),
          ]),
        );
    }
  };
  for (let round = 0; round < 500; round++) {
    const object = { first: value(0), second: value(0), third: value(0) };
    for (const indent of [undefined, 2]) {
      const members = [...sliceMembers(JSON.stringify(object, null, indent))];
      expect(members.map(([key, text]) => [key, JSON.parse(text)])).toEqual(Object.entries(object));
      const items = sliceItems(JSON.stringify(Object.values(object), null, indent));
      expect(items.map((text) => JSON.parse(text))).toEqual(Object.values(object));
    }
  }
});

test("deep nesting does not exhaust the stack", () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  expect(sliceMembers(`{"deep":${deep},"after":1}`).get("after")).toBe("1");
});
