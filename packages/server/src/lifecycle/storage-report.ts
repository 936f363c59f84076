/**
 * What is stored, where it lies, and the rules that make room: the numbers of the storage page.
 */
import type { EndpointOutput } from "@sightline/wire/api/endpoint";
import type { getStorage as endpoint } from "@sightline/wire/api/storage";
import { formatRfc3339Micros } from "@sightline/wire/time";
import type { Jobs } from "../jobs/jobs.ts";
import type { DiskGuard, DiskPolicy } from "./disk-guard.ts";
import { type DataPlaces, measureDisk, measureUsage } from "./disk-usage.ts";
import { getRetention, retentionDaysOf } from "./retention.ts";

const LAST_JOBS = 10;

export interface StorageReportParts extends DataPlaces {
  readonly jobs: Pick<Jobs, "list">;
  readonly guard: Pick<DiskGuard, "refusal">;
  readonly minFreeBytes: number;
  readonly maxBytes: number | undefined;
  readonly policy: DiskPolicy;
}

export async function reportStorage(parts: StorageReportParts): Promise<EndpointOutput<typeof endpoint>> {
  const { stores, jobs, guard, dataDir, minFreeBytes, maxBytes, policy } = parts;
  // First, because it waits until everything acknowledged is in the tables, whose sizes are then read.
  const sizes = await stores.telemetry.experimentSizes();
  const [usage, disk, tables, experiments, retention, lastJobs] = await Promise.all([
    measureUsage(parts),
    dataDir === undefined ? undefined : measureDisk(dataDir),
    stores.telemetry.tableSizes(),
    stores.entities.listExperiments({ includeDeleted: true }),
    getRetention(stores),
    jobs.list({ limit: LAST_JOBS }),
  ]);
  const byId = new Map(experiments.map((experiment) => [experiment.experimentId, experiment]));
  const allSpans = [...sizes.values()].reduce((sum, { spans }) => sum + spans, 0);
  const rows = Array.from(sizes, ([experimentId, size]) => {
    const experiment = byId.get(experimentId);
    return {
      experimentId,
      ...(experiment && { name: experiment.name }),
      isDeleted: experiment?.deleteTime !== undefined,
      traces: size.traces,
      spans: size.spans,
      estimatedBytes: Math.round((usage.telemetry * size.spans) / Math.max(1, allSpans)),
      oldestTraceTime: formatRfc3339Micros(size.oldestTraceUnixNano),
      newestTraceTime: formatRfc3339Micros(size.newestTraceUnixNano),
      retentionDays: experiment ? retentionDaysOf(experiment, retention) : retention.days,
    };
  });
  return {
    bytes: usage,
    tables: tables.map(({ table, rows, bytesOnDisk }) => ({ name: table, rows, bytes: bytesOnDisk })),
    experiments: rows.sort((left, right) => right.estimatedBytes - left.estimatedBytes),
    ...(disk && { disk: { ...disk, minFreeBytes } }),
    ...(maxBytes !== undefined && { cap: { maxBytes, policy } }),
    ...(guard.refusal !== undefined && { refusal: guard.refusal }),
    retention,
    jobs: lastJobs,
  };
}
