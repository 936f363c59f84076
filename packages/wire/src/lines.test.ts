import { expect, test } from "vitest";
import { readLines } from "./lines.ts";

async function linesOf(chunks: readonly string[], maxBytes = 100): Promise<[number, string | undefined][]> {
  const source = async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk);
  };
  const lines: [number, string | undefined][] = [];
  for await (const { number, bytes } of readLines(source(), maxBytes)) {
    lines.push([number, bytes && Buffer.from(bytes).toString()]);
  }
  return lines;
}

test("lines are the same however the bytes are cut", async () => {
  const expected = [
    [1, "ab"],
    [2, ""],
    [3, "c\r"],
    [4, "dé"],
  ];
  expect(await linesOf(["ab\n\nc\r\ndé"])).toEqual(expected);
  expect(await linesOf([..."ab\n\nc\r\ndé"])).toEqual(expected);
  expect(await linesOf(["ab\n", "\nc\r\ndé\n"])).toEqual(expected);
  expect(await linesOf([])).toEqual([]);
});

test("a line over the bound is skipped, the next ones are read", async () => {
  expect(await linesOf(["aaa", "aaa\nbb\n", "cccccc"], 5)).toEqual([
    [1, undefined],
    [2, "bb"],
    [3, undefined],
  ]);
});
