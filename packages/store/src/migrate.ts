/**
 * Numbered migrations, applied once, in order.
 *
 * Both dialects use this runner; each brings its own way to run statements and to remember what was run. The SQL stands in
 * TypeScript files, one a migration: `tsc` copies no .sql files to dist, and templates are type-checked.
 */
import { SightlineError } from "@sightline/wire/errors";

export interface Migration {
  /** 1, 2, 3 … without gaps. */
  readonly number: number;
  /** Kebab-case, for the record and for messages. */
  readonly name: string;
  readonly statements: readonly string[];
}

/** What a dialect brings. The caller sees to it that only one process migrates at a time. */
export interface MigrationPort {
  /** Numbers of the migrations that were applied before; an empty set on a new store. */
  applied(): Promise<ReadonlySet<number>>;
  /** Runs the statements in order and records the migration. After a crash in between it is run again from its start. */
  apply(migration: Migration): Promise<void>;
}

/**
 * Applies the migrations that are missing.
 *
 * @returns the migrations that were applied now
 * @throws STORE_UNAVAILABLE if the store was written by a newer version, which has migrations that are not in the list
 */
export async function migrate(port: MigrationPort, migrations: readonly Migration[]): Promise<Migration[]> {
  const applied = await port.applied();
  const newest = Math.max(0, ...applied);
  const known = Math.max(0, ...migrations.map(({ number }) => number));
  if (newest > known) {
    throw new SightlineError(
      "STORE_UNAVAILABLE",
      `The data was written by a newer Sightline (its schema is at ${newest}, this version knows ${known}). ` +
        "Start that version, or use another data directory.",
    );
  }
  const missing = migrations.filter((migration) => !applied.has(migration.number));
  for (const migration of missing) await port.apply(migration);
  return missing;
}
