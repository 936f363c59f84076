/**
 * The prices that costs are counted from: those that people set, over the built-in list.
 */
import type { KeptModelPrice } from "@sightline/store/model-prices";
import { SightlineError } from "@sightline/wire/errors";
import type { ModelPrice } from "@sightline/wire/model/model-price";
import { costOfSpan, type PricedSpan } from "@sightline/wire/pricing/cost";
import { createPriceBook, type PriceBook, parseEffectiveFrom } from "@sightline/wire/pricing/price-book";
import { priceList } from "@sightline/wire/pricing/price-list";
import type { Stores } from "../query/stores.ts";

type Entities = Pick<Stores["entities"], "listModelPrices" | "putModelPrice" | "deleteModelPrice">;

export class ModelPrices {
  readonly #entities: Entities;
  #kept: readonly KeptModelPrice[] = [];
  #book: PriceBook = createPriceBook([priceList]);

  private constructor(entities: Entities) {
    this.#entities = entities;
  }

  /** Reads the prices that people set. */
  static async open(entities: Entities): Promise<ModelPrices> {
    const prices = new ModelPrices(entities);
    await prices.#read();
    return prices;
  }

  /** US dollars, by the prices of now; undefined if the span used no tokens of a model whose price is known. */
  costOf(span: PricedSpan): number | undefined {
    return costOfSpan(span, this.#book);
  }

  /** The prices that people set. */
  get kept(): readonly KeptModelPrice[] {
    return this.#kept;
  }

  /** Sets a price; new spans are counted by it at once. @throws INVALID_PARAMETER for a date that is none */
  async put(price: ModelPrice): Promise<KeptModelPrice> {
    const { effectiveFrom } = price;
    if (effectiveFrom !== undefined && parseEffectiveFrom(effectiveFrom) === undefined) {
      throw new SightlineError(
        "INVALID_PARAMETER",
        `"${effectiveFrom.slice(0, 50)}" in "effectiveFrom" is no date; write it as 2026-11-24 or 2026-11-24T08:25:09Z.`,
      );
    }
    const kept = await this.#entities.putModelPrice({
      ...price,
      provider: price.provider.trim().toLowerCase(),
      model: price.model.trim().toLowerCase(),
    });
    await this.#read();
    return kept;
  }

  /** Takes a price that people set away. @throws PRICE_NOT_FOUND */
  async delete(priceId: string): Promise<void> {
    if (!(await this.#entities.deleteModelPrice(priceId))) {
      throw new SightlineError(
        "PRICE_NOT_FOUND",
        `No price has the id "${priceId.slice(0, 50)}". GET /api/v1/model-prices lists them; built-in ones cannot be deleted.`,
      );
    }
    await this.#read();
  }

  async #read(): Promise<void> {
    this.#kept = await this.#entities.listModelPrices();
    this.#book = createPriceBook([this.#kept.map(({ price }) => price), priceList]);
  }
}
