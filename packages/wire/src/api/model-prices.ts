/**
 * Endpoints about the prices of models.
 */
import * as z from "zod/mini";
import { Job } from "../model/job.ts";
import { ModelPrice } from "../model/model-price.ts";
import { endpoint } from "./endpoint.ts";

const ListedPrice = z.extend(ModelPrice, {
  /** Of a price that people set; absent on one of the built-in list. */
  priceId: z.optional(z.string()),
});

export const listModelPrices = endpoint({
  id: "listModelPrices",
  method: "GET",
  path: "/api/v1/model-prices",
  summary: "Prices that people set, which go first, then the built-in list.",
  response: z.object({ prices: z.array(ListedPrice) }),
  errors: [],
});

export const putModelPrice = endpoint({
  id: "putModelPrice",
  method: "PUT",
  path: "/api/v1/model-prices",
  summary:
    "Sets a price, in place of the one of the same provider, model and date. New spans are counted by it at once, a job counts older ones anew.",
  body: z.strictObject(ModelPrice.shape),
  response: z.object({ price: ListedPrice, job: Job }),
  errors: [],
});

export const deleteModelPrice = endpoint({
  id: "deleteModelPrice",
  method: "DELETE",
  path: "/api/v1/model-prices/:priceId",
  summary: "Takes a price that people set away; a job counts the costs anew.",
  params: z.object({ priceId: z.string() }),
  response: z.object({ job: Job }),
  errors: ["PRICE_NOT_FOUND"],
});

export const recomputeCosts = endpoint({
  id: "recomputeCosts",
  method: "POST",
  path: "/api/v1/model-prices/recompute",
  summary:
    "Counts all costs anew that were counted here, e.g. after an upgrade brought other built-in prices. Sent costs stay.",
  response: z.object({ job: Job }),
  errors: [],
});
