/**
 * A backup → a data directory, without a server.
 */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { restoreStore } from "@sightline/store/restore";
import { SightlineError } from "@sightline/wire/errors";
import type { BackupManifest } from "@sightline/wire/model/backup";
import { readManifest, readTables, verifyBackup } from "./backup-folder.ts";

export interface RestoreOptions {
  /** Folder of the backup. */
  readonly from: string;
  /** Where the embedded engines will have their data; must be empty or not there. Not used with two external engines. */
  readonly dataDir: string;
  /** External engines, as with the server. Their databases must be empty. */
  readonly clickhouseUrl?: string | undefined;
  readonly databaseUrl?: string | undefined;
  /** Told each step in a sentence. */
  readonly onStep: (sentence: string) => void;
  /** Told how many bytes of the backup were read, of how many. */
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Checks the whole backup, then restores it. The data directory gets its name when all is in it: a restore that was cut leaves no
 * directory that a server could start on.
 *
 * @throws BACKUP_NOT_FOUND, BACKUP_UNUSABLE, STORE_NOT_EMPTY; STORAGE_FULL, STORE_UNAVAILABLE
 */
export async function restoreBackup(options: RestoreOptions): Promise<BackupManifest> {
  const { from, onStep, onProgress, clickhouseUrl, databaseUrl } = options;
  const dataDir = resolve(options.dataDir);
  const manifest = await readManifest(from);
  const usesDirectory = clickhouseUrl === undefined || databaseUrl === undefined;
  if (usesDirectory) await refuseUnlessEmpty(dataDir);

  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  const onBytes = (more: number) => {
    done += more;
    onProgress(done, bytes);
  };
  onStep(`Checking the backup "${manifest.name}" of ${manifest.startTime}.`);
  await verifyBackup(from, manifest, onBytes);

  done = 0;
  const draft = `${dataDir}.restoring-${process.pid}`;
  try {
    // 0711: embedded PostgreSQL runs as another user when we are root and must be able to pass through to its own folder.
    if (usesDirectory) await mkdir(draft, { recursive: true, mode: 0o711 });
    await restoreStore(
      {
        dataDir: draft,
        ...(clickhouseUrl !== undefined && { clickhouseUrl }),
        ...(databaseUrl !== undefined && { databaseUrl }),
        onProgress: onStep,
      },
      {
        schema: manifest.schema,
        newestVersion: manifest.newestVersion,
        tables: readTables(from, manifest, onBytes),
      },
    );
    if (usesDirectory) {
      await mkdir(dirname(dataDir), { recursive: true });
      // Takes the place of a directory only if that is empty.
      await rename(draft, dataDir);
    }
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
  return manifest;
}

async function refuseUnlessEmpty(dataDir: string): Promise<void> {
  const entries = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (entries.length === 0) return;
  throw new SightlineError(
    "STORE_NOT_EMPTY",
    `${dataDir} is not empty, and a backup is only restored into an empty data directory. Name one that does not exist yet.`,
  );
}
