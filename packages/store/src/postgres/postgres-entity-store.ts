/**
 * The PostgreSQL dialect of the entity store, put together.
 */
import { DrizzleQueryError } from "drizzle-orm";
import type { Pool } from "pg";
import { fromPostgresError } from "../engines/postgres.ts";
import type { EntityStore } from "../entity-store.ts";
import {
  addAttachment,
  confirmAttachedTraces,
  findUnusedBlobs,
  getAttachment,
  listAttachedTraces,
  listAttachments,
  measureAttachments,
  removeAttachments,
} from "./attachments.ts";
import { openDatabase } from "./database.ts";
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
import { deleteRunTag, getMetricHistory, logBatch } from "./run-data.ts";
import { searchRuns } from "./run-search.ts";
import { createRun, deleteRun, getRun, removeRun, removeRunsDeletedBefore, restoreRun, updateRun } from "./runs.ts";
import { listSdkProcesses, mergeSdkProcesses, sumSdkProcesses, trimSdkProcesses } from "./sdk-processes.ts";
import { getSetting, putSetting } from "./settings.ts";

/**
 * Opens the store over a database whose schema is up to date (`migratePostgres`).
 *
 * @param pool  closed by `close()` of the store
 */
export function openPostgresEntityStore(pool: Pool): EntityStore {
  const db = openDatabase(pool);
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
    createRun: (run) => mapped(createRun(db, run)),
    getRun: (runId) => mapped(getRun(db, runId)),
    updateRun: (runId, changes) => mapped(updateRun(db, runId, changes)),
    deleteRun: (runId) => mapped(deleteRun(db, runId)),
    restoreRun: (runId) => mapped(restoreRun(db, runId)),
    removeRun: (runId) => mapped(removeRun(db, runId)),
    removeRunsDeletedBefore: (time) => mapped(removeRunsDeletedBefore(db, time)),
    logBatch: (runId, batch) => mapped(logBatch(db, runId, batch)),
    deleteRunTag: (runId, key) => mapped(deleteRunTag(db, runId, key)),
    getMetricHistory: (runId, key, page) => mapped(getMetricHistory(db, runId, key, page)),
    searchRuns: (search) => mapped(searchRuns(db, search)),
    mergeSdkProcesses: (facts) => mapped(mergeSdkProcesses(db, facts)),
    listSdkProcesses: (query) => mapped(listSdkProcesses(db, query)),
    sumSdkProcesses: (selection) => mapped(sumSdkProcesses(db, selection)),
    trimSdkProcesses: (before) => mapped(trimSdkProcesses(db, before)),
    addAttachment: (attachment) => mapped(addAttachment(db, attachment)),
    getAttachment: (traceId, attachmentId) => mapped(getAttachment(db, traceId, attachmentId)),
    listAttachments: (traceIds) => mapped(listAttachments(db, traceIds)),
    removeAttachments: (traceIds, options) => mapped(removeAttachments(db, traceIds, options)),
    findUnusedBlobs: (sha256s) => mapped(findUnusedBlobs(db, sha256s)),
    listAttachedTraces: (query) => mapped(listAttachedTraces(db, query)),
    confirmAttachedTraces: (traceIds, options) => mapped(confirmAttachedTraces(db, traceIds, options)),
    measureAttachments: () => mapped(measureAttachments(db)),
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
