import { expect, test } from "vitest";
import type { Attributes } from "../otlp/span.ts";
import { readFlattened, readMessageEvents } from "./message-list.ts";

test("a list comes together from attributes in any order and with gaps", () => {
  const attributes = {
    "m.10.text": "third",
    "m.2.text": "second",
    "m.0.text": "first",
    "m.2.tags.0": "a",
    "m.2.tags.3": "b",
    "m.count": 3,
    "mm.0.text": "other",
  };
  expect(readFlattened(attributes, "m")).toBe('[{"text":"first"},{"text":"second","tags":["a","b"]},{"text":"third"}]');
  expect(readFlattened(attributes, "x")).toBeUndefined();
});

test("segments that only repeat what is listed are left out", () => {
  expect(readFlattened({ "m.0.message.role": "user" }, "m", ["message"])).toBe('[{"role":"user"}]');
});

test("where a name is both a value and a prefix, what lies below is kept", () => {
  expect(readFlattened({ "m.0.content": "text", "m.0.content.0.text": "part" }, "m")).toBe(
    '[{"content":[{"text":"part"}]}]',
  );
  expect(readFlattened({ "m.0.content.0.text": "part", "m.0.content": "text" }, "m")).toBe(
    '[{"content":[{"text":"part"}]}]',
  );
});

test("hostile names neither reach the prototype nor make long lists", () => {
  expect(readFlattened({ "m.0.__proto__.polluted": true, "m.999999999.a": 1 }, "m")).toBe(
    '[{"__proto__":{"polluted":true}},{"a":1}]',
  );
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

const ROLES = { "gen_ai.user.message": "user", "gen_ai.choice": "assistant" };
const event = (name: string, attributes: Attributes) => ({ name, timeUnixNano: 0n, attributes });

test("events become messages, in their order; others are passed over", () => {
  const events = [
    event("gen_ai.user.message", { "gen_ai.system": "openai", content: "Hi" }),
    event("exception", { "exception.message": "no" }),
    event("gen_ai.choice", { index: 0, message: '{"content":"Hello","role":"model"}' }),
  ];
  expect(readMessageEvents(events, ROLES)).toBe(
    '[{"role":"user","content":"Hi"},{"role":"model","index":0,"content":"Hello"}]',
  );
  expect(readMessageEvents([event("exception", {})], ROLES)).toBeUndefined();
  expect(readMessageEvents([event("constructor", {})], ROLES)).toBeUndefined();
});
