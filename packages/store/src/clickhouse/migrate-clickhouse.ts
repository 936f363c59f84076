/**
 * Brings the ClickHouse schema up to date.
 *
 * ClickHouse has no lock that a client could hold. The embedded engine has one owner; for external ones `open.ts` holds
 * PostgreSQL's migration lock around this. Every statement may be run twice (IF NOT EXISTS), so even a race or a crash in
 * between leaves a whole schema.
 */
import { type Migration, type MigrationPort, migrate } from "../migrate.ts";
import type { Queries } from "./queries.ts";
import { type SchemaDialect, type SchemaStep, singleServer } from "./schema/dialect.ts";
import { statementsOf } from "./schema/statements.ts";
import { schemaSteps } from "./schema/steps.ts";
import { param, raw, sql } from "./sql.ts";

/**
 * Creates the database if it is missing and applies the migrations that are.
 *
 * @throws STORE_UNAVAILABLE if the data is of a newer version
 */
export async function migrateClickHouse(
  queries: Queries,
  dialect: SchemaDialect = singleServer,
  steps: readonly SchemaStep[] = schemaSteps,
): Promise<Migration[]> {
  // Asked first, because a user who may not create databases may still own one.
  const [found] = await queries.rows(
    sql`SELECT count() FROM system.databases WHERE name = ${param(queries.database, "String")}`,
  );
  if (Number(found?.[0]) === 0) {
    await queries.command(raw(createDatabase(queries.database, dialect)));
  }
  await queries.command(raw(migrationsTable(queries.tableName("schema_migrations"), dialect)));

  const port: MigrationPort = {
    async applied() {
      const rows = await queries.rows(sql`SELECT number FROM ${queries.table("schema_migrations")} FINAL`);
      return new Set(rows.map(([number]) => Number(number)));
    },
    async apply({ number, name, statements }) {
      for (const statement of statements) await queries.command(raw(statement));
      await queries.insert("schema_migrations", [Buffer.from(`${JSON.stringify({ number, name })}\n`)]);
    },
  };
  const migrations = steps.map((step) => ({
    number: step.number,
    name: step.name,
    statements: statementsOf(step, queries.database, dialect),
  }));
  return await migrate(port, migrations);
}

/**
 * All statements that make the schema, in order, and record that it is made: for an operator who runs them by hand. All of them can
 * be run twice.
 */
export function schemaStatements(database: string, dialect: SchemaDialect): readonly string[] {
  const migrations = `\`${database}\`.\`schema_migrations\``;
  const done = schemaSteps.map(({ number, name }) => `(${number}, '${name}')`);
  return [
    createDatabase(database, dialect),
    migrationsTable(migrations, dialect),
    ...schemaSteps.flatMap((step) => statementsOf(step, database, dialect)),
    `INSERT INTO ${migrations} (number, name) VALUES ${done.join(", ")}`,
  ];
}

function createDatabase(database: string, { onCluster }: SchemaDialect): string {
  return `CREATE DATABASE IF NOT EXISTS \`${database}\` ${onCluster}`;
}

function migrationsTable(table: string, dialect: SchemaDialect): string {
  return `CREATE TABLE IF NOT EXISTS ${table} ${dialect.onCluster} (
      number UInt32, name String, applied_at DateTime DEFAULT now(), version UInt64 DEFAULT 1, is_deleted UInt8
    ) ENGINE = ${dialect.replacingEverywhere} ORDER BY number SETTINGS ${dialect.settings}`;
}
