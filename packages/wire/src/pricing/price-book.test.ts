import { expect, test } from "vitest";
import { ModelPrice } from "../model/model-price.ts";
import { parseRfc3339 } from "../time.ts";
import { createPriceBook, parseEffectiveFrom } from "./price-book.ts";
import { PRICE_SOURCES, priceList } from "./price-list.ts";

const at = (text: string) => parseRfc3339(`${text}T12:00:00Z`) ?? 0n;
const now = at("2026-11-24");
const book = createPriceBook([priceList]);

/** `provider/model: input, output`. */
const shown = (model: string, provider = "", moment = now) => {
  const price = book.priceOf(model, provider, moment);
  return price && `${price.provider} ${price.model} ${price.usdPerMillion.input}/${price.usdPerMillion.output}`;
};

test.each([
  ["gpt-4o", "openai", "openai gpt-4o 2.5/10"],
  ["gpt-4o-2024-08-06", "openai", "openai gpt-4o 2.5/10"],
  ["gpt-4o-2024-05-13", "azure.ai.openai", "openai gpt-4o-2024-05-13 5/15"],
  ["GPT-4o-mini-2024-07-18", "", "openai gpt-4o-mini 0.15/0.6"],
  ["openai/gpt-4.1-nano", "litellm", "openai gpt-4.1-nano 0.1/0.4"],
  ["openrouter/openai/o4-mini-2025-04-16", "", "openai o4-mini 1.1/4.4"],
  ["gpt-4-1106-preview", "openai", "openai gpt-4-*-preview 10/30"],
  ["gpt-4-turbo-preview", "openai", "openai gpt-4-turbo-preview 10/30"],
  ["gpt-4-0613", "openai", "openai gpt-4 30/60"],
  ["gpt-5.1-codex-max", "openai", "openai gpt-5.1-* 1.25/10"],
  ["gpt-5.1-codex-mini", "openai", "openai gpt-5.1-codex-mini 0.25/2"],
  ["claude-3-5-sonnet-latest", "anthropic", "anthropic claude-3-5-sonnet 3/15"],
  ["claude-sonnet-4-20250514", "anthropic", "anthropic claude-sonnet-4 3/15"],
  ["claude-opus-4-5-20251101", "anthropic", "anthropic claude-opus-4-5 5/25"],
  ["us.anthropic.claude-3-7-sonnet-20250219-v1:0", "aws.bedrock", "anthropic claude-3-7-sonnet 3/15"],
  ["anthropic.claude-3-haiku-20240307-v1:0", "bedrock", "anthropic claude-3-haiku 0.25/1.25"],
  ["claude-3-5-haiku@20241022", "vertex_ai", "anthropic claude-3-5-haiku 0.8/4"],
  ["anthropic/claude-3.7-sonnet:thinking", "openrouter", "anthropic claude-3-7-sonnet 3/15"],
  ["anthropic/claude-opus-4.1", "openrouter", "anthropic claude-opus-4-1 15/75"],
  ["claude-2.1", "anthropic", "anthropic claude-2* 8/24"],
  ["models/gemini-2.0-flash-001", "gemini", "google gemini-2.0-flash 0.1/0.4"],
  ["gemini-2.5-pro-preview-05-06", "google", "google gemini-2.5-pro 1.25/10"],
  ["gemini-2.5-flash-preview-09-2025", "google", "google gemini-2.5-flash 0.3/2.5"],
  ["mistral-large-latest", "mistral_ai", "mistral mistral-large 2/6"],
  ["mistral-small-2409", "mistral", "mistral mistral-small 0.1/0.3"],
  ["llama-3.3-70b-versatile", "groq", "groq llama-3.3-70b-versatile 0.59/0.79"],
  ["meta-llama/llama-4-scout-17b-16e-instruct", "groq", "groq llama-4-scout-17b-16e-instruct 0.11/0.34"],
  ["openai/gpt-oss-120b", "groq", "groq gpt-oss-120b 0.15/0.6"],
  ["command-r-plus-08-2024", "cohere", "cohere command-r-plus 2.5/10"],
  ["command-r-plus-04-2024", "cohere", "cohere command-r-plus-04-2024 3/15"],
  ["us.amazon.nova-lite-v1:0", "aws.bedrock", "amazon nova-lite 0.06/0.24"],
  ["amazon.titan-embed-text-v2:0", "aws.bedrock", "amazon titan-embed-text-v2 0.02/0"],
  ["amazon.titan-text-express-v1", "aws.bedrock", "amazon titan-text-express 0.2/0.6"],
  ["meta.llama3-1-70b-instruct-v1:0", "aws.bedrock", "meta llama3-1-70b-instruct 0.72/0.72"],
  ["text-embedding-3-small", "openai", "openai text-embedding-3-small 0.02/0"],
  ["grok-4-0709", "xai", "xai grok-4 3/15"],
])("%s of %s is priced as %s", (model, provider, price) => {
  expect(shown(model, provider)).toBe(price);
});

test.each(["", "my-model", "ft:gpt-4o-2024-08-06:org::id", "gpt", "claude", "constructor", "o"])(
  'the model "%s" has no price',
  (model) => {
    expect(shown(model, "openai")).toBeUndefined();
  },
);

test("a price that changed is that of the day of the call", () => {
  expect(shown("o3", "openai", at("2025-06-09"))).toBe("openai o3 10/40");
  expect(shown("o3", "openai", at("2025-06-10"))).toBe("openai o3 2/8");
  expect(shown("deepseek-chat", "deepseek", at("2025-03-01"))).toBe("deepseek deepseek-chat 0.27/1.1");
  expect(shown("deepseek-chat", "deepseek", at("2025-09-10"))).toBe("deepseek deepseek-chat 0.56/1.68");
  expect(shown("deepseek-chat", "deepseek", at("2025-12-01"))).toBe("deepseek deepseek-chat 0.28/0.42");
});

const row = (model: string, input: number, more: Partial<ModelPrice> = {}): ModelPrice => ({
  provider: "",
  model,
  usdPerMillion: { input, output: input },
  ...more,
});
const inputOf = (lists: ModelPrice[][], model: string, provider = "", moment = now) =>
  createPriceBook(lists).priceOf(model, provider, moment)?.usdPerMillion.input;

test("an earlier list wins, from its date on", () => {
  const lists = [[row("m", 1, { effectiveFrom: "2026-01-01" })], [row("m", 2)]];
  expect(inputOf(lists, "m")).toBe(1);
  expect(inputOf(lists, "m", "", at("2025-12-31"))).toBe(2);
});

test("a price for another provider does not hide the one of the provider that served", () => {
  const lists = [[row("m", 1, { provider: "azure" })], [row("m", 2, { provider: "openai" })]];
  expect(inputOf(lists, "m", "openai")).toBe(2);
  expect(inputOf(lists, "m", "azure")).toBe(1);
  expect(inputOf(lists, "azure/m")).toBe(1);
  // Nobody said who served it: people's own price.
  expect(inputOf(lists, "m")).toBe(1);
});

test("a more exact name wins, and a plain name over a pattern", () => {
  const list = [row("m*", 1), row("m-2024*", 2), row("m", 3), row("m-2024-01-01", 4)];
  expect(inputOf([list], "m-2024-01-01")).toBe(4);
  expect(inputOf([list], "m-2024-02-02")).toBe(2);
  expect(inputOf([list], "m")).toBe(3);
  expect(inputOf([list], "mx")).toBe(1);
  expect(inputOf([[row("a*b*c", 1)]], "axxbyyc")).toBe(1);
  expect(inputOf([[row("a*b*c", 1)]], "ac")).toBeUndefined();
  expect(inputOf([[row("ab*ba", 1)]], "aba")).toBeUndefined();
});

test("more models than are remembered are priced as well", () => {
  for (let index = 0; index < 5000; index++) book.priceOf(`made-up-${index}`, "", now);
  expect(shown("gpt-4o")).toBe("openai gpt-4o 2.5/10");
});

test("every row of the list is a price, of a provider whose source is named, and none is there twice", () => {
  const keys = priceList.map(({ provider, model, effectiveFrom = "" }) => `${provider} ${model} ${effectiveFrom}`);
  expect(new Set(keys).size).toBe(keys.length);
  for (const price of priceList) {
    expect(ModelPrice.parse(price)).toEqual(price);
    expect(PRICE_SOURCES).toHaveProperty(price.provider);
    expect(price.model).toBe(price.model.toLowerCase());
    if (price.effectiveFrom !== undefined) expect(parseEffectiveFrom(price.effectiveFrom)).toBeGreaterThan(0n);
    const { input, output, cacheRead = 0, cacheWrite = 0 } = price.usdPerMillion;
    expect(cacheRead).toBeLessThanOrEqual(input);
    expect(cacheWrite).toBeLessThanOrEqual(2 * input);
    expect(output === 0 || output >= input).toBe(true);
  }
});

test("every plain name of the list finds its own row, if it is not one of a price that changed", () => {
  const changing = new Set(priceList.filter(({ effectiveFrom }) => effectiveFrom).map(({ model }) => model));
  for (const price of priceList) {
    if (price.model.includes("*") || changing.has(price.model)) continue;
    expect(book.priceOf(price.model, price.provider, now)).toBe(price);
  }
});
