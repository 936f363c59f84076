/**
 * Token counts in normal form: `inputTokens` holds everything that went in, cache included, `outputTokens` everything that came
 * out, reasoning included, and the total is their sum. The other counts are parts of these two.
 *
 * Providers count differently. Where an emitter passes their counts on as they are, the table says what to add.
 */
import type { TokenUsage } from "../model/span.ts";
import type { Attributes } from "../otlp/span.ts";
import type { UsageRule } from "./convention.ts";
import { asAmount, asObject, asText } from "./values.ts";

interface ProviderRule {
  /** Found in the name of the provider or of the model. */
  readonly match: RegExp;
  readonly cacheOutsideInput?: true;
  readonly reasoningOutsideOutput?: true;
  readonly source: string;
}

/** How the providers' own APIs count, where it differs from the normal form. */
export const providerRules: readonly ProviderRule[] = [
  {
    match: /anthropic|claude/i,
    cacheOutsideInput: true,
    source: "https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching#tracking-cache-performance",
  },
  {
    match: /bedrock/i,
    cacheOutsideInput: true,
    source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html",
  },
  {
    match: /gemini|google|vertex/i,
    reasoningOutsideOutput: true,
    source: "https://ai.google.dev/api/generate-content#UsageMetadata",
  },
];

/** The attribute of MLflow's own counts, which are taken over verbatim. */
export const MLFLOW_USAGE_KEY = "mlflow.chat.tokenUsage";

/**
 * Whether the counts of {@link MLFLOW_USAGE_KEY} leave the cache counts out of the input: MLflow passes them on as this maker's API
 * gives them.
 *
 * @param maker  provider and model, as far as they are known
 */
export function leavesCacheOutside(maker: string): boolean {
  return providerRules.some((rule) => rule.cacheOutsideInput === true && rule.match.test(maker));
}

/**
 * Reads the token counts that a rule names.
 *
 * @param maker  provider and model, as far as they are known; they decide for rules whose counts are the provider's
 * @returns undefined if none of the names is there
 */
export function readUsage(rule: UsageRule, attributes: Attributes, maker: string): TokenUsage | undefined {
  if (rule.except?.values.includes(asText(attributes[rule.except.key]) ?? "")) return undefined;
  const source = rule.json === undefined ? attributes : asObject(attributes[rule.json]);
  if (!source) return undefined;
  const amount = (names: readonly string[] = []): number | undefined => {
    for (const name of names) {
      const found = asAmount(rule.json === undefined ? source[name] : inside(source, name));
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const input = amount(rule.input);
  const output = amount(rule.output);
  const total = amount(rule.total);
  if (input === undefined && output === undefined && total === undefined) return undefined;
  const parts: Parts = {
    cacheRead: amount(rule.cacheRead),
    cacheCreation: amount(rule.cacheCreation),
    reasoning: amount(rule.reasoning),
  };
  if (rule.counts === "verbatim") {
    const inputTokens = input ?? rest(total, output);
    const outputTokens = output ?? rest(total, input);
    return { inputTokens, outputTokens, totalTokens: total ?? inputTokens + outputTokens, ...named(parts) };
  }
  const outside = countsOutside(rule.counts ?? "normal", { input, output, total, ...parts }, maker);
  const cache = outside.cache ? (parts.cacheRead ?? 0) + (parts.cacheCreation ?? 0) : 0;
  const reasoning = outside.reasoning ? (parts.reasoning ?? 0) : 0;
  const inputTokens = (input ?? rest(total, output)) + cache;
  const outputTokens = (output ?? rest(total, input)) + reasoning;
  return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, ...named(parts) };
}

interface Parts {
  readonly cacheRead: number | undefined;
  readonly cacheCreation: number | undefined;
  readonly reasoning: number | undefined;
}

interface Counts extends Parts {
  readonly input: number | undefined;
  readonly output: number | undefined;
  readonly total: number | undefined;
}

/** Whether the cache counts must still be added to the input, and the reasoning to the output. */
function countsOutside(
  counts: "normal" | "buckets" | "provider",
  { input = 0, output = 0, total, cacheRead = 0, cacheCreation = 0, reasoning = 0 }: Counts,
  maker: string,
): { cache: boolean; reasoning: boolean } {
  const cache = cacheRead + cacheCreation;
  const customary = (key: "cacheOutsideInput" | "reasoningOutsideOutput") =>
    counts === "buckets" ||
    (counts === "provider" && providerRules.some((rule) => rule[key] && rule.match.test(maker)));
  // Evidence before custom: a part cannot be larger than its whole, and a total tells what was added up.
  const isOutside = (part: number, whole: number, byCustom: boolean) =>
    part > whole || (part > 0 && (total === input + output + part || (byCustom && total !== input + output)));
  return {
    cache: isOutside(cache, input, customary("cacheOutsideInput")),
    reasoning: isOutside(reasoning, output, customary("reasoningOutsideOutput")),
  };
}

/** What a total leaves for the count that is missing. */
function rest(total: number | undefined, known: number | undefined): number {
  return total !== undefined && known !== undefined && total > known ? total - known : 0;
}

function named({ cacheRead, cacheCreation, reasoning }: Parts): Partial<TokenUsage> {
  return {
    ...(cacheRead !== undefined && { cacheReadInputTokens: cacheRead }),
    ...(cacheCreation !== undefined && { cacheCreationInputTokens: cacheCreation }),
    ...(reasoning !== undefined && { reasoningTokens: reasoning }),
  };
}

function inside(object: { readonly [key: string]: unknown }, path: string): unknown {
  let value: unknown = object;
  for (const step of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as { readonly [key: string]: unknown })[step];
  }
  return value;
}
