/**
 * Token counts and a price → what they cost.
 */
import { leavesCacheOutside } from "../conventions/usage.ts";
import type { ModelPrice, TokenPrices } from "../model/model-price.ts";
import type { TokenUsage } from "../model/span.ts";
import type { PriceBook } from "./price-book.ts";

/** Tokens by what is asked for them: each token is in exactly one bucket. */
export interface TokenBuckets {
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly output: number;
  readonly reasoning: number;
}

/**
 * Takes the counts apart.
 *
 * In normal form `inputTokens` has the cache counts in it and `outputTokens` the reasoning (`conventions/usage.ts`), so both are
 * taken out. A part that is larger than its whole cannot be in it; it is counted beside it then.
 *
 * @param cacheIsOutside  whether the counts are of a sender that does not add the cache counts to the input
 */
export function bucketsOf(usage: TokenUsage, cacheIsOutside = false): TokenBuckets {
  const {
    inputTokens,
    outputTokens,
    cacheReadInputTokens = 0,
    cacheCreationInputTokens = 0,
    reasoningTokens = 0,
  } = usage;
  const cached = cacheReadInputTokens + cacheCreationInputTokens;
  return {
    input: cacheIsOutside || cached > inputTokens ? inputTokens : inputTokens - cached,
    cacheRead: cacheReadInputTokens,
    cacheWrite: cacheCreationInputTokens,
    output: reasoningTokens > outputTokens ? outputTokens : outputTokens - reasoningTokens,
    reasoning: reasoningTokens,
  };
}

const PER_MILLION = 1_000_000;
/** Costs are rounded to picodollars: a token of the cheapest model costs thousands of them. */
const PER_DOLLAR = 1e12;

/** US dollars. */
export function costOf(buckets: TokenBuckets, price: ModelPrice): number {
  const { input, cacheRead, cacheWrite, output, reasoning } = buckets;
  const { longPrompt } = price;
  const isLong = longPrompt !== undefined && input + cacheRead + cacheWrite > longPrompt.aboveInputTokens;
  const usd: TokenPrices = isLong ? longPrompt.usdPerMillion : price.usdPerMillion;
  const total =
    input * usd.input +
    cacheRead * (usd.cacheRead ?? usd.input) +
    cacheWrite * (usd.cacheWrite ?? usd.input) +
    output * usd.output +
    reasoning * (usd.reasoning ?? usd.output);
  return Math.round((total / PER_MILLION) * PER_DOLLAR) / PER_DOLLAR;
}

/** What the cost of a span is counted from. */
export interface PricedSpan {
  readonly model: string;
  readonly provider: string;
  readonly usage?: TokenUsage;
  /** Nanoseconds since the epoch: prices change. */
  readonly startTimeUnixNano: bigint;
  /** Whether the span has counts in MLflow's own attribute (`MLFLOW_USAGE_KEY`). */
  readonly hasMlflowUsage: boolean;
}

/** US dollars; undefined if the span used no tokens of a model whose price is known. */
export function costOfSpan(span: PricedSpan, prices: PriceBook): number | undefined {
  const { usage, model, provider } = span;
  if (usage === undefined || model === "") return undefined;
  const price = prices.priceOf(model, provider, span.startTimeUnixNano);
  if (price === undefined) return undefined;
  return costOf(bucketsOf(usage, span.hasMlflowUsage && leavesCacheOutside(`${provider} ${model}`)), price);
}
