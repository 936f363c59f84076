/**
 * A backup → an empty store.
 */
import { SightlineError } from "@sightline/wire/errors";
import type { BackupEngine, BackupSchema, BackupTable } from "./backup-source.ts";
import { loadBlobs } from "./blobs/blob-rows.ts";
import { loadTable } from "./clickhouse/backup.ts";
import { migrateClickHouse } from "./clickhouse/migrate-clickhouse.ts";
import { Queries } from "./clickhouse/queries.ts";
import { schemaSteps } from "./clickhouse/schema/steps.ts";
import { param, sql } from "./clickhouse/sql.ts";
import { type OpenEngines, openAttachments, openEngines, openTelemetry, type StoreOptions } from "./open.ts";
import { loadTables } from "./postgres/dump.ts";
import { migratePostgres } from "./postgres/migrate-postgres.ts";
import { createAttachments } from "./postgres/migrations/0007-attachments.ts";
import { migrations } from "./postgres/migrations/list.ts";

/** Where the rows of a backup go. */
type Place = BackupTable["engine"];

/** What is restored. */
export interface StoredBackup {
  readonly schema: BackupSchema;
  /** What `BackupSource.newestVersion` gave when the backup began. */
  readonly newestVersion: number;
  /** In the order of the backup. */
  readonly tables: readonly BackupTable[];
}

/**
 * Fills an empty store: the schema of the backup, its rows, then the migrations since, then a repair of traces that changed while the
 * backup was made.
 *
 * @throws STORE_NOT_EMPTY before anything is changed; BACKUP_UNUSABLE if the backup is of a newer version; STORE_UNAVAILABLE,
 *   STORAGE_FULL. After a failure the store holds a part of the backup: remove it.
 */
export async function restoreStore(options: StoreOptions, backup: StoredBackup): Promise<void> {
  const clickhouseSteps = stepsOf("clickhouse", backup, schemaSteps);
  const postgresSteps = stepsOf("postgres", backup, migrations);
  const engines = await openEngines(options);
  try {
    const queries = new Queries(engines.client, engines.database);
    await refuseUnlessEmpty(engines, queries);
    // The rows find the schema that they were written in; a migration that changes rows sees them as a running server would.
    await migratePostgres(engines.pool, () => migrateClickHouse(queries, undefined, clickhouseSteps), postgresSteps);
    await loadTables(engines.pool, tablesOf(backup, "postgres"));
    for await (const { table, rows } of tablesOf(backup, "clickhouse")) await loadTable(queries, table, rows());
    await restoreBlobs(engines, options, backup);
    options.onProgress?.("Bringing the schema up to date and checking the traces.");
    await openTelemetry(engines, { repairSince: backup.newestVersion });
  } finally {
    await engines.close();
  }
}

/** Two external engines have no place for the bytes: then the attachments are left out, and it is said. */
async function restoreBlobs(
  { entities, pool }: OpenEngines,
  options: StoreOptions,
  backup: StoredBackup,
): Promise<void> {
  const { blobs } = openAttachments(entities, options);
  if (blobs !== undefined) {
    for await (const { rows } of tablesOf(backup, "blobs")) await loadBlobs(blobs, rows());
    return;
  }
  if (!backup.schema.postgres.includes(createAttachments.number)) return;
  const { rowCount } = await pool.query("DELETE FROM sightline.attachments");
  if (rowCount === null || rowCount === 0) return;
  options.onProgress?.(
    `${rowCount} attachments are left out: two external engines have no data directory to keep them in.`,
  );
}

async function* tablesOf({ tables }: StoredBackup, engine: Place): AsyncGenerator<BackupTable, void> {
  yield* tables.filter((table) => table.engine === engine);
}

/** @throws BACKUP_UNUSABLE for a step that this version does not know */
function stepsOf<Step extends { readonly number: number }>(
  engine: BackupEngine,
  { schema }: StoredBackup,
  known: readonly Step[],
): readonly Step[] {
  return schema[engine].map((number) => {
    const step = known.find((candidate) => candidate.number === number);
    if (step) return step;
    throw new SightlineError(
      "BACKUP_UNUSABLE",
      `The backup was made by a newer Sightline (${engine} schema ${number} is not known here). Restore it with that version.`,
    );
  });
}

/** @throws STORE_NOT_EMPTY */
async function refuseUnlessEmpty({ pool, database }: OpenEngines, queries: Queries): Promise<void> {
  const { rows } = await pool.query("SELECT 1 FROM pg_namespace WHERE nspname = 'sightline'");
  const [tables] = await queries.rows(
    sql`SELECT count() FROM system.tables WHERE database = ${param(database, "String")}`,
  );
  const full = rows.length > 0 ? "PostgreSQL" : Number(tables?.[0] ?? 0) > 0 ? "ClickHouse" : undefined;
  if (full === undefined) return;
  throw new SightlineError(
    "STORE_NOT_EMPTY",
    `${full} holds data of a Sightline already, and a backup is only restored into an empty store; choose another data directory or database.`,
  );
}
