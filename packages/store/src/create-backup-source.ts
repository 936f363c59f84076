/**
 * Both engines as one source of backups.
 */
import type { Pool } from "pg";
import type { BackupSource } from "./backup-source.ts";
import * as clickhouse from "./clickhouse/backup.ts";
import type { Queries } from "./clickhouse/queries.ts";
import { newestVersion } from "./clickhouse/recovery.ts";
import * as postgres from "./postgres/dump.ts";

/** The source over open engines whose schemas are up to date. */
export function createBackupSource({ queries, pool }: { queries: Queries; pool: Pool }): BackupSource {
  return {
    async schema() {
      const numbers = await Promise.all([clickhouse.readSchemaNumbers(queries), postgres.readSchemaNumbers(pool)]);
      return { clickhouse: numbers[0], postgres: numbers[1] };
    },
    async countRows() {
      const tables = await clickhouse.listTables(queries);
      return tables.reduce((sum, { rows }) => sum + rows, await postgres.countRows(pool));
    },
    newestVersion: () => newestVersion(queries),
    async *tables(options) {
      yield* clickhouse.dumpTables(queries, options);
      yield* postgres.dumpTables(pool, options);
    },
  };
}
