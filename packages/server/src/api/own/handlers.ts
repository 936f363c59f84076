/**
 * The handler of every own endpoint; the type insists that none is missing.
 */
import type { endpoints } from "@sightline/wire/api/registry";
import type { Handlers } from "../../http/route.ts";
import type { LifeCycle } from "../../lifecycle/life-cycle.ts";
import type { ModelPrices } from "../../pricing/model-prices.ts";
import { getStats } from "../../query/server-state.ts";
import type { Stores } from "../../query/stores.ts";
import type { Backups } from "../../transfer/backups.ts";
import { assessmentHandlers } from "./assessments.ts";
import { attachmentHandlers } from "./attachments.ts";
import { backupHandlers } from "./backups.ts";
import { experimentHandlers } from "./experiments.ts";
import { insightHandlers } from "./insights.ts";
import { jobHandlers } from "./jobs.ts";
import { modelPriceHandlers } from "./model-prices.ts";
import { runHandlers } from "./runs.ts";
import { sdkProcessHandlers } from "./sdk-processes.ts";
import { storageHandlers } from "./storage.ts";
import { traceHandlers } from "./traces.ts";

/** What handlers work with. */
export interface HandlerParts {
  readonly stores: Stores;
  readonly lifeCycle: LifeCycle;
  readonly backups: Backups;
  readonly prices: ModelPrices;
  /** Resolves when every report of an SDK process that was acknowledged can be read. */
  readonly sdkReportsSettled: (signal: AbortSignal) => Promise<void>;
}

/** One handler for each endpoint of the registry, by id. */
export function ownHandlers(parts: HandlerParts): Handlers<typeof endpoints> {
  const { stores, lifeCycle, backups, prices } = parts;
  return {
    ...traceHandlers(stores),
    ...assessmentHandlers(stores),
    ...attachmentHandlers(stores, lifeCycle.disk),
    ...jobHandlers(lifeCycle.jobs),
    ...modelPriceHandlers(prices, lifeCycle.jobs),
    ...backupHandlers(backups, lifeCycle.jobs),
    ...experimentHandlers(stores, lifeCycle.experiments),
    ...runHandlers(stores),
    ...sdkProcessHandlers(stores, parts.sdkReportsSettled),
    ...storageHandlers(stores, lifeCycle),
    ...insightHandlers(stores),
    getStats: () => getStats(stores),
  };
}
