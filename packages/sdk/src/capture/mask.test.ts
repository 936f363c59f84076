import { expect, test } from "vitest";
import { maskSecrets } from "./mask.ts";

test.each([
  [
    "Incorrect API key provided: sk-proj-abcdefghijklmnop1234. Find yours",
    "Incorrect API key provided: sk-p[masked]. Find yours",
  ],
  ["key gsk_abcdefghijklmnopqrst used", "key gsk_[masked] used"],
  ["Authorization: Bearer abc.def-ghijklmnop=", "Authorization: Bearer abc.[masked]"],
  ["AKIAABCDEFGHIJKLMNOP", "AKIA[masked]"],
  ["a risk-free, task-oriented text with sk-short stays", "a risk-free, task-oriented text with sk-short stays"],
])("%s", (text, masked) => {
  expect(maskSecrets(text)).toBe(masked);
});
