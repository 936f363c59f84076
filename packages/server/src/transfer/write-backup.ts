/**
 * Everything that is stored → the folder of a backup, while the server goes on.
 */
import { readFileSync } from "node:fs";
import type { BackupSource } from "@sightline/store/backup-source";
import { BACKUP_FORMAT, type BackupFile, type BackupManifest } from "@sightline/wire/model/backup";
import { BackupDraft } from "./backup-folder.ts";

export interface WriteBackupOptions {
  readonly source: BackupSource;
  /** Resolves when everything that was acknowledged until now is in the store. */
  readonly settle: () => Promise<unknown>;
  readonly folder: string;
  readonly name: string;
  readonly signal: AbortSignal;
  /** Told how many rows are written, of about how many. */
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Writes a backup; on failure nothing is left of it.
 *
 * @throws BACKUP_EXISTS, STORAGE_FULL, STORE_UNAVAILABLE
 */
export async function writeBackup(options: WriteBackupOptions): Promise<BackupManifest> {
  const { source, signal, onProgress } = options;
  const draft = await BackupDraft.begin(options.folder);
  try {
    const startTime = new Date().toISOString();
    await options.settle();
    const [schema, newestVersion, total] = await Promise.all([
      source.schema(),
      source.newestVersion(),
      source.countRows(),
    ]);
    let done = 0;
    const files: BackupFile[] = [];
    for await (const table of source.tables({ signal })) {
      files.push(
        await draft.writeTable(table, (rows) => {
          done += rows;
          // The total is of before, and counts rows that were replaced.
          onProgress(done, Math.max(done, total));
        }),
      );
    }
    signal.throwIfAborted();
    const manifest: BackupManifest = {
      format: BACKUP_FORMAT,
      name: options.name,
      sightline: version(),
      startTime,
      endTime: new Date().toISOString(),
      schema: { clickhouse: [...schema.clickhouse], postgres: [...schema.postgres] },
      newestVersion,
      files,
    };
    await draft.finish(manifest);
    return manifest;
  } catch (error) {
    await draft.discard();
    throw error;
  }
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
