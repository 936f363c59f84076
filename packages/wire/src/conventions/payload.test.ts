import fc from "fast-check";
import { expect, test } from "vitest";
import type { Attributes, AttributeValue } from "../otlp/span.ts";
import { attributesToJson, payloadFromAttribute, restoreAttributes, spellPlainly } from "./payload.ts";

test("JSON text of any kind is kept as it is", () => {
  for (const text of [
    '{"a": 1.0}',
    "[1,2]",
    '"quoted"',
    "42",
    "-1e9",
    "true",
    "false",
    "null",
    ' {"a":1}\n',
    "9007199254740993",
  ]) {
    expect(payloadFromAttribute("k", text)).toEqual({ json: text, source: { key: "k", form: "text" } });
  }
});

test("JSON text spelled with other escapes is kept in plain spelling, and comes back as it was spelled", () => {
  const python = String.raw`{"city": "\u5929\u6c23"}`;
  const payload = payloadFromAttribute("k", python);
  expect(payload).toEqual({ json: '{"city": "天氣"}', source: { key: "k", form: "text", escapes: "a-" } });
  expect(restoreAttributes({}, [payload])["k"]?.text).toBe(JSON.stringify(python));
  const mixed = String.raw`["\u5929", "氣"]`;
  expect(payloadFromAttribute("k", mixed)).toEqual({ json: '["天", "氣"]' });
});

test("a payload of any form is spelled plainly, with its attribute beside it when that cannot be told any more", () => {
  const value = { json: String.raw`{"a":"\u5929"}`, source: { key: "k", form: "value" } } as const;
  const { payload, attribute } = spellPlainly(value);
  expect(payload).toEqual({ json: '{"a":"天"}', source: { key: "k", form: "value", escapes: "a-" } });
  expect(attribute).toBeUndefined();
  expect(restoreAttributes({}, [payload])["k"]?.text).toBe(value.json);
  const mixed = { json: String.raw`["\u5929", "氣"]`, source: { key: "k", form: "value" } } as const;
  expect(spellPlainly(mixed)).toEqual({ payload: { json: '["天", "氣"]' }, attribute: mixed.json });
  expect(spellPlainly({ json: String.raw`"\/"` })).toEqual({ payload: { json: '"/"' } });
});

test("other text becomes a JSON string", () => {
  for (const text of ["", "hello", "{not json}", "nullable", "tru", "1 2", "[", "'a'", "Infinity", "01", "﻿{}"]) {
    expect(payloadFromAttribute("k", text)).toEqual({
      json: JSON.stringify(text),
      source: { key: "k", form: "string" },
    });
  }
});

test("structured values become their JSON, with every digit", () => {
  const value = { big: 2n ** 62n, bytes: new Uint8Array([1, 2, 255]), list: [null, true, 0.5], nan: Number.NaN };
  expect(payloadFromAttribute("k", value)).toEqual({
    json: '{"big":4611686018427387904,"bytes":{"bytesValue":"AQL/"},"list":[null,true,0.5],"nan":"NaN"}',
    source: { key: "k", form: "value" },
  });
});

test("attributes become JSON texts, without those that are kept elsewhere", () => {
  expect(attributesToJson({ s: "x", n: 1, b: false, none: null, kept: "…" }, ["kept"])).toEqual({
    s: '"x"',
    n: "1",
    b: "false",
    none: "null",
  });
});

const asPythonWrites = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

const value = fc.letrec<{ value: AttributeValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: "binary" }),
    fc.jsonValue().map((json) => JSON.stringify(json)),
    fc.jsonValue().map((json) => JSON.stringify(json).replace(/[^ -~]/g, asPythonWrites)),
    fc.jsonValue().map((json) => JSON.stringify(json).replaceAll("/", "\\/").replaceAll("a", "\\u0061")),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.constant(null),
    fc.uint8Array({ maxLength: 5 }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const key = fc.oneof(fc.string(), fc.constantFrom("__proto__", "input", "output"));
const attributes: fc.Arbitrary<Attributes> = fc.dictionary(key, value, { noNullPrototype: true });

test("attributes come back as they came, whichever of them are kept as payloads", () => {
  fc.assert(
    fc.property(attributes, fc.boolean(), fc.boolean(), (given, takeInput, takeOutput) => {
      const take = (name: string, wanted: boolean) =>
        wanted && Object.hasOwn(given, name) ? payloadFromAttribute(name, given[name] ?? null) : undefined;
      const payloads = [take("input", takeInput), take("output", takeOutput)];
      const stored = attributesToJson(
        given,
        payloads.flatMap((payload) => payload?.source?.key ?? []),
      );
      const restored = Object.entries(restoreAttributes(stored, payloads)).map(([name, raw]) => [name, raw.text]);
      expect(Object.fromEntries(restored)).toEqual(attributesToJson(given));
      for (const [, text] of restored) expect(() => JSON.parse(text ?? "")).not.toThrow();
    }),
  );
});

test("a payload without a source adds no attribute", () => {
  expect(restoreAttributes({}, [{ json: "[]" }, undefined])).toEqual({});
});
