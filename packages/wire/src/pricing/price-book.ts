/**
 * Finds the price of a model: by whatever name a sender uses, at a moment, for who serves it.
 */
import type { ModelPrice } from "../model/model-price.ts";
import { parseRfc3339 } from "../time.ts";
import { modelNames } from "./model-names.ts";

export interface PriceBook {
  /**
   * The price of a model at a moment; undefined if no row fits.
   *
   * @param model  as the sender wrote it
   * @param provider  as the sender wrote it; "" = not known
   * @param at  nanoseconds since the epoch
   */
  priceOf(model: string, provider: string, at: bigint): ModelPrice | undefined;
}

/** A row with the moment it begins to count. */
interface Dated {
  readonly price: ModelPrice;
  readonly from: bigint;
  /** Place of its list. */
  readonly list: number;
}

/** Senders choose model names: a program that makes them up must not fill the memory. */
const MAX_REMEMBERED = 2000;

/**
 * Makes a book of price lists.
 *
 * Of rows that fit and have begun the first counts in this order: rows of the provider that served the model, or of any, before
 * those of other providers; an earlier list before a later one; a more exact name before a shorter one; a plain name before a
 * pattern; a later date before an earlier one.
 *
 * @param lists  in order of precedence: people's own prices first
 */
export function createPriceBook(lists: readonly (readonly ModelPrice[])[]): PriceBook {
  const dated = lists.flatMap((list, index) =>
    list.map((price): Dated => ({ price, from: startOf(price), list: index })),
  );
  const remembered = new Map<string, readonly Dated[]>();
  const rowsOf = (model: string, provider: string): readonly Dated[] => {
    const key = `${provider}\n${model}`;
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const found = ranked(dated, modelNames(model), provider.trim().toLowerCase());
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(key, found);
    return found;
  };
  return {
    priceOf: (model, provider, at) => rowsOf(model, provider).find(({ from }) => from <= at)?.price,
  };
}

function startOf({ effectiveFrom }: ModelPrice): bigint {
  if (effectiveFrom === undefined) return 0n;
  const time = parseEffectiveFrom(effectiveFrom);
  if (time === undefined) throw new RangeError(`"${effectiveFrom}" is no date.`);
  return time;
}

/** Nanoseconds since the epoch of an RFC 3339 date (its midnight, UTC) or date-time; undefined if it is neither. */
export function parseEffectiveFrom(text: string): bigint | undefined {
  return parseRfc3339(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text);
}

/** The rows that fit, the best first. */
function ranked(rows: readonly Dated[], names: readonly string[], provider: string): readonly Dated[] {
  const fits = rows.flatMap((row) => {
    const place = names.findIndex((name) => matches(row.price.model.toLowerCase(), name));
    return place === -1 ? [] : [{ row, place, served: rankOfProvider(row.price, provider, names) }];
  });
  return fits
    .sort(
      (left, right) =>
        Number(left.served === OTHER) - Number(right.served === OTHER) ||
        left.row.list - right.row.list ||
        left.served - right.served ||
        left.place - right.place ||
        stars(left.row) - stars(right.row) ||
        // Of patterns the one that says more.
        right.row.price.model.length - left.row.price.model.length ||
        (left.row.from > right.row.from ? -1 : left.row.from < right.row.from ? 1 : 0),
    )
    .map(({ row }) => row);
}

const [OWN, ANY, OTHER] = [0, 1, 2];

/** A price of the provider that served it, of any, or of another: its list price is better than none. */
function rankOfProvider(price: ModelPrice, provider: string, [whole = ""]: readonly string[]): number {
  const own = price.provider.toLowerCase();
  if (own === "") return ANY;
  // `openai` in `azure_openai`, `groq` in `groq/llama-3.1-8b-instant`.
  return provider.includes(own) || whole.startsWith(`${own}/`) ? OWN : OTHER;
}

function stars({ price }: Dated): number {
  return price.model.split("*").length - 1;
}

/** Whether a name fits a pattern; `*` stands for any characters. In one pass, whatever the pattern. */
function matches(pattern: string, name: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return pattern === name;
  if (!name.startsWith(head) || !name.endsWith(tail)) return false;
  let at = head.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return at <= name.length - tail.length;
}
