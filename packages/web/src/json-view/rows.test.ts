import { expect, test } from "vitest";
import { INITIAL_STATE, type JsonRow, type JsonState, jsonRows, MEMBERS, writePath } from "./rows.ts";

const line = (row: JsonRow) => {
  const { content } = row;
  const shown =
    content.kind === "container"
      ? `${content.open ? "▾" : "▸"}${content.isArray ? "[" : "{"}${content.size}${content.fromText ? " text" : ""}`
      : content.kind === "more"
        ? `+${content.hidden}`
        : content.kind === "text"
          ? `text ${content.open ? "▾" : "▸"}`
          : JSON.stringify(row.value);
  return `${" ".repeat(row.depth)}${row.name === undefined ? "" : `${row.name}: `}${shown}`;
};
const lines = (value: unknown, state: Partial<JsonState> = {}) =>
  jsonRows(value, { ...INITIAL_STATE, ...state }).map(line);

test("objects, lists and leaves in their order", () => {
  expect(lines({ a: 1, b: [true, null, "x"], c: {}, d: [] })).toEqual([
    "▾{4",
    " a: 1",
    " b: ▾[3",
    "  0: true",
    "  1: null",
    '  2: "x"',
    " c: ▸{0",
    " d: ▸[0",
  ]);
});

test("deep and wide containers start closed and can be toggled, the root starts open", () => {
  const wide = Array.from({ length: 30 }, (_, i) => i);
  expect(lines({ wide })).toEqual(["▾{1", " wide: ▸[30"]);
  expect(lines({ wide }, { toggled: new Set(["/wide"]) })).toHaveLength(32);
  expect(lines({ a: { b: { c: { d: 1 } } } })).toEqual(["▾{1", " a: ▾{1", "  b: ▾{1", "   c: ▸{1"]);
  expect(lines([1], { toggled: new Set([""]) })).toEqual(["▸[1"]);
});

test("a text that holds JSON opens in place", () => {
  const value = { body: '{"ok":true}' };
  expect(lines(value)).toEqual(["▾{1", ' body: "{\\"ok\\":true}"']);
  expect(lines(value, { toggled: new Set(["/body"]) })).toEqual(["▾{1", " body: ▾{1 text", "  ok: true"]);
  expect(lines({ body: "{broken}" }, { toggled: new Set(["/body"]) })).toEqual(["▾{1", ' body: "{broken}"']);
});

test("long texts can be opened", () => {
  const value = { t: "x".repeat(200), n: "a\nb" };
  expect(lines(value)).toEqual(["▾{2", " t: text ▸", " n: text ▸"]);
  expect(lines(value, { toggled: new Set(["/t"]) })[1]).toBe(" t: text ▾");
});

test("a large list shows some of its members and says how many more there are", () => {
  const large = Array.from({ length: 2500 }, () => 0);
  expect(lines(large)).toHaveLength(MEMBERS + 2);
  expect(lines(large).at(-1)).toBe(" +1500");
  expect(lines(large, { shown: new Map([["", 2000]]) }).at(-1)).toBe(" +500");
  expect(lines(large, { shown: new Map([["", 3000]]) })).toHaveLength(2501);
});

test("names with slashes keep ids apart", () => {
  const ids = jsonRows({ "a/b": 1, a: { b: 2 } }, INITIAL_STATE).map((row) => row.id);
  expect(new Set(ids).size).toBe(ids.length);
});

test("values nested 5,000 levels deep do not overflow the stack", () => {
  const deep: unknown = JSON.parse("[".repeat(5000) + "]".repeat(5000));
  const toggled = new Set(Array.from({ length: 5000 }, (_, i) => "/0".repeat(i)).filter((id) => id.length >= 6));
  expect(jsonRows(deep, { toggled, shown: new Map() })).toHaveLength(5000);
});

test("paths as one writes them", () => {
  expect([[], ["messages", 0, "content"], ["headers", "x-id"], [0, "a"]].map(writePath)).toEqual([
    "$",
    "messages[0].content",
    'headers["x-id"]',
    "[0].a",
  ]);
});
