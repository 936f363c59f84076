import { describe, expect, test } from "vitest";
import { previewLine, scriptOf } from "./preview.ts";

describe("one line of a list", () => {
  test.each([
    ["Where is my order?", "Where is my order?"],
    ["## Answer\n\n- **Yes**, see [the page](https://a.example)\n- `HE-22`", "Answer Yes, see the page HE-22"],
    ['{"question":"Where?"}', "Where?"],
    ['{"city":"Taipei","days":3}', "city: Taipei · days: 3"],
    ['["a","b",{"c":1}]', 'a, b, {"c":1}'],
    ['{"cut off by the ser…', '{"cut off by the ser…'],
    ["我的訂單 **HE-157995**\n還沒有送到", "我的訂單 HE-157995 還沒有送到"],
  ])("%s", (text, line) => {
    expect(previewLine(text)).toBe(line);
  });
});

test("the script of a text tells its language", () => {
  expect(["hello", "我的訂單", "注文はどこ", "주문"].map(scriptOf)).toEqual([undefined, "zh-Hant", "ja", "ko"]);
});
