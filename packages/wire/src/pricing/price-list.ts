/**
 * The price list: public list prices of providers, USD per million tokens, without batch, priority and regional terms.
 *
 * As published in November 2026 (older models: as last published). One row a price; a price that changed has a row for each
 * period. Sources, per provider, are in {@link PRICE_SOURCES}. People put their own prices over these in the settings.
 */
import type { ModelPrice, TokenPrices } from "../model/model-price.ts";

/** Where the prices of each provider were read. */
export const PRICE_SOURCES: Readonly<Record<string, string>> = {
  openai: "https://openai.com/api/pricing and https://platform.openai.com/docs/pricing",
  anthropic: "https://platform.claude.com/docs/en/about-claude/pricing",
  google: "https://ai.google.dev/gemini-api/docs/pricing",
  mistral: "https://mistral.ai/pricing",
  groq: "https://groq.com/pricing",
  deepseek: "https://api-docs.deepseek.com/quick_start/pricing",
  cohere: "https://cohere.com/pricing",
  amazon: "https://aws.amazon.com/bedrock/pricing",
  meta: "https://aws.amazon.com/bedrock/pricing (Llama on Bedrock)",
  xai: "https://docs.x.ai/docs/models",
};

/** [model, input, output, cache read, cache write]; absent = as input. */
type Row = readonly [model: string, input: number, output: number, cacheRead?: number, cacheWrite?: number];

function rows(provider: string, list: readonly Row[], more: Partial<ModelPrice> = {}): ModelPrice[] {
  return list.map(([model, ...prices]) => ({ provider, model, usdPerMillion: tokenPrices(...prices), ...more }));
}

function tokenPrices(input: number, output: number, cacheRead?: number, cacheWrite?: number): TokenPrices {
  return {
    input,
    output,
    ...(cacheRead !== undefined && { cacheRead }),
    ...(cacheWrite !== undefined && { cacheWrite }),
  };
}

const openai = rows("openai", [
  ["gpt-3.5-turbo", 0.5, 1.5],
  ["gpt-3.5-turbo-16k", 3, 4],
  ["gpt-35-turbo", 0.5, 1.5],
  ["gpt-4", 30, 60],
  ["gpt-4-32k", 60, 120],
  ["gpt-4-turbo", 10, 30],
  ["gpt-4-turbo-preview", 10, 30],
  ["gpt-4-*-preview", 10, 30],
  ["gpt-4o", 2.5, 10, 1.25],
  ["gpt-4o-2024-05-13", 5, 15],
  ["chatgpt-4o-latest", 5, 15],
  ["gpt-4o-mini", 0.15, 0.6, 0.075],
  ["gpt-4.1", 2, 8, 0.5],
  ["gpt-4.1-mini", 0.4, 1.6, 0.1],
  ["gpt-4.1-nano", 0.1, 0.4, 0.025],
  ["gpt-4.5-preview", 75, 150, 37.5],
  ["o1", 15, 60, 7.5],
  ["o1-preview", 15, 60, 7.5],
  ["o1-mini", 1.1, 4.4, 0.55],
  ["o1-pro", 150, 600],
  ["o3-mini", 1.1, 4.4, 0.55],
  ["o3-pro", 20, 80],
  ["o4-mini", 1.1, 4.4, 0.275],
  ["gpt-5", 1.25, 10, 0.125],
  ["gpt-5-chat-latest", 1.25, 10, 0.125],
  ["gpt-5-codex", 1.25, 10, 0.125],
  ["gpt-5-mini", 0.25, 2, 0.025],
  ["gpt-5-nano", 0.05, 0.4, 0.005],
  ["gpt-5-pro", 15, 120],
  ["gpt-5.1", 1.25, 10, 0.125],
  ["gpt-5.1-*", 1.25, 10, 0.125],
  ["gpt-5.1-codex-mini", 0.25, 2, 0.025],
  ["gpt-5.2", 1.75, 14, 0.175],
  ["gpt-5.2-chat-latest", 1.75, 14, 0.175],
  ["gpt-5.4", 2.5, 15, 0.25],
  ["gpt-5.4-mini", 0.75, 4.5, 0.075],
  ["gpt-5.4-nano", 0.2, 1.25, 0.02],
  ["gpt-5.4-pro", 30, 180],
  ["gpt-5.5", 5, 30, 0.5],
  ["gpt-5.5-pro", 30, 180],
  ["text-embedding-3-small", 0.02, 0],
  ["text-embedding-3-large", 0.13, 0],
  ["text-embedding-ada-002", 0.1, 0],
]);

/** Of the same provider, for models whose price changed. */
const openaiChanges: ModelPrice[] = [
  ...rows("openai", [["o3", 10, 40, 2.5]]),
  ...rows("openai", [["o3", 2, 8, 0.5]], { effectiveFrom: "2025-06-10" }),
];

const anthropic = rows("anthropic", [
  ["claude-2*", 8, 24],
  ["claude-instant*", 0.8, 2.4],
  ["claude-3-haiku", 0.25, 1.25, 0.03, 0.3],
  ["claude-3-sonnet", 3, 15, 0.3, 3.75],
  ["claude-3-opus", 15, 75, 1.5, 18.75],
  ["claude-3-5-haiku", 0.8, 4, 0.08, 1],
  ["claude-3-5-sonnet", 3, 15, 0.3, 3.75],
  ["claude-3-7-sonnet", 3, 15, 0.3, 3.75],
  ["claude-sonnet-4-5", 3, 15, 0.3, 3.75],
  ["claude-sonnet-4-6", 3, 15, 0.3, 3.75],
  ["claude-sonnet-5", 2, 10, 0.2, 2.5],
  ["claude-haiku-4-5", 1, 5, 0.1, 1.25],
  ["claude-opus-4", 15, 75, 1.5, 18.75],
  ["claude-opus-4-0", 15, 75, 1.5, 18.75],
  ["claude-opus-4-1", 15, 75, 1.5, 18.75],
  ["claude-opus-4-5", 5, 25, 0.5, 6.25],
  ["claude-opus-4-6", 5, 25, 0.5, 6.25],
  ["claude-opus-4-7", 5, 25, 0.5, 6.25],
  ["claude-opus-4-8", 5, 25, 0.5, 6.25],
  ["claude-opus-5", 5, 25, 0.5, 6.25],
  ["claude-fable-5", 10, 50, 1, 12.5],
  ["claude-fable-5-1", 10, 50, 0.25, 12.5],
]);

/** Cache writes are those of five minutes; the ones of an hour cost more, but no usage tells them apart. */
const anthropicMore: ModelPrice[] = [
  ...rows("anthropic", [["claude-sonnet-5-5", 2, 10, 0.2, 2.5]]),
  ...rows("anthropic", [["claude-sonnet-5-5", 2, 10, 0.1, 2.5]], { effectiveFrom: "2026-10-07" }),
  ...rows(
    "anthropic",
    [
      ["claude-sonnet-4", 3, 15, 0.3, 3.75],
      ["claude-sonnet-4-0", 3, 15, 0.3, 3.75],
    ],
    { longPrompt: { aboveInputTokens: 200_000, usdPerMillion: tokenPrices(6, 22.5, 0.6, 7.5) } },
  ),
  ...rows("anthropic", [["claude-haiku-5-5", 0.1, 0.5, 0.01, 0.125]], {
    longPrompt: { aboveInputTokens: 100_000, usdPerMillion: tokenPrices(0.5, 2.5, 0.05, 0.625) },
  }),
];

const google: ModelPrice[] = [
  ...rows("google", [
    ["gemini-1.0-pro", 0.5, 1.5],
    ["gemini-pro", 0.5, 1.5],
    ["gemini-2.0-flash", 0.1, 0.4, 0.025],
    ["gemini-2.0-flash-lite", 0.075, 0.3],
    ["gemini-2.5-flash", 0.3, 2.5, 0.03],
    ["gemini-2.5-flash-lite", 0.1, 0.4, 0.01],
    ["gemini-3-flash", 0.5, 3, 0.05],
    ["gemini-3.1-flash-lite", 0.25, 1.5, 0.025],
    ["gemini-3.5-flash", 1.5, 9, 0.15],
    ["gemini-embedding-001", 0.15, 0],
  ]),
  ...rows("google", [["gemini-1.5-flash", 0.075, 0.3, 0.01875]], {
    longPrompt: { aboveInputTokens: 128_000, usdPerMillion: tokenPrices(0.15, 0.6, 0.0375) },
  }),
  ...rows("google", [["gemini-1.5-flash-8b", 0.0375, 0.15, 0.01]], {
    longPrompt: { aboveInputTokens: 128_000, usdPerMillion: tokenPrices(0.075, 0.3, 0.02) },
  }),
  ...rows("google", [["gemini-1.5-pro", 1.25, 5, 0.3125]], {
    longPrompt: { aboveInputTokens: 128_000, usdPerMillion: tokenPrices(2.5, 10, 0.625) },
  }),
  ...rows("google", [["gemini-2.5-pro", 1.25, 10, 0.125]], {
    longPrompt: { aboveInputTokens: 200_000, usdPerMillion: tokenPrices(2.5, 15, 0.25) },
  }),
  ...rows(
    "google",
    [
      ["gemini-3-pro", 2, 12, 0.2],
      ["gemini-3.1-pro", 2, 12, 0.2],
    ],
    { longPrompt: { aboveInputTokens: 200_000, usdPerMillion: tokenPrices(4, 18, 0.4) } },
  ),
];

const mistral = rows("mistral", [
  ["mistral-large", 2, 6],
  ["mistral-medium", 0.4, 2],
  ["mistral-small", 0.1, 0.3],
  ["magistral-medium", 2, 5],
  ["magistral-small", 0.5, 1.5],
  ["codestral", 0.3, 0.9],
  ["devstral-medium", 0.4, 2],
  ["devstral-small", 0.1, 0.3],
  ["pixtral-large", 2, 6],
  ["pixtral-12b", 0.15, 0.15],
  ["ministral-8b", 0.1, 0.1],
  ["ministral-3b", 0.04, 0.04],
  ["open-mistral-nemo", 0.15, 0.15],
  ["open-mistral-7b", 0.25, 0.25],
  ["open-mixtral-8x7b", 0.7, 0.7],
  ["open-mixtral-8x22b", 2, 6],
  ["mistral-embed", 0.1, 0],
]);

const groq = rows("groq", [
  ["llama-3.1-8b-instant", 0.05, 0.08],
  ["llama-3.3-70b-versatile", 0.59, 0.79],
  ["llama3-8b-8192", 0.05, 0.08],
  ["llama3-70b-8192", 0.59, 0.79],
  ["llama-4-scout-17b-16e-instruct", 0.11, 0.34],
  ["llama-4-maverick-17b-128e-instruct", 0.2, 0.6],
  ["mixtral-8x7b-32768", 0.24, 0.24],
  ["gemma2-9b-it", 0.2, 0.2],
  ["deepseek-r1-distill-llama-70b", 0.75, 0.99],
  ["qwen3-32b", 0.29, 0.59],
  ["kimi-k2-instruct", 1, 3],
  ["gpt-oss-120b", 0.15, 0.6],
  ["gpt-oss-20b", 0.075, 0.3],
]);

const deepseek: ModelPrice[] = [
  ...rows("deepseek", [
    ["deepseek-chat", 0.27, 1.1, 0.07],
    ["deepseek-reasoner", 0.55, 2.19, 0.14],
  ]),
  ...rows(
    "deepseek",
    [
      ["deepseek-chat", 0.56, 1.68, 0.07],
      ["deepseek-reasoner", 0.56, 1.68, 0.07],
    ],
    { effectiveFrom: "2025-09-05" },
  ),
  ...rows(
    "deepseek",
    [
      ["deepseek-chat", 0.28, 0.42, 0.028],
      ["deepseek-reasoner", 0.28, 0.42, 0.028],
    ],
    { effectiveFrom: "2025-09-29" },
  ),
];

const cohere = rows("cohere", [
  ["command", 1, 2],
  ["command-light", 0.3, 0.6],
  ["command-r", 0.15, 0.6],
  ["command-r-03-2024", 0.5, 1.5],
  ["command-r-plus", 2.5, 10],
  ["command-r-plus-04-2024", 3, 15],
  ["command-r7b", 0.0375, 0.15],
  ["command-a", 2.5, 10],
  ["embed-english-v3.0", 0.1, 0],
  ["embed-multilingual-v3.0", 0.1, 0],
  ["embed-english", 0.1, 0],
  ["embed-multilingual", 0.1, 0],
  ["embed-v4.0", 0.12, 0],
]);

const amazon = rows("amazon", [
  ["nova-micro", 0.035, 0.14, 0.00875],
  ["nova-lite", 0.06, 0.24, 0.015],
  ["nova-pro", 0.8, 3.2, 0.2],
  ["nova-premier", 2.5, 12.5, 0.625],
  ["nova-2-lite", 0.3, 2.5, 0.075],
  ["titan-text-lite", 0.15, 0.2],
  ["titan-text-express", 0.2, 0.6],
  ["titan-text-premier", 0.5, 1.5],
  ["titan-embed-text", 0.02, 0],
  ["titan-embed-text-v1", 0.1, 0],
  ["titan-embed-text-v2", 0.02, 0],
]);

const meta = rows("meta", [
  ["llama3-8b-instruct", 0.3, 0.6],
  ["llama3-70b-instruct", 2.65, 3.5],
  ["llama3-1-8b-instruct", 0.22, 0.22],
  ["llama3-1-70b-instruct", 0.72, 0.72],
  ["llama3-1-405b-instruct", 2.4, 2.4],
  ["llama3-2-1b-instruct", 0.1, 0.1],
  ["llama3-2-3b-instruct", 0.15, 0.15],
  ["llama3-3-70b-instruct", 0.72, 0.72],
  ["llama4-scout-17b-instruct", 0.17, 0.66],
  ["llama4-maverick-17b-instruct", 0.24, 0.97],
]);

const xai = rows("xai", [
  ["grok-3", 3, 15, 0.75],
  ["grok-3-mini", 0.3, 0.5, 0.075],
  ["grok-4", 3, 15, 0.75],
  ["grok-4-fast*", 0.2, 0.5, 0.05],
  ["grok-code-fast-1", 0.2, 1.5, 0.02],
]);

/** All rows, in no order that matters. */
export const priceList: readonly ModelPrice[] = [
  ...openai,
  ...openaiChanges,
  ...anthropic,
  ...anthropicMore,
  ...google,
  ...mistral,
  ...groq,
  ...deepseek,
  ...cohere,
  ...amazon,
  ...meta,
  ...xai,
];
