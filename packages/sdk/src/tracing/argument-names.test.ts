import { describe, expect, test } from "vitest";
import { namedInputs, parametersOf } from "./argument-names.ts";

// Made from text: a test runner's compiler would change what the source looks like.
const make = (source: string): ((...args: never[]) => unknown) => new Function(`return (${source})`)();
const names = (source: string): string[] =>
  parametersOf(make(source)).map(({ name, isRest }) => (isRest ? `...${name}` : name));

describe("names are read from", () => {
  test.each([
    ["function (a, b) {}", ["a", "b"]],
    ["function named(a) { return (x, y) => x; }", ["a"]],
    ["async function (question) {}", ["question"]],
    ["function* (n) {}", ["n"]],
    ["async function* named(n) {}", ["n"]],
    ["(a, b = 1, ...rest) => a", ["a", "b", "...rest"]],
    ["x => x", ["x"]],
    ["async x => x", ["x"]],
    ["$_ünïcode => 1", ["$_ünïcode"]],
    ["() => { return (a, b) }", []],
    ["(a = (1, 2), b = [3, 4], c = { d: 5 }) => a", ["a", "b", "c"]],
    ["(a = 'x,y)', b = \"(\", c = `,(`) => a", ["a", "b", "c"]],
    ["(a /* first, really */, // second\n b) => a", ["a", "b"]],
    ["({ city }, [first], plain, ...[many]) => city", ["arg0", "arg1", "plain", "...arg3"]],
    ["({ city } = {}, b) => city", ["arg0", "b"]],
    ["(a, b,) => a", ["a", "b"]],
    ["(a = /[),]/, b) => a", []],
    ["class { static method(a, b) {} }.method", ["a", "b"]],
    ["({ [`computed(1)`](a) {} })['computed(1)']", ["a"]],
    ["({ async *[Symbol.iterator](a) {} })[Symbol.iterator]", ["a"]],
    ["Math.max", []],
    ["(function (a) {}).bind(null)", []],
  ])("%s", (source, expected) => {
    expect(names(source)).toEqual(expected);
  });
});

describe("inputs", () => {
  const inputs = (source: string, ...args: unknown[]) => namedInputs(parametersOf(make(source)), args);

  test.each<[string, unknown, unknown]>([
    ["are named", inputs("(city, days) => 1", "Paris", 3), { city: "Paris", days: 3 }],
    ["that were not given are left out", inputs("(city, days = 1) => 1", "Paris"), { city: "Paris" }],
    ["that are undefined are left out", inputs("(a, b) => 1", undefined, 2), { b: 2 }],
    ["beyond the names are counted", inputs("(a) => 1", 1, 2), { a: 1, arg1: 2 }],
    ["of a rest parameter are a list", inputs("(a, ...more) => 1", 1, 2, 3), { a: 1, more: [2, 3] }],
    ["without names are counted", inputs("Math.max", 1, 2), { arg0: 1, arg1: 2 }],
  ])("%s", (_, actual, expected) => {
    expect(actual).toEqual(expected);
  });
});
