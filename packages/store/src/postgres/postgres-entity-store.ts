/**
 * The PostgreSQL dialect of the entity store, put together.
 */
import { DrizzleQueryError } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import type { Pool } from "pg";
import { fromPostgresError } from "../engines/postgres.ts";
import type { EntityStore } from "../entity-store.ts";
import {
  createExperiment,
  deleteExperiment,
  ensureExperiment,
  getExperiment,
  getExperimentByName,
  listExperiments,
  removeExperiment,
  restoreExperiment,
  updateExperiment,
} from "./experiments.ts";
import {
  claimJob,
  createJob,
  endJob,
  getJob,
  listJobs,
  listQueuedJobs,
  lockJobRunner,
  recoverJobs,
  requestJobCancel,
  requeueJob,
  saveJobProgress,
  trimJobs,
} from "./jobs.ts";
import { deleteModelPrice, listModelPrices, putModelPrice } from "./model-prices.ts";
import { getSetting, putSetting } from "./settings.ts";

/**
 * Opens the store over a database whose schema is up to date (`migratePostgres`).
 *
 * @param pool  closed by `close()` of the store
 */
export function openPostgresEntityStore(pool: Pool): EntityStore {
  const db = drizzle(pool);
  let closing: Promise<void> | undefined;
  return {
    listExperiments: (options) => mapped(listExperiments(db, options)),
    getExperiment: (experimentId) => mapped(getExperiment(db, experimentId)),
    getExperimentByName: (name) => mapped(getExperimentByName(db, name)),
    ensureExperiment: (name) => mapped(ensureExperiment(db, name)),
    createExperiment: (name) => mapped(createExperiment(db, name)),
    updateExperiment: (experimentId, changes) => mapped(updateExperiment(db, experimentId, changes)),
    deleteExperiment: (experimentId) => mapped(deleteExperiment(db, experimentId)),
    restoreExperiment: (experimentId) => mapped(restoreExperiment(db, experimentId)),
    removeExperiment: (experimentId) => mapped(removeExperiment(db, experimentId)),
    getSetting: (name) => mapped(getSetting(db, name)),
    putSetting: (name, value) => mapped(putSetting(db, name, value)),
    listModelPrices: () => mapped(listModelPrices(db)),
    putModelPrice: (price) => mapped(putModelPrice(db, price)),
    deleteModelPrice: (priceId) => mapped(deleteModelPrice(db, priceId)),
    createJob: (job) => mapped(createJob(db, job)),
    getJob: (jobId) => mapped(getJob(db, jobId)),
    listJobs: (query) => mapped(listJobs(db, query)),
    listQueuedJobs: (limit) => mapped(listQueuedJobs(db, limit)),
    claimJob: (jobId) => mapped(claimJob(db, jobId)),
    saveJobProgress: (jobId, progress) => mapped(saveJobProgress(db, jobId, progress)),
    endJob: (jobId, end) => mapped(endJob(db, jobId, end)),
    requeueJob: (jobId, progress, isCounted) => mapped(requeueJob(db, jobId, progress, isCounted)),
    requestJobCancel: (jobId) => mapped(requestJobCancel(db, jobId)),
    recoverJobs: (maxAttempts, error) => mapped(recoverJobs(db, maxAttempts, error)),
    trimJobs: (before) => mapped(trimJobs(db, before)),
    lockJobRunner: () => mapped(lockJobRunner(pool)),
    async bytesOnDisk() {
      const size = "SELECT pg_database_size(current_database()) AS bytes";
      const { rows } = await mapped(pool.query<{ bytes: string }>(size));
      return Number(rows[0]?.bytes ?? 0);
    },
    async ping() {
      await mapped(pool.query("SELECT 1"));
    },
    close() {
      closing ??= pool.end();
      return closing;
    },
  };
}

async function mapped<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fromPostgresError(error instanceof DrizzleQueryError ? error.cause : error);
  }
}
