/**
 * What a provider asks for the tokens of a model.
 */
import * as z from "zod/mini";

const Usd = z.number().check(z.minimum(0), z.maximum(1_000_000));

/**
 * US dollars for a million tokens of each bucket. The buckets do not overlap: every token is in one of them and is paid once.
 *
 * `input` are the tokens that no cache had to do with, `output` those that are no reasoning.
 */
export const TokenPrices = z.object({
  input: Usd,
  output: Usd,
  /** Input tokens that came from a cache; absent = as `input`. */
  cacheRead: z.optional(Usd),
  /** Input tokens that were put into a cache; absent = as `input`. */
  cacheWrite: z.optional(Usd),
  /** Output tokens of reasoning; absent = as `output`. */
  reasoning: z.optional(Usd),
});
export type TokenPrices = z.infer<typeof TokenPrices>;

export const ModelPrice = z.object({
  /** Lower case; "" = whoever serves the model. */
  provider: z.string().check(z.maxLength(100)),
  /**
   * Name of the model, lower case, `*` for any characters. Dates, versions and prefixes that servers put around a name may be left
   * out: `claude-sonnet-4` is the price of `us.anthropic.claude-sonnet-4-20250514-v1:0` too.
   */
  model: z.string().check(z.minLength(1), z.maxLength(250), z.regex(/^(?:[^*]*\*){0,4}[^*]*$/)),
  /** RFC 3339 date or date-time; absent = always. Of the rows of one model that have begun the latest counts. */
  effectiveFrom: z.optional(z.string()),
  usdPerMillion: TokenPrices,
  /** What a call with a longer prompt costs, all its tokens. */
  longPrompt: z.optional(z.object({ aboveInputTokens: z.number().check(z.minimum(0)), usdPerMillion: TokenPrices })),
});
export type ModelPrice = z.infer<typeof ModelPrice>;
