/**
 * Endpoints about the prices of models.
 */
import type * as endpoints from "@sightline/wire/api/model-prices";
import { priceList } from "@sightline/wire/pricing/price-list";
import type { Handlers } from "../../http/route.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { ModelPrices } from "../../pricing/model-prices.ts";
import { startRecompute } from "../../pricing/recompute-costs.ts";

/** A handler for each of them. */
export function modelPriceHandlers(prices: ModelPrices, jobs: Jobs): Handlers<typeof endpoints> {
  return {
    listModelPrices: async () => ({
      prices: [...prices.kept.map(({ priceId, price }) => ({ ...price, priceId })), ...priceList],
    }),
    putModelPrice: async ({ body }) => {
      const { priceId, price } = await prices.put(body);
      return { price: { ...price, priceId }, job: await startRecompute(jobs) };
    },
    deleteModelPrice: async ({ params }) => {
      await prices.delete(params.priceId);
      return { job: await startRecompute(jobs) };
    },
    recomputeCosts: async () => ({ job: await startRecompute(jobs) }),
  };
}
