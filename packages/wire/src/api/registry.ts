/**
 * Every endpoint of the own API, once. The server insists that each has a handler; OpenAPI lists them in this order.
 */
import { getStats } from "./admin.ts";
import {
  createAssessment,
  deleteAssessment,
  deleteTraceMetadata,
  getAssessment,
  linkTraces,
  listAssessments,
  listTraceLinks,
  setTraceMetadata,
  unlinkTraces,
  updateAssessment,
} from "./assessments.ts";
import { getAttachment, listAttachments, putAttachment } from "./attachments.ts";
import { createBackup, deleteBackup, getBackup, listBackups } from "./backups.ts";
import {
  createExperiment,
  deleteExperiment,
  listExperiments,
  restoreExperiment,
  updateExperiment,
} from "./experiments.ts";
import { cancelJob, getJob, listJobs } from "./jobs.ts";
import { queryMetrics } from "./metrics.ts";
import { deleteModelPrice, listModelPrices, putModelPrice, recomputeCosts } from "./model-prices.ts";
import {
  createRun,
  deleteRun,
  deleteRunTag,
  getMetricHistory,
  getRun,
  logBatch,
  restoreRun,
  searchRuns,
  setRunTag,
  updateRun,
} from "./runs.ts";
import { listSdkProcesses } from "./sdk-processes.ts";
import { getSession, searchSessions, searchUsers } from "./sessions.ts";
import { checkStorage, deleteTraces, getRetention, getStorage, purgeStorage, setRetention } from "./storage.ts";
import {
  countTraces,
  deleteTrace,
  deleteTraceTag,
  getSpan,
  getTrace,
  getTraceSkeleton,
  searchTraces,
  setTraceTag,
} from "./traces.ts";
import { explainTraces, listFacets, listValues } from "./values.ts";

export const endpoints = {
  searchTraces,
  countTraces,
  getTrace,
  getTraceSkeleton,
  getSpan,
  deleteTrace,
  setTraceTag,
  deleteTraceTag,
  setTraceMetadata,
  deleteTraceMetadata,
  createAssessment,
  listAssessments,
  getAssessment,
  updateAssessment,
  deleteAssessment,
  listTraceLinks,
  linkTraces,
  unlinkTraces,
  putAttachment,
  getAttachment,
  listAttachments,
  queryMetrics,
  listValues,
  listFacets,
  explainTraces,
  searchSessions,
  getSession,
  searchUsers,
  listExperiments,
  createExperiment,
  updateExperiment,
  deleteExperiment,
  restoreExperiment,
  createRun,
  getRun,
  updateRun,
  deleteRun,
  restoreRun,
  searchRuns,
  logBatch,
  setRunTag,
  deleteRunTag,
  getMetricHistory,
  listSdkProcesses,
  getStats,
  listJobs,
  getJob,
  cancelJob,
  deleteTraces,
  getRetention,
  setRetention,
  getStorage,
  purgeStorage,
  checkStorage,
  createBackup,
  listBackups,
  getBackup,
  deleteBackup,
  listModelPrices,
  putModelPrice,
  deleteModelPrice,
  recomputeCosts,
} as const;
