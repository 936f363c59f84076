import type { Utf8Text } from "@sightline/wire/otlp/utf8-text";
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { takeSnapshot } from "../capture/serialize.ts";
import { jsonOf } from "../testing/snapshots.ts";
import { JsonEncoder } from "./encode-json.ts";

const textOf = ({ chunks, length }: Utf8Text): string => {
  const bytes = Buffer.concat(chunks);
  expect(bytes.length).toBe(length);
  return bytes.toString("utf8");
};
const encode = (value: unknown): string => jsonOf(takeSnapshot(value));

/** Any UTF-16 at all: lone surrogates, controls, quotes. */
const anyText = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) });

test("any JSON value becomes the text that JSON.stringify gives", () => {
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "medium" },
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      anyText,
      fc.string(),
      fc.array(tie("value")),
      fc.dictionary(fc.oneof(anyText, fc.constantFrom("role", "content", "__proto__", "toString")), tie("value")),
    ),
  })).value;
  fc.assert(
    fc.property(json, (value) => {
      expect(encode(value)).toBe(JSON.stringify(value));
    }),
    { numRuns: 500 },
  );
});

test("long texts become the text that JSON.stringify gives, wherever they are cut into pieces", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("x", "é", "雨", "🌧", '"', "\n", "\ud800", "\udc00x", "a\udc00\ud800"),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 8180, max: 8200 }),
      (unit, shift, length) => {
        const text = "-".repeat(shift) + unit.repeat(length * 3);
        expect(encode({ text, after: 1 })).toBe(JSON.stringify({ text, after: 1 }));
      },
    ),
    { numRuns: 60 },
  );
});

test("numbers of all sizes become the text that JSON.stringify gives", () => {
  const numbers = [0, -0, 1, 9, 10, 99, 100, 999_999_999, 1e9, 1e21, -1, 0.1, 5e-324, Number.MAX_VALUE, 2 ** 53];
  expect(encode(numbers)).toBe(JSON.stringify(numbers));
});

test("objects with more keys than a shape takes, and with keys of any length, keep them all", () => {
  const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`key ${index}`, { index }]));
  const long = { ["k".repeat(50_000)]: 1, [`"${"雨".repeat(9000)}`]: [2], after: 3 };
  const dictionaries = Array.from({ length: 300 }, (_, index) => ({
    type: "row",
    [`user ${index}`]: index,
    last: true,
  }));
  const all = { wide, long, dictionaries };
  expect(encode(all)).toBe(JSON.stringify(all));
});

test("undefined is null, as it is in a list", () => {
  expect(encode(undefined)).toBe("null");
  expect(encode([undefined, { a: undefined }])).toBe("[null,{}]");
});

test("a snapshot that another copy of the SDK has taken is read alike", async () => {
  vi.resetModules();
  const other = await import("../capture/serialize.ts");
  expect(other.takeSnapshot).not.toBe(takeSnapshot);
  const rows = Array.from({ length: 200 }, (_, index) => ({ id: index, [`key ${index}`]: [{ nested: index }] }));
  const value = { rows, file: { [`${"k".repeat(200)}`]: {}, mimeType: "image/png", data: "QUJD".repeat(200) } };
  expect(jsonOf(other.takeSnapshot(value))).toBe(JSON.stringify(value));
});

describe("in steps", () => {
  test("no step writes more than two pieces of 64 KB", () => {
    const value = {
      text: "é\n".repeat(500_000),
      rows: Array.from({ length: 20_000 }, (_, id) => ({ id, name: `row ${id}` })),
    };
    const encoder = new JsonEncoder(takeSnapshot(value).tape);
    let before = 0;
    let steps = 0;
    for (let step = encoder.step(); ; step = encoder.step()) {
      expect(encoder.text.length - before).toBeLessThanOrEqual(128 * 1024);
      before = encoder.text.length;
      steps += 1;
      if (step === "done") break;
    }
    expect(steps).toBeGreaterThan(20);
    expect(textOf(encoder.text)).toBe(JSON.stringify(value));
  });

  test("two encoders that take turns do not disturb each other", () => {
    const values = ["a", "b"].map((letter) => Array.from({ length: 20_000 }, (_, index) => `${letter}${index}`));
    const encoders = values.map((value) => new JsonEncoder(takeSnapshot(value).tape));
    const isDone = [false, false];
    while (!isDone.every(Boolean)) {
      for (const [index, encoder] of encoders.entries()) if (!isDone[index]) isDone[index] = encoder.step() === "done";
    }
    expect(encoders.map(({ text }) => textOf(text))).toEqual(values.map((value) => JSON.stringify(value)));
  });
});
