/**
 * Retention: traces that started longer ago than they are to be kept are deleted by a job.
 *
 * What counts is the start of the trace. A span that comes late for a trace that has expired is taken; it makes a trace that has
 * expired already, and goes with the next job.
 */
import { check } from "@sightline/wire/api/check";
import { DEFAULT_EXPERIMENT, type Experiment } from "@sightline/wire/model/experiment";
import { Retention } from "@sightline/wire/model/retention";
import { formatRfc3339Micros, parseRfc3339 } from "@sightline/wire/time";
import * as z from "zod/mini";
import type { JobKind } from "../jobs/job-kind.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Stores } from "../query/stores.ts";
import type { Clock } from "./clock.ts";
import { KEEP_DELETED_DAYS, PURGE_EXPERIMENT } from "./experiments.ts";
import { removeInSteps } from "./remove-in-steps.ts";

export const RETENTION = "retention";
const SETTING = "retention";

/** After something last came of them. */
const KEEP_SDK_PROCESSES_DAYS = 30;

const MS_PER_DAY = 24 * 3600 * 1000;
const CHECK_EVERY_MS = 3600 * 1000;

/** How long traces are kept in experiments without a setting of their own; for ever until somebody says otherwise. */
export async function getRetention({ entities }: Pick<Stores, "entities">): Promise<Retention> {
  const result = check(Retention, await entities.getSetting(SETTING));
  return result.ok ? (result.value as Retention) : { days: null };
}

/** The days that hold for an experiment; null = for ever. */
export function retentionDaysOf(experiment: Pick<Experiment, "retentionDays">, all: Retention): number | null {
  return experiment.retentionDays === undefined ? all.days : experiment.retentionDays;
}

/** Experiments whose traces expire at the same moment. */
const Expiry = z.strictObject({
  experimentIds: z.array(z.string()),
  /** RFC 3339: traces that started before go. */
  before: z.string(),
});
type Expiry = z.infer<typeof Expiry>;

/** Which traces have expired at a moment, by the days that hold for their experiments. Pure. */
export function expiriesAt(nowMs: number, experiments: readonly Experiment[], all: Retention): Expiry[] {
  const byDays = new Map<number, string[]>();
  for (const experiment of experiments) {
    const days = retentionDaysOf(experiment, all);
    if (days !== null) byDays.set(days, [...(byDays.get(days) ?? []), experiment.experimentId]);
  }
  return Array.from(byDays, ([days, experimentIds]) => ({
    experimentIds,
    before: formatRfc3339Micros(BigInt(Math.max(0, nowMs - days * MS_PER_DAY)) * 1_000_000n),
  }));
}

const Params = z.strictObject({ expiries: z.array(Expiry) });

/** Deletes what had expired when it was asked for. @see removeInSteps for its counts */
export function retentionJob(stores: Stores): JobKind<z.infer<typeof Params>> {
  return {
    kind: RETENTION,
    params: Params,
    async run({ expiries }, context) {
      let counts = context.earlierCounts;
      for (const [index, { experimentIds, before }] of expiries.entries()) {
        const to = parseRfc3339(before);
        if (to === undefined) throw new RangeError(`"${before}" is no time.`);
        counts = await removeInSteps(stores, {
          removalId: `${context.jobId}-${index}`,
          selection: { experimentIds, to },
          context: { ...context, earlierCounts: counts },
        });
      }
      return counts;
    },
  };
}

export interface RetentionKeeper {
  /** @throws INVALID_PARAMETER */
  set(retention: Retention): Promise<void>;
  /**
   * Starts the jobs that are due: one for traces that have expired, one for each experiment that was deleted long ago. None when
   * nothing is due, or when such a job waits or runs.
   */
  check(): Promise<void>;
  /** Checks now and every hour. */
  open(): void;
  close(): Promise<void>;
}

export interface RetentionParts {
  readonly stores: Stores;
  readonly jobs: Pick<Jobs, "start" | "list">;
  readonly clock: Clock;
  readonly onEvent: (sentence: string) => void;
}

export function createRetentionKeeper(parts: RetentionParts): RetentionKeeper {
  const { stores, clock, onEvent } = parts;
  let stop: (() => void) | undefined;
  // One check after another, or two would start the same job.
  let last: Promise<void> = Promise.resolve();
  const checkNext = () => {
    const next = last.then(() => startDueJobs(parts));
    last = next.catch(() => undefined);
    return next;
  };
  const checkQuietly = () => {
    checkNext().catch((error: unknown) => {
      onEvent(`What has expired could not be looked up (${String(error)}); it is tried again within an hour.`);
    });
  };
  return {
    async set(retention) {
      await stores.entities.putSetting(SETTING, retention);
      await checkNext();
    },
    check: checkNext,
    open() {
      stop ??= clock.every(CHECK_EVERY_MS, checkQuietly);
      checkQuietly();
    },
    async close() {
      stop?.();
      await last;
    },
  };
}

async function startDueJobs({ stores, jobs, clock }: RetentionParts): Promise<void> {
  const [experiments, all, unfinished] = await Promise.all([
    // Those that are deleted, too: restoring brings back what would be there without the deletion.
    stores.entities.listExperiments({ includeDeleted: true }),
    getRetention(stores),
    jobs.list({ states: ["queued", "running"], limit: 1000 }),
  ]);
  if (!unfinished.some(({ kind }) => kind === RETENTION)) {
    const due: Expiry[] = [];
    for (const expiry of expiriesAt(clock.now(), experiments, all)) if (await isDue(stores, expiry)) due.push(expiry);
    if (due.length > 0) await jobs.start(RETENTION, { expiries: due }, "retention");
  }
  const deletedBefore = clock.now() - KEEP_DELETED_DAYS * MS_PER_DAY;
  // Rows of PostgreSQL, gone at once: no job is needed.
  await stores.entities.removeRunsDeletedBefore(new Date(deletedBefore));
  await stores.entities.trimSdkProcesses(new Date(clock.now() - KEEP_SDK_PROCESSES_DAYS * MS_PER_DAY));
  for (const { experimentId, deleteTime } of experiments) {
    if (deleteTime === undefined || Date.parse(deleteTime) >= deletedBefore) continue;
    if (experimentId === DEFAULT_EXPERIMENT.experimentId) continue;
    const isUnderWay = unfinished.some(
      ({ kind, params }) => kind === PURGE_EXPERIMENT && params.experimentId === experimentId,
    );
    if (!isUnderWay) await jobs.start(PURGE_EXPERIMENT, { experimentId }, "retention");
  }
}

async function isDue(stores: Stores, { experimentIds, before }: Expiry): Promise<boolean> {
  const to = parseRfc3339(before);
  const { total } = await stores.telemetry.countTraces({ experimentIds, ...(to !== undefined && { to }), limit: 1 });
  return total > 0;
}
