/**
 * Both engines and the bytes of attachments as one source of backups.
 */
import type { Pool } from "pg";
import type { AttachmentStore } from "./attachments/attachment-store.ts";
import type { BackupSource } from "./backup-source.ts";
import { BLOB_TABLE, dumpBlobs } from "./blobs/blob-rows.ts";
import * as clickhouse from "./clickhouse/backup.ts";
import type { Queries } from "./clickhouse/queries.ts";
import { newestVersion } from "./clickhouse/recovery.ts";
import * as postgres from "./postgres/dump.ts";

export interface BackupSourceParts {
  readonly queries: Queries;
  readonly pool: Pool;
  readonly attachments: AttachmentStore;
}

/** The source over open engines whose schemas are up to date. */
export function createBackupSource({ queries, pool, attachments }: BackupSourceParts): BackupSource {
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
      // The rows of PostgreSQL are read at one moment; what they name is there until it was copied, also if it is deleted meanwhile.
      const release = attachments.holdBlobs();
      try {
        yield* clickhouse.dumpTables(queries, options);
        yield* postgres.dumpTables(pool, options);
        const { blobs } = attachments;
        if (blobs === undefined) return;
        yield { engine: "blobs", table: BLOB_TABLE, rows: () => dumpBlobs(blobs, options) };
      } finally {
        await release();
      }
    },
  };
}
