/**
 * The part of the entity port about prices that people set, over those of the built-in list.
 */
import type { ModelPrice } from "@sightline/wire/model/model-price";

/** A price with the id it is kept under. */
export interface KeptModelPrice {
  /** Decimal digits. */
  readonly priceId: string;
  readonly price: ModelPrice;
}

export interface ModelPrices {
  /** All prices that people set, by provider, model and date. */
  listModelPrices(): Promise<KeptModelPrice[]>;

  /** Keeps a price; it replaces the one of the same provider, model and date. */
  putModelPrice(price: ModelPrice): Promise<KeptModelPrice>;

  /** Takes a price away. @returns whether there was one */
  deleteModelPrice(priceId: string): Promise<boolean>;
}
