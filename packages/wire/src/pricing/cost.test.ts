import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readUsage } from "../conventions/usage.ts";
import type { ModelPrice } from "../model/model-price.ts";
import { bucketsOf, costOf, costOfSpan } from "./cost.ts";
import { createPriceBook } from "./price-book.ts";
import { priceList } from "./price-list.ts";

const price = (usdPerMillion: ModelPrice["usdPerMillion"], more: Partial<ModelPrice> = {}): ModelPrice => ({
  provider: "",
  model: "m",
  usdPerMillion,
  ...more,
});

describe("bucketsOf", () => {
  test("parts are taken out of their wholes", () => {
    const usage = {
      inputTokens: 100,
      outputTokens: 50,
      totalTokens: 150,
      cacheReadInputTokens: 60,
      cacheCreationInputTokens: 30,
      reasoningTokens: 20,
    };
    expect(bucketsOf(usage)).toEqual({ input: 10, cacheRead: 60, cacheWrite: 30, output: 30, reasoning: 20 });
  });

  test("parts that cannot be in their whole, or are said to be beside it, are counted beside it", () => {
    const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15, cacheReadInputTokens: 60, reasoningTokens: 9 };
    expect(bucketsOf(usage)).toEqual({ input: 10, cacheRead: 60, cacheWrite: 0, output: 5, reasoning: 9 });
    const small = { inputTokens: 100, outputTokens: 5, totalTokens: 105, cacheReadInputTokens: 60 };
    expect(bucketsOf(small, true)).toMatchObject({ input: 100, cacheRead: 60 });
    expect(bucketsOf(small)).toMatchObject({ input: 40, cacheRead: 60 });
  });

  test("every token is in one bucket, whatever the counts", () => {
    const count = fc.nat(10_000);
    const property = fc.property(count, count, count, count, count, (input, output, read, written, reasoning) => {
      const usage = {
        inputTokens: input + read + written,
        outputTokens: output + reasoning,
        totalTokens: input + read + written + output + reasoning,
        cacheReadInputTokens: read,
        cacheCreationInputTokens: written,
        reasoningTokens: reasoning,
      };
      expect(bucketsOf(usage)).toEqual({ input, cacheRead: read, cacheWrite: written, output, reasoning });
    });
    fc.assert(property);
  });
});

describe("costOf", () => {
  const buckets = {
    input: 1_000_000,
    cacheRead: 2_000_000,
    cacheWrite: 3_000_000,
    output: 4_000_000,
    reasoning: 5_000_000,
  };

  test("each bucket has its price", () => {
    const usd = { input: 1, cacheRead: 10, cacheWrite: 100, output: 1000, reasoning: 10_000 };
    expect(costOf(buckets, price(usd))).toBe(1 + 20 + 300 + 4000 + 50_000);
  });

  test("without prices of their own cache counts cost as input, reasoning as output", () => {
    expect(costOf(buckets, price({ input: 1, output: 10 }))).toBe(6 + 90);
  });

  test("a long prompt, cache included, makes the whole call dearer", () => {
    const longPrompt = { aboveInputTokens: 100, usdPerMillion: { input: 2, output: 20 } };
    const tiers = price({ input: 1, output: 10 }, { longPrompt });
    const call = { input: 40, cacheRead: 60, cacheWrite: 0, output: 10, reasoning: 0 };
    expect(costOf(call, tiers)).toBe(0.0002);
    expect(costOf({ ...call, cacheRead: 61 }, tiers)).toBe(0.000402);
  });

  test("sums of fractions are round", () => {
    const usd = { input: 0.1, output: 0.2 };
    expect(costOf({ input: 1, cacheRead: 0, cacheWrite: 0, output: 1, reasoning: 0 }, price(usd))).toBe(0.0000003);
  });
});

describe("costOfSpan", () => {
  const prices = createPriceBook([priceList]);
  const span = { provider: "openai", startTimeUnixNano: 1_795_508_709_000_000_000n, hasMlflowUsage: false };
  const cached = { inputTokens: 1000, outputTokens: 100, totalTokens: 1100, cacheReadInputTokens: 800 };

  test("is counted from normal counts: OpenAI's input has the cached tokens in it", () => {
    const cost = costOfSpan({ ...span, model: "gpt-4o-2024-08-06", usage: cached }, prices);
    expect(cost).toBeCloseTo((200 * 2.5 + 800 * 1.25 + 100 * 10) / 1e6, 12);
  });

  test("is counted from normal counts: Anthropic's were made so when they were read", () => {
    const rule = { input: ["i"], output: ["o"], cacheRead: ["r"], cacheCreation: ["w"], counts: "provider" } as const;
    const usage = readUsage(rule, { i: 200, o: 100, r: 800, w: 50 }, "anthropic claude-sonnet-4-5");
    expect(usage).toMatchObject({ inputTokens: 1050 });
    if (usage === undefined) throw new Error("no usage");
    const cost = costOfSpan({ ...span, provider: "anthropic", model: "claude-sonnet-4-5", usage }, prices);
    expect(cost).toBeCloseTo((200 * 3 + 800 * 0.3 + 50 * 3.75 + 100 * 15) / 1e6, 12);
  });

  test("MLflow's own counts leave Anthropic's cache beside the input, not OpenAI's", () => {
    const own = { ...span, usage: cached, hasMlflowUsage: true };
    expect(costOfSpan({ ...own, provider: "anthropic", model: "claude-sonnet-4-5" }, prices)).toBeCloseTo(
      (1000 * 3 + 800 * 0.3 + 100 * 15) / 1e6,
      12,
    );
    expect(costOfSpan({ ...own, model: "gpt-4o" }, prices)).toBeCloseTo((200 * 2.5 + 800 * 1.25 + 100 * 10) / 1e6, 12);
  });

  test("is not known without tokens, without a model or for a model without a price", () => {
    expect(costOfSpan({ ...span, model: "gpt-4o" }, prices)).toBeUndefined();
    expect(costOfSpan({ ...span, model: "", usage: cached }, prices)).toBeUndefined();
    expect(costOfSpan({ ...span, model: "mine", usage: cached }, prices)).toBeUndefined();
  });
});
