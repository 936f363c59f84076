/**
 * Experiments in PostgreSQL.
 */
import { SightlineError } from "@sightline/wire/errors";
import { preview } from "@sightline/wire/json";
import { DEFAULT_EXPERIMENT, type Experiment } from "@sightline/wire/model/experiment";
import { and, eq, ne, sql } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import type { ExperimentChanges } from "../entity-store.ts";
import { experiments } from "./schema.ts";

/** Longest name; MLflow's limit too (mlflow/utils/validation.py, MAX_EXPERIMENT_NAME_LENGTH). */
const MAX_NAME_CHARS = 500;

/** How "for ever" is kept: NULL is "as set for all". */
const FOR_EVER = 0;

/** @see EntityStore.listExperiments */
export async function listExperiments(
  db: NodePgDatabase,
  options: { readonly includeDeleted?: boolean } = {},
): Promise<Experiment[]> {
  const rows = await db
    .select()
    .from(experiments)
    .where(options.includeDeleted === true ? undefined : eq(experiments.lifecycleStage, "active"))
    // "C": the same order on every server, whatever its locale.
    .orderBy(
      sql`${experiments.experimentId} <> ${DEFAULT_EXPERIMENT.experimentId}`,
      sql`lower(${experiments.name}) COLLATE "C"`,
      sql`${experiments.name} COLLATE "C"`,
    );
  return rows.map(toExperiment);
}

/** @see EntityStore.getExperiment */
export async function getExperiment(db: NodePgDatabase, experimentId: string): Promise<Experiment | undefined> {
  return isId(experimentId) ? await findOne(db, eq(experiments.experimentId, BigInt(experimentId))) : undefined;
}

/** @see EntityStore.getExperimentByName */
export async function getExperimentByName(db: NodePgDatabase, name: string): Promise<Experiment | undefined> {
  return isStorable(name) ? await findOne(db, eq(experiments.name, name)) : undefined;
}

/** @see EntityStore.ensureExperiment */
export async function ensureExperiment(db: NodePgDatabase, name: string): Promise<Experiment> {
  checkName(name);
  // Looked for first, because an insert that meets a conflict writes all the same, and every export request may come here.
  let found = await getExperimentByName(db, name);
  if (found === undefined) {
    // Of callers at the same moment one inserts, the others find its row.
    const [row] = await db.insert(experiments).values({ name }).onConflictDoNothing().returning();
    found = row === undefined ? await getExperimentByName(db, name) : toExperiment(row);
  }
  // It was removed for good in between; asking again makes a new one.
  if (found === undefined) return await ensureExperiment(db, name);
  if (found.deleteTime !== undefined) throw isDeleted(found);
  return found;
}

/** @see EntityStore.createExperiment */
export async function createExperiment(db: NodePgDatabase, name: string): Promise<Experiment> {
  checkName(name);
  const [row] = await db.insert(experiments).values({ name }).onConflictDoNothing().returning();
  if (row === undefined) throw await nameIsTaken(db, name);
  return toExperiment(row);
}

/** @see EntityStore.updateExperiment */
export async function updateExperiment(
  db: NodePgDatabase,
  experimentId: string,
  changes: ExperimentChanges,
): Promise<Experiment> {
  const { name, retentionDays } = changes;
  const before = await getOrThrow(db, experimentId);
  if (before.deleteTime !== undefined) throw isDeleted(before);
  if (name !== undefined && name !== before.name) {
    checkName(name);
    if (experimentId === DEFAULT_EXPERIMENT.experimentId) {
      throw new SightlineError("INVALID_PARAMETER", "The experiment Default keeps its name; make another experiment.");
    }
    const holder = await getExperimentByName(db, name);
    if (holder !== undefined) throw await nameIsTaken(db, name);
  }
  try {
    const [row] = await db
      .update(experiments)
      .set({
        name: name ?? before.name,
        ...(retentionDays !== undefined && { retentionDays: retentionCell(retentionDays) }),
      })
      .where(and(eq(experiments.experimentId, BigInt(experimentId)), eq(experiments.lifecycleStage, "active")))
      .returning();
    if (row !== undefined) return toExperiment(row);
  } catch (error) {
    if (name !== undefined && isUniqueViolation(error)) throw await nameIsTaken(db, name);
    throw error;
  }
  // It was deleted in between.
  return await updateExperiment(db, experimentId, changes);
}

/** @see EntityStore.deleteExperiment */
export async function deleteExperiment(db: NodePgDatabase, experimentId: string): Promise<Experiment> {
  if (experimentId === DEFAULT_EXPERIMENT.experimentId) {
    throw new SightlineError(
      "INVALID_PARAMETER",
      "The experiment Default cannot be deleted: traces that name no experiment go there. Delete its traces instead.",
    );
  }
  await getOrThrow(db, experimentId);
  await db
    .update(experiments)
    .set({ lifecycleStage: "deleted", deletedAt: sql`clock_timestamp()` })
    .where(and(eq(experiments.experimentId, BigInt(experimentId)), ne(experiments.lifecycleStage, "deleted")));
  return await getOrThrow(db, experimentId);
}

/** @see EntityStore.restoreExperiment */
export async function restoreExperiment(db: NodePgDatabase, experimentId: string): Promise<Experiment> {
  await getOrThrow(db, experimentId);
  await db
    .update(experiments)
    .set({ lifecycleStage: "active", deletedAt: null })
    .where(eq(experiments.experimentId, BigInt(experimentId)));
  return await getOrThrow(db, experimentId);
}

/** @see EntityStore.removeExperiment */
export async function removeExperiment(db: NodePgDatabase, experimentId: string): Promise<void> {
  if (!isId(experimentId)) return;
  await db
    .delete(experiments)
    .where(and(eq(experiments.experimentId, BigInt(experimentId)), eq(experiments.lifecycleStage, "deleted")));
}

async function findOne(db: NodePgDatabase, condition: ReturnType<typeof eq>): Promise<Experiment | undefined> {
  const [row] = await db.select().from(experiments).where(condition);
  return row && toExperiment(row);
}

async function getOrThrow(db: NodePgDatabase, experimentId: string): Promise<Experiment> {
  const found = await getExperiment(db, experimentId);
  if (found !== undefined) return found;
  throw new SightlineError(
    "EXPERIMENT_NOT_FOUND",
    `No experiment has the id "${preview(experimentId, 40)}". GET /api/v1/experiments lists them.`,
  );
}

function isDeleted({ name, experimentId }: Experiment): SightlineError {
  return new SightlineError(
    "EXPERIMENT_DELETED",
    `The experiment "${preview(name, 100)}" (id ${experimentId}) is deleted. Restore it, or use another name.`,
  );
}

async function nameIsTaken(db: NodePgDatabase, name: string): Promise<SightlineError> {
  const holder = await getExperimentByName(db, name);
  const what =
    holder?.deleteTime === undefined
      ? "exists. Use it, or choose another name."
      : `exists and is deleted (id ${holder.experimentId}). Restore it, purge it, or choose another name.`;
  return new SightlineError("EXPERIMENT_EXISTS", `An experiment with the name "${preview(name, 100)}" ${what}`);
}

/** @see https://www.postgresql.org/docs/current/errcodes-appendix.html (23505 unique_violation) */
function isUniqueViolation(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return cause instanceof Error && "code" in cause && cause.code === "23505";
}

/** 18 digits always fit bigint; other texts are no ids. */
function isId(text: string): boolean {
  return /^\d{1,18}$/.test(text);
}

/** @throws INVALID_PARAMETER */
function checkName(name: string): void {
  if (name !== "" && isStorable(name) && name.length <= MAX_NAME_CHARS) return;
  throw new SightlineError(
    "INVALID_PARAMETER",
    `"${preview(name, 40)}" cannot name an experiment: a name has 1 to ${MAX_NAME_CHARS} characters and no NUL.`,
  );
}

/** PostgreSQL text holds every character but NUL. */
function isStorable(text: string): boolean {
  return !text.includes("\u0000");
}

function retentionCell(days: number | null | "default"): number | null {
  if (days === "default") return null;
  return days ?? FOR_EVER;
}

function toExperiment(row: typeof experiments.$inferSelect): Experiment {
  const { retentionDays, deletedAt } = row;
  return {
    experimentId: String(row.experimentId),
    name: row.name,
    createTime: row.createdAt.toISOString(),
    ...(deletedAt !== null && { deleteTime: deletedAt.toISOString() }),
    ...(retentionDays !== null && { retentionDays: retentionDays === FOR_EVER ? null : retentionDays }),
  };
}
