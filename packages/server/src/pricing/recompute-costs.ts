/**
 * The job that counts costs anew, after prices changed.
 */
import type { Job } from "@sightline/wire/model/job";
import * as z from "zod/mini";
import type { JobKind } from "../jobs/job-kind.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Stores } from "../query/stores.ts";
import type { ModelPrices } from "./model-prices.ts";

const RECOMPUTE_COSTS = "recompute-costs";
const Params = z.strictObject({});

/** Counts the costs of all spans anew whose sender did not say one. Counts: `spans` looked at, `changed` of them, `traces`. */
export function recomputeCostsJob(
  stores: Stores,
  prices: Pick<ModelPrices, "costOf">,
): JobKind<z.infer<typeof Params>> {
  return {
    kind: RECOMPUTE_COSTS,
    params: Params,
    async run(_params, context) {
      const counts = await stores.telemetry.recomputeCosts((span) => prices.costOf(span), {
        signal: context.signal,
        onProgress: (soFar, total) => context.progress(soFar.spans, total, { ...soFar }),
      });
      return { ...counts };
    },
  };
}

/** The job that will do it: one that waits already, since it will see the prices of then, or a new one. */
export async function startRecompute(jobs: Jobs): Promise<Job> {
  const [waiting] = await jobs.list({ states: ["queued"], kind: RECOMPUTE_COSTS, limit: 1 });
  return waiting ?? (await jobs.start(RECOMPUTE_COSTS, {}));
}
