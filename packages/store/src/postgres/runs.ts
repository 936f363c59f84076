/**
 * Runs in PostgreSQL: made, changed, deleted, restored, removed.
 *
 * A run counts as deleted while it or its experiment is marked; the mark of an experiment is not copied to its runs, so that those
 * which were deleted before it stay deleted when it is restored.
 */
import { SightlineError } from "@sightline/wire/errors";
import { preview } from "@sightline/wire/json";
import { toMetricValue } from "@sightline/wire/model/metric-number";
import { RUN_NAME_TAG, type Run } from "@sightline/wire/model/run";
import { and, eq, inArray, isNotNull, isNull, lt, type SQL, sql } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import type { KeyValue, NewRun, RunChanges } from "../runs.ts";
import { experiments, runLatestMetrics, runParams, runs, runTags } from "./schema.ts";

/** A database or a transaction of it. */
export type Database = Pick<NodePgDatabase, "select" | "insert" | "update" | "delete" | "transaction">;

/** A run's own row, with the time since when it counts as deleted. */
export type RunRow = typeof runs.$inferSelect & { readonly hiddenAt: Date | null };

/** Since when a run counts as deleted, in a query that joins its experiment. */
const hiddenAt: SQL<Date | null> = sql<Date | null>`coalesce(${runs.deletedAt}, ${experiments.deletedAt})`.mapWith(
  runs.deletedAt,
);

/** The columns of a {@link RunRow}, in a query that joins the experiment. */
export const runColumns = {
  runId: runs.runId,
  experimentId: runs.experimentId,
  name: runs.name,
  userId: runs.userId,
  status: runs.status,
  startMs: runs.startMs,
  endMs: runs.endMs,
  deletedAt: runs.deletedAt,
  hiddenAt,
};

/** @see Runs.createRun */
export async function createRun(db: Database, run: NewRun): Promise<Run> {
  return await db.transaction(async (tx) => {
    const isId = /^\d{1,18}$/.test(run.experimentId);
    // Held until the run is in: nobody removes the experiment in between.
    const [experiment] = !isId
      ? []
      : await tx
          .select()
          .from(experiments)
          .where(eq(experiments.experimentId, BigInt(run.experimentId)))
          .for("key share");
    if (experiment === undefined) {
      throw new SightlineError(
        "EXPERIMENT_NOT_FOUND",
        `No experiment has the id "${preview(run.experimentId, 40)}". GET /api/v1/experiments lists them.`,
      );
    }
    if (experiment.deletedAt !== null) throw experimentIsDeleted(experiment);
    await tx.insert(runs).values({
      runId: run.runId,
      experimentId: experiment.experimentId,
      name: run.name,
      userId: run.userId ?? null,
      status: run.status,
      startMs: run.startMs,
    });
    await putTags(tx, run.runId, [...run.tags, { key: RUN_NAME_TAG, value: run.name }]);
    return await getOrThrow(tx, run.runId);
  });
}

/** @see Runs.getRun */
export async function getRun(db: Database, runId: string): Promise<Run | undefined> {
  const rows = await db
    .select(runColumns)
    .from(runs)
    .innerJoin(experiments, eq(runs.experimentId, experiments.experimentId))
    .where(eq(runs.runId, storable(runId)));
  return (await toRuns(db, rows))[0];
}

/** @see Runs.updateRun */
export async function updateRun(db: Database, runId: string, changes: RunChanges): Promise<Run> {
  const { name, status, endMs } = changes;
  return await db.transaction(async (tx) => {
    await lockActiveRun(tx, runId);
    const set = {
      ...(name !== undefined && { name }),
      ...(status !== undefined && { status }),
      ...(endMs !== undefined && { endMs }),
    };
    if (Object.keys(set).length > 0) await tx.update(runs).set(set).where(eq(runs.runId, runId));
    if (name !== undefined) await putTags(tx, runId, [{ key: RUN_NAME_TAG, value: name }]);
    return await getOrThrow(tx, runId);
  });
}

/** @see Runs.deleteRun */
export async function deleteRun(db: Database, runId: string): Promise<Run> {
  await db
    .update(runs)
    .set({ deletedAt: sql`clock_timestamp()` })
    .where(and(eq(runs.runId, storable(runId)), isNull(runs.deletedAt)));
  return await getOrThrow(db, runId);
}

/** @see Runs.restoreRun */
export async function restoreRun(db: Database, runId: string): Promise<Run> {
  return await db.transaction(async (tx) => {
    const { experimentId } = await getOrThrow(tx, runId);
    const [experiment] = await tx
      .select()
      .from(experiments)
      .where(eq(experiments.experimentId, BigInt(experimentId)));
    if (experiment !== undefined && experiment.deletedAt !== null) throw experimentIsDeleted(experiment);
    await tx.update(runs).set({ deletedAt: null }).where(eq(runs.runId, runId));
    return await getOrThrow(tx, runId);
  });
}

/** @see Runs.removeRun */
export async function removeRun(db: Database, runId: string): Promise<boolean> {
  const gone = await db
    .delete(runs)
    .where(and(eq(runs.runId, storable(runId)), isNotNull(runs.deletedAt)))
    .returning({ runId: runs.runId });
  return gone.length > 0;
}

/** @see Runs.removeRunsDeletedBefore */
export async function removeRunsDeletedBefore(db: Database, time: Date): Promise<number> {
  const gone = await db.delete(runs).where(lt(runs.deletedAt, time)).returning({ runId: runs.runId });
  return gone.length;
}

/**
 * Takes a run for the rest of the transaction: other writers of it wait, readers do not.
 *
 * @throws RUN_NOT_FOUND, RUN_DELETED
 */
export async function lockActiveRun(tx: Database, runId: string): Promise<RunRow> {
  const isRun = eq(runs.runId, storable(runId));
  await tx.select({ runId: runs.runId }).from(runs).where(isRun).for("no key update");
  // A second look: the first statement may have waited for a writer that deleted the run.
  const [row] = await tx
    .select(runColumns)
    .from(runs)
    .innerJoin(experiments, eq(runs.experimentId, experiments.experimentId))
    .where(isRun);
  if (row === undefined) throw notFound(runId);
  if (row.hiddenAt === null) return row;
  const what = row.deletedAt === null ? "is in a deleted experiment; restore that" : "is deleted; restore it";
  throw new SightlineError("RUN_DELETED", `The run "${preview(row.name, 100)}" (id ${runId}) ${what} to change it.`);
}

/** Sets tags; of a key that is given twice the last counts. */
export async function putTags(tx: Database, runId: string, tags: readonly KeyValue[]): Promise<void> {
  // One statement cannot write a row twice.
  const rows = Array.from(new Map(tags.map(({ key, value }) => [key, value])), ([key, value]) => ({
    runId,
    key,
    value,
  }));
  if (rows.length === 0) return;
  await tx
    .insert(runTags)
    .values(rows)
    .onConflictDoUpdate({ target: [runTags.runId, runTags.key], set: { value: sql`excluded.value` } });
}

/** Rows with their params, tags and latest metrics, in the order of the rows. */
export async function toRuns(db: Database, rows: readonly RunRow[]): Promise<Run[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ runId }) => runId);
  const params = await db.select().from(runParams).where(inArray(runParams.runId, ids)).orderBy(runParams.key);
  const tags = await db.select().from(runTags).where(inArray(runTags.runId, ids)).orderBy(runTags.key);
  const metrics = await db
    .select()
    .from(runLatestMetrics)
    .where(inArray(runLatestMetrics.runId, ids))
    .orderBy(runLatestMetrics.key);
  const paramsOf = byRun(params);
  const tagsOf = byRun(tags);
  const metricsOf = byRun(metrics);
  return rows.map((row) => ({
    runId: row.runId,
    experimentId: String(row.experimentId),
    name: row.name,
    status: row.status,
    ...(row.userId !== null && { userId: row.userId }),
    startTime: new Date(row.startMs).toISOString(),
    ...(row.endMs !== null && { endTime: new Date(row.endMs).toISOString() }),
    ...(row.hiddenAt !== null && { deleteTime: row.hiddenAt.toISOString() }),
    params: Object.fromEntries((paramsOf.get(row.runId) ?? []).map(({ key, value }) => [key, value])),
    metrics: Object.fromEntries(
      (metricsOf.get(row.runId) ?? []).map(({ key, value, step, timestampMs }) => [
        key,
        { value: toMetricValue(value), step, timestampMs },
      ]),
    ),
    tags: Object.fromEntries((tagsOf.get(row.runId) ?? []).map(({ key, value }) => [key, value])),
  }));
}

function byRun<Row extends { readonly runId: string }>(rows: readonly Row[]): ReadonlyMap<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.runId);
    if (group === undefined) groups.set(row.runId, [row]);
    else group.push(row);
  }
  return groups;
}

/** A text that PostgreSQL can look for: it holds no NUL, and no id does. */
export function storable(text: string): string {
  return text.replaceAll("\u0000", "\ufffd");
}

async function getOrThrow(db: Database, runId: string): Promise<Run> {
  const found = await getRun(db, runId);
  if (found !== undefined) return found;
  throw notFound(runId);
}

function notFound(runId: string): SightlineError {
  return new SightlineError(
    "RUN_NOT_FOUND",
    `No run has the id "${preview(runId, 50)}". POST /api/v1/runs/search lists them.`,
  );
}

function experimentIsDeleted({ name, experimentId }: typeof experiments.$inferSelect): SightlineError {
  return new SightlineError(
    "EXPERIMENT_DELETED",
    `The experiment "${preview(name, 100)}" (id ${experimentId}) is deleted. Restore it first.`,
  );
}
