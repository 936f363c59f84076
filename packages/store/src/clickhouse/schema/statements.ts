/**
 * A step of the schema → the statements for one deployment.
 *
 * On a cluster every table is two: `spans_local` holds the rows of one shard, `spans` reads and writes all shards. Rows go to
 * shards by `cityHash64(trace_id)`: all versions of a row, and all rows of a trace, lie on one shard, so that FINAL, joins and
 * `IN (SELECT …)` are right on each shard alone.
 */
import type { SchemaDialect, SchemaStep } from "./dialect.ts";

/** The statements of a step, in order. */
export function statementsOf(step: SchemaStep, database: string, dialect: SchemaDialect): readonly string[] {
  const name = (table: string) => `\`${database}\`.\`${table}\``;
  if (dialect.cluster === undefined) return step.statements(name, dialect);
  return step
    .statements((table) => name(localName(table)), dialect)
    .flatMap((statement) => [statement, ...distributed(statement, database, dialect)]);
}

const localName = (table: string) => `${table}_local`;

/** What a statement about a `_local` table asks of the table over all shards. */
function distributed(statement: string, database: string, dialect: SchemaDialect): readonly string[] {
  const target = /^(CREATE TABLE IF NOT EXISTS|ALTER TABLE) `\w+`\.`(\w+)_local`/.exec(statement);
  const [, action, table] = target ?? [];
  // Anything else (INSERT … SELECT of a migration, OPTIMIZE) works on the rows that are there.
  if (action === undefined || table === undefined) return [];
  const whole = `\`${database}\`.\`${table}\``;
  if (action.startsWith("CREATE")) {
    // Rows that are of no trace are written by each server for its own shard (`text-index.ts`), if at all.
    const shard = /\btrace_id\b/.test(statement) ? "cityHash64(trace_id)" : "rand()";
    const shards = `Distributed('${dialect.cluster}', '${database}', '${localName(table)}', ${shard})`;
    return [
      `CREATE TABLE IF NOT EXISTS ${whole} ${dialect.onCluster} AS \`${database}\`.\`${localName(table)}\` ENGINE = ${shards}`,
    ];
  }
  // Settings and indexes are the business of the local table; columns are both tables'.
  const changesColumns = /\b(ADD|DROP|MODIFY|RENAME|COMMENT) COLUMN\b/.test(statement);
  if (!changesColumns) return [];
  if (/\b(ADD|DROP|MATERIALIZE|CLEAR) (INDEX|PROJECTION)\b|\b(MODIFY|RESET) SETTING\b/.test(statement)) {
    throw new Error(`A schema statement changes columns and something else; make two of it: ${statement}`);
  }
  return [withoutCodecs(statement.replace(`\`${table}_local\``, `\`${table}\``))];
}

/** A Distributed table stores nothing, so its columns take no codec. */
function withoutCodecs(statement: string): string {
  return statement.replace(/ CODEC\((?:[^()]|\([^()]*\))*\)/g, "");
}
