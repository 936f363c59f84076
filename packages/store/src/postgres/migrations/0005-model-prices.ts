import type { Migration } from "../../migrate.ts";

/** Prices that people set, one for each provider, model and date; `effective_from` is "" for a price without one. */
export const createModelPrices: Migration = {
  number: 5,
  name: "model-prices",
  statements: [
    `CREATE TABLE IF NOT EXISTS sightline.model_prices (
      price_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
      provider text NOT NULL,
      model text NOT NULL,
      effective_from text NOT NULL,
      usd_per_million json NOT NULL,
      long_prompt json,
      updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      UNIQUE (provider, model, effective_from)
    )`,
  ],
};
