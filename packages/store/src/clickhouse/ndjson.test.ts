import { expect, test } from "vitest";
import { NdjsonBatch } from "./ndjson.ts";

const DAY = 24n * 3600n * 1_000_000n;

function texts(batch: NdjsonBatch): string[] {
  return batch.buffers().map(String);
}

test("rows are lines; a buffer ends before it is too large, but a large row is kept whole", () => {
  const batch = new NdjsonBatch(10);
  for (const row of ["1234", "1234", "5", "12345678901234567890", "6"]) batch.add(row);
  expect(texts(batch)).toEqual(["1234\n1234\n", "5\n", "12345678901234567890\n", "6\n"]);
});

test("sizes are bytes, not characters", () => {
  const batch = new NdjsonBatch(10);
  batch.add("äää");
  batch.add("ä");
  expect(texts(batch)).toEqual(["äää\nä\n"]);
  const larger = new NdjsonBatch(9);
  larger.add("äää");
  larger.add("ä");
  expect(texts(larger)).toEqual(["äää\n", "ä\n"]);
});

test("a buffer has rows of at most a hundred months", () => {
  const batch = new NdjsonBatch();
  const starts = Array.from({ length: 400 }, (_, index) => BigInt(index) * 17n * DAY);
  for (const start of [...starts, ...starts]) batch.add(String(start), start);
  const months = texts(batch).map(
    (text) =>
      new Set(
        text
          .trim()
          .split("\n")
          .map((micros) => new Date(Number(micros) / 1000).toISOString().slice(0, 7)),
      ).size,
  );
  // 400 starts, 17 days apart, are 224 months.
  expect(Math.max(...months)).toBeLessThanOrEqual(100);
  expect(months.length).toBeLessThanOrEqual(5);
  const lines = texts(batch).join("").trim().split("\n");
  expect(lines.toSorted()).toEqual([...starts, ...starts].map(String).toSorted());
});

test("no rows, no buffers", () => {
  expect(new NdjsonBatch().buffers()).toEqual([]);
});
