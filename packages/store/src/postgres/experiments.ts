/**
 * Experiments in PostgreSQL.
 */
import { SightlineError } from "@sightline/wire/errors";
import { preview } from "@sightline/wire/json";
import { DEFAULT_EXPERIMENT, type Experiment } from "@sightline/wire/model/experiment";
import { and, eq, sql } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { experiments } from "./schema.ts";

/** Longest name; MLflow's limit too (mlflow/utils/validation.py, MAX_EXPERIMENT_NAME_LENGTH). */
const MAX_NAME_CHARS = 500;

const isActive = eq(experiments.lifecycleStage, "active");

/** @see EntityStore.listExperiments */
export async function listExperiments(db: NodePgDatabase): Promise<Experiment[]> {
  const rows = await db
    .select()
    .from(experiments)
    .where(isActive)
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
  // 18 digits always fit bigint; other texts are no ids.
  if (!/^\d{1,18}$/.test(experimentId)) return undefined;
  return await findOne(db, eq(experiments.experimentId, BigInt(experimentId)));
}

/** @see EntityStore.getExperimentByName */
export async function getExperimentByName(db: NodePgDatabase, name: string): Promise<Experiment | undefined> {
  return isStorable(name) ? await findOne(db, eq(experiments.name, name)) : undefined;
}

/** @see EntityStore.ensureExperiment */
export async function ensureExperiment(db: NodePgDatabase, name: string): Promise<Experiment> {
  if (name === "" || !isStorable(name) || name.length > MAX_NAME_CHARS) {
    throw new SightlineError(
      "INVALID_PARAMETER",
      `"${preview(name, 40)}" cannot name an experiment: a name has 1 to ${MAX_NAME_CHARS} characters and no NUL.`,
    );
  }
  // Looked for first, because an insert that meets a conflict writes all the same, and every export request may come here.
  const found = await getExperimentByName(db, name);
  if (found !== undefined) return found;
  // One statement: of callers at the same moment one inserts, the others get its row. A deleted experiment comes back.
  const [row] = await db
    .insert(experiments)
    .values({ name })
    .onConflictDoUpdate({ target: experiments.name, set: { lifecycleStage: "active" } })
    .returning();
  if (row === undefined) throw new Error("INSERT … ON CONFLICT DO UPDATE returned no row.");
  return toExperiment(row);
}

async function findOne(db: NodePgDatabase, condition: ReturnType<typeof eq>): Promise<Experiment | undefined> {
  const [row] = await db.select().from(experiments).where(and(condition, isActive));
  return row && toExperiment(row);
}

/** PostgreSQL text holds every character but NUL. */
function isStorable(text: string): boolean {
  return !text.includes("\u0000");
}

function toExperiment(row: typeof experiments.$inferSelect): Experiment {
  return { experimentId: String(row.experimentId), name: row.name, createTime: row.createdAt.toISOString() };
}
