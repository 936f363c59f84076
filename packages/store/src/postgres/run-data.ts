/**
 * What is logged to a run: params, metrics with their history, tags.
 */
import { SightlineError } from "@sightline/wire/errors";
import { preview } from "@sightline/wire/json";
import { RUN_NAME_TAG } from "@sightline/wire/model/run";
import { and, asc, eq, inArray, sql } from "drizzle-orm";
import type { KeyValue, Metric, MetricCursor, MetricPage, RunBatch } from "../runs.ts";
import { type Database, lockActiveRun, putTags, storable } from "./runs.ts";
import { runLatestMetrics, runMetrics, runParams, runs, runTags } from "./schema.ts";

/** @see Runs.logBatch */
export async function logBatch(db: Database, runId: string, batch: RunBatch): Promise<void> {
  const { metrics = [], params = [], tags = [] } = batch;
  await db.transaction(async (tx) => {
    // Writers of one run come one after another: two batches that touch the same metrics in another order would deadlock.
    await lockActiveRun(tx, runId);
    await addParams(tx, runId, params);
    await addMetrics(tx, runId, metrics);
    await putTags(tx, runId, tags);
    const name = tags.findLast(({ key }) => key === RUN_NAME_TAG)?.value;
    if (name !== undefined) await tx.update(runs).set({ name }).where(eq(runs.runId, runId));
  });
}

/** @see Runs.deleteRunTag */
export async function deleteRunTag(db: Database, runId: string, key: string): Promise<boolean> {
  return await db.transaction(async (tx) => {
    await lockActiveRun(tx, runId);
    const gone = await tx
      .delete(runTags)
      .where(and(eq(runTags.runId, runId), eq(runTags.key, storable(key))))
      .returning({ key: runTags.key });
    return gone.length > 0;
  });
}

/** @see Runs.getMetricHistory */
export async function getMetricHistory(
  db: Database,
  runId: string,
  key: string,
  { limit, after }: { readonly limit: number; readonly after?: MetricCursor },
): Promise<MetricPage> {
  const { timestampMs, step, value } = runMetrics;
  const rows = await db
    .select({ timestampMs, step, value })
    .from(runMetrics)
    .where(
      and(
        eq(runMetrics.runId, storable(runId)),
        eq(runMetrics.key, storable(key)),
        after &&
          sql`(${timestampMs}, ${step}, ${value}) > (${after.timestampMs}::bigint, ${after.step}::bigint, ${String(after.value)}::double precision)`,
      ),
    )
    .orderBy(asc(timestampMs), asc(step), asc(value))
    .limit(limit + 1);
  const points = rows.slice(0, limit);
  const last = points.at(-1);
  return { points, ...(rows.length > limit && last !== undefined && { next: last }) };
}

/** @throws PARAM_CHANGED */
async function addParams(tx: Database, runId: string, params: readonly KeyValue[]): Promise<void> {
  if (params.length === 0) return;
  await tx
    .insert(runParams)
    .values(params.map(({ key, value }) => ({ runId, key, value })))
    .onConflictDoNothing();
  const keys = params.map(({ key }) => key);
  const kept = await tx
    .select()
    .from(runParams)
    .where(and(eq(runParams.runId, runId), inArray(runParams.key, keys)));
  const keptValues = new Map(kept.map(({ key, value }) => [key, value]));
  for (const { key, value } of params) {
    const before = keptValues.get(key);
    if (before === value) continue;
    throw new SightlineError(
      "PARAM_CHANGED",
      `The param "${preview(key, 100)}" was logged as "${preview(before ?? "", 100)}" and cannot become "${preview(value, 100)}". Log another param, or start another run.`,
      { details: { key } },
    );
  }
}

async function addMetrics(tx: Database, runId: string, metrics: readonly Metric[]): Promise<void> {
  if (metrics.length === 0) return;
  const rows = metrics.map(({ key, value, step, timestampMs }) => ({ runId, key, value, step, timestampMs }));
  // Equal points, NaN among them, are one row: PostgreSQL takes NaN for equal to itself.
  await tx.insert(runMetrics).values(rows).onConflictDoNothing();
  const latest = new Map<string, Metric>();
  for (const metric of metrics) {
    const other = latest.get(metric.key);
    if (other === undefined || isLater(metric, other)) latest.set(metric.key, metric);
  }
  const { step, timestampMs, value } = runLatestMetrics;
  await tx
    .insert(runLatestMetrics)
    .values(Array.from(latest.values(), (metric) => ({ runId, ...metric })))
    .onConflictDoUpdate({
      target: [runLatestMetrics.runId, runLatestMetrics.key],
      set: {
        step: sql`excluded.step`,
        timestampMs: sql`excluded.timestamp_ms`,
        value: sql`excluded.value`,
      },
      setWhere: sql`(excluded.step, excluded.timestamp_ms, excluded.value) > (${step}, ${timestampMs}, ${value})`,
    });
}

/** By step, time and value, as MLflow's server does it; NaN is above all numbers, as in PostgreSQL. */
function isLater(one: Metric, other: Metric): boolean {
  if (one.step !== other.step) return one.step > other.step;
  if (one.timestampMs !== other.timestampMs) return one.timestampMs > other.timestampMs;
  return Number.isNaN(one.value) ? !Number.isNaN(other.value) : one.value > other.value;
}
