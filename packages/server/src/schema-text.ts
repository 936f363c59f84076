/**
 * The telemetry schema as text, for operators who make it by hand: on a cluster, or where servers may not create tables.
 */
import { schemaStatements } from "@sightline/store/clickhouse/migrate-clickhouse";
import { clusterDialect, singleServer } from "@sightline/store/clickhouse/schema/dialect";
import { SightlineError } from "@sightline/wire/errors";

/**
 * All statements of the schema, each ended by `;`.
 *
 * @param cluster  name of a cluster; absent = one server
 * @throws BAD_SETTING for a name of database or cluster that would need quoting
 */
export function schemaText(database: string, cluster: string | undefined): string {
  if (!/^\w+$/.test(database)) {
    throw new SightlineError("BAD_SETTING", `"${database}" cannot name a database; use letters, digits and _.`);
  }
  const dialect = cluster === undefined ? singleServer : clusterDialect(cluster);
  return schemaStatements(database, dialect)
    .map((statement) => `${statement.trim()};\n`)
    .join("\n");
}
