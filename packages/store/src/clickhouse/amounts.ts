/**
 * Token counts and costs as lists of whole numbers, which add up to the same whatever the order, and can be taken away again.
 */
import type { TokenUsage } from "@sightline/wire/model/span";

/** One number for each kind of {@link TOKEN_KINDS}, or a single one for a cost; NaN = not known. */
export type Amounts = readonly number[];

/** `totalTokens` first: it decides which of two amounts is larger. */
const TOKEN_KINDS = [
  "totalTokens",
  "inputTokens",
  "outputTokens",
  "cacheReadInputTokens",
  "cacheCreationInputTokens",
  "reasoningTokens",
] as const satisfies readonly (keyof TokenUsage)[];

/** Costs in picodollars: sums up to 9,000 dollars a trace are exact. */
const PER_DOLLAR = 1e12;

/** The amounts of a usage. */
export function usageAmounts(usage: TokenUsage): Amounts {
  return TOKEN_KINDS.map((kind) => Math.round(usage[kind] ?? Number.NaN));
}

/** The usage of amounts. */
export function amountsUsage(amounts: Amounts): TokenUsage {
  const known = TOKEN_KINDS.map((kind, index) => [kind, amounts[index] ?? Number.NaN] as const);
  // The three counts that a TokenUsage must have are always known: amounts are made of usages.
  return Object.fromEntries(known.filter(([, tokens]) => !Number.isNaN(tokens))) as unknown as TokenUsage;
}

/** The amount of a cost in US dollars. */
export function costAmount(costUsd: number): Amounts {
  return [Math.round(costUsd * PER_DOLLAR)];
}

/** US dollars. */
export function amountCost([amount = 0]: Amounts): number {
  return amount / PER_DOLLAR;
}

/** A sum of amounts of one sort that can go down again. */
export class Sum {
  #parts = 0;
  readonly #sums: number[] = [];
  /** How many of the parts know each number. */
  readonly #known: number[] = [];

  add(amounts: Amounts): void {
    this.#change(amounts, 1);
  }

  subtract(amounts: Amounts): void {
    this.#change(amounts, -1);
  }

  /** Undefined while there is nothing in it. */
  get value(): Amounts | undefined {
    if (this.#parts === 0) return undefined;
    return this.#sums.map((sum, index) => ((this.#known[index] ?? 0) > 0 ? sum : Number.NaN));
  }

  #change(amounts: Amounts, sign: 1 | -1): void {
    this.#parts += sign;
    while (this.#sums.length < amounts.length) {
      this.#sums.push(0);
      this.#known.push(0);
    }
    for (let index = 0; index < amounts.length; index++) {
      const amount = amounts[index] ?? Number.NaN;
      if (Number.isNaN(amount)) continue;
      this.#sums[index] = (this.#sums[index] ?? 0) + sign * amount;
      this.#known[index] = (this.#known[index] ?? 0) + sign;
    }
  }
}

/**
 * What counts of a span: its own amounts or the sum of those below it, whichever is larger. Numbers that only those below know are
 * kept.
 */
export function larger(own: Amounts | undefined, below: Amounts | undefined): Amounts | undefined {
  if (own === undefined || below === undefined) return own ?? below;
  if ((own[0] ?? 0) < (below[0] ?? 0)) return below;
  return own.map((amount, index) => (Number.isNaN(amount) ? (below[index] ?? Number.NaN) : amount));
}
