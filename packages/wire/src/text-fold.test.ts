import { describe, expect, test } from "vitest";
import { foldText, textSays } from "./text-fold.ts";

describe("foldText", () => {
  test.each([
    ["GRÜSSE", "grüsse"],
    ["ПРИВЕТ", "привет"],
    ["ΟΔΟΣ", "οδοσ"],
    ["οδος", "οδοσ"],
    ["İ", "i̇"],
    ["天気 안녕 مرحبا 💡", "天気 안녕 مرحبا 💡"],
  ])("%s is compared as %s", (text, folded) => {
    expect(foldText(text)).toBe(folded);
  });
});

describe("textSays", () => {
  test("a word is found in any case, also inside a longer one", () => {
    expect(textSays("The Refund was REFUSED", "fund")).toBe(true);
    expect(textSays("ΟΔΟΣΗΜΑΝΣΗ", "οδος")).toBe(true);
    expect(textSays("refund", "refunds")).toBe(false);
  });

  test("a word is found behind the escapes of JSON inside of JSON", () => {
    expect(textSays(String.raw`{"arguments": "{\"city\": \u5929\u6c23}"}`, "天氣")).toBe(true);
    expect(textSays(String.raw`{"arguments": "\ud83d\udca1"}`, "💡")).toBe(true);
    expect(textSays(String.raw`{"arguments": "\u5929"}`, "天氣")).toBe(false);
  });
});
