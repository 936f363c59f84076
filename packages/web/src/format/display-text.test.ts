import { expect, test } from "vitest";
import { displayText } from "./display-text.ts";

test("ordinary text of any script is the same value", () => {
  const text = "Hello\t我的訂單\n🎉 שלום";
  expect(displayText(text)).toBe(text);
});

test("terminal colours go, other controls become visible", () => {
  expect(displayText("\u001b[1;31mred\u001b[0m \u001b]0;title\u0007x\u0000y\r\nz")).toBe("red x\ufffdy\nz");
});

test("direction controls are written out", () => {
  expect(displayText("invoice\u202Efdp.exe")).toBe("invoice[U+202E]fdp.exe");
});
