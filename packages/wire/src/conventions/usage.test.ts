import { expect, test } from "vitest";
import type { Attributes } from "../otlp/span.ts";
import type { UsageRule } from "./convention.ts";
import { readUsage } from "./usage.ts";

const NAMES = {
  input: ["in"],
  output: ["out"],
  total: ["total"],
  cacheRead: ["read"],
  cacheCreation: ["write"],
  reasoning: ["thought"],
};

function usage(attributes: Attributes, counts?: UsageRule["counts"], maker = "") {
  return readUsage({ ...NAMES, ...(counts && { counts }) }, attributes, maker);
}

test("parts inside their whole leave it as it is", () => {
  expect(usage({ in: 10, out: 5, total: 15, read: 4, thought: 2 })).toEqual({
    inputTokens: 10,
    outputTokens: 5,
    totalTokens: 15,
    cacheReadInputTokens: 4,
    reasoningTokens: 2,
  });
});

test("a part larger than its whole was counted outside of it", () => {
  expect(usage({ in: 10, out: 5, read: 2000, write: 100 })).toMatchObject({ inputTokens: 2110, totalTokens: 2115 });
  expect(usage({ in: 10, out: 5, thought: 50 })).toMatchObject({ outputTokens: 55, totalTokens: 65 });
});

test("a total that only adds up with a part says that the part is outside", () => {
  expect(usage({ in: 10, out: 5, total: 19, read: 4 })).toMatchObject({ inputTokens: 14, totalTokens: 19 });
  expect(usage({ in: 10, out: 5, total: 18, thought: 3 })).toMatchObject({ outputTokens: 8, totalTokens: 18 });
});

test("where the provider's own counts are passed on, the provider's rule holds, unless the total speaks against it", () => {
  const cached = { in: 100, out: 20, read: 60 };
  expect(usage(cached, "provider", "anthropic.messages claude-sonnet-4")).toMatchObject({ inputTokens: 160 });
  expect(usage(cached, "provider", "amazon-bedrock ")).toMatchObject({ inputTokens: 160 });
  expect(usage(cached, "provider", "openai.chat gpt-4o")).toMatchObject({ inputTokens: 100 });
  expect(usage({ ...cached, total: 120 }, "provider", "anthropic.messages")).toMatchObject({ inputTokens: 100 });
  expect(usage({ in: 9, out: 8, thought: 3 }, "provider", "google gemini-2.5")).toMatchObject({ outputTokens: 11 });
  expect(usage(cached, "normal", "anthropic")).toMatchObject({ inputTokens: 100 });
});

test("buckets are added up, unless the total says that they overlap", () => {
  expect(usage({ in: 10, out: 3, read: 4, total: 17 }, "buckets")).toMatchObject({ inputTokens: 14, totalTokens: 17 });
  expect(usage({ in: 10, out: 3, read: 4 }, "buckets")).toMatchObject({ inputTokens: 14, totalTokens: 17 });
  expect(usage({ in: 10, out: 3, read: 4, total: 13 }, "buckets")).toMatchObject({ inputTokens: 10, totalTokens: 13 });
});

test("verbatim counts are taken as they are", () => {
  expect(usage({ in: 10, out: 5, total: 15, read: 2000 }, "verbatim", "anthropic")).toEqual({
    inputTokens: 10,
    outputTokens: 5,
    totalTokens: 15,
    cacheReadInputTokens: 2000,
  });
});

test("what is missing follows from the total, or is 0", () => {
  expect(usage({ in: 10 })).toEqual({ inputTokens: 10, outputTokens: 0, totalTokens: 10 });
  expect(usage({ in: 10, total: 14 })).toEqual({ inputTokens: 10, outputTokens: 4, totalTokens: 14 });
  expect(usage({ out: 4, total: 14 })).toEqual({ inputTokens: 10, outputTokens: 4, totalTokens: 14 });
  expect(usage({ read: 4 })).toBeUndefined();
  expect(usage({})).toBeUndefined();
});

test("numbers may be text; what is no count is passed over", () => {
  expect(usage({ in: "10", out: 3n })).toMatchObject({ inputTokens: 10, outputTokens: 3 });
  expect(usage({ in: "many", out: -1, total: Number.NaN })).toBeUndefined();
});

test("counts inside a JSON attribute are found, also in inner objects", () => {
  const rule: UsageRule = { json: "usage", input: ["prompt"], output: ["completion"], cacheRead: ["details.cached"] };
  const text = '{"prompt": 7, "completion": 2, "details": {"cached": 3}}';
  const expected = { inputTokens: 7, outputTokens: 2, totalTokens: 9, cacheReadInputTokens: 3 };
  expect(readUsage(rule, { usage: text }, "")).toEqual(expected);
  expect(readUsage(rule, { usage: { prompt: 7, completion: 2, details: { cached: 3 } } }, "")).toEqual(expected);
  expect(readUsage(rule, { usage: "no json" }, "")).toBeUndefined();
  expect(readUsage({ ...rule, cacheRead: ["constructor.name"] }, { usage: text }, "")).toMatchObject({
    inputTokens: 7,
  });
});
