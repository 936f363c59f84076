import fc from "fast-check";
import { expect, test } from "vitest";
import { keyOf } from "./key-cache.ts";

const utf8 = new TextEncoder();

test("the text of the bytes is given, seen before or not, whoever else shares its slot", () => {
  const words = fc.array(fc.string({ unit: "binary", maxLength: 15 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(words, fc.nat(10), (list, offset) => {
      for (const word of [...list, ...list]) {
        const bytes = new Uint8Array([...new Array(offset).fill(0x78), ...utf8.encode(word), 0x79]);
        expect(keyOf(bytes, offset, bytes.length - 1)).toBe(word);
      }
    }),
  );
});

test("a text longer than 64 bytes is not remembered", () => {
  expect(keyOf(utf8.encode("x".repeat(64)), 0, 64)).toBe("x".repeat(64));
  expect(keyOf(utf8.encode("x".repeat(65)), 0, 65)).toBeUndefined();
});
