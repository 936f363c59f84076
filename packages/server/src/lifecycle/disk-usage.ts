/**
 * How many bytes the data takes, and how many are free beside it.
 */
import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Stores } from "../query/stores.ts";

export interface DiskUsage {
  /** Bytes of what is live in the telemetry store. Parts that were replaced go within minutes and are not counted. */
  readonly telemetry: number;
  /** Embedded PostgreSQL: its whole folder, write-ahead log included; else the database. */
  readonly entities: number;
  /** Bytes acknowledged and not in the telemetry store yet. The journal's files keep up to 32 MiB more that are done with. */
  readonly journal: number;
  /** Bytes of attachments, those that several share once. */
  readonly attachments: number;
  readonly total: number;
}

/** Where the data lies. */
export interface DataPlaces {
  readonly stores: Stores;
  /** Undefined when both engines are external. */
  readonly dataDir: string | undefined;
  /** Bytes in the journal that are not in the telemetry store yet. */
  readonly journalBytes: () => number;
}

/** What is live is counted: what was replaced or is done with goes by itself, within minutes, and cannot be deleted. */
export async function measureUsage({ stores, dataDir, journalBytes }: DataPlaces): Promise<DiskUsage> {
  const [tables, database, postgres, { bytes: attachments }] = await Promise.all([
    stores.telemetry.tableSizes(),
    stores.entities.bytesOnDisk(),
    dataDir === undefined ? 0 : folderBytes(join(dataDir, "postgres")),
    stores.attachments.measure(),
  ]);
  const journal = journalBytes();
  const telemetry = tables.reduce((sum, { bytesOnDisk }) => sum + bytesOnDisk, 0);
  // With an external database the folder is not there.
  const entities = Math.max(database, postgres);
  return { telemetry, entities, journal, attachments, total: telemetry + entities + journal + attachments };
}

/** Free and all bytes of the disk that a folder is on. */
export async function measureDisk(dir: string): Promise<{ freeBytes: number; totalBytes: number }> {
  const { bavail, blocks, bsize } = await statfs(dir);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** Bytes that the files of a folder take on disk; 0 if it is not there. */
async function folderBytes(dir: string): Promise<number> {
  let sum = 0;
  const pending = [dir];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of await ifThere(readdir(folder, { withFileTypes: true }), [])) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) pending.push(path);
      // POSIX: st_blocks counts units of 512 bytes, whatever the file system's block size.
      else if (entry.isFile())
        sum += await ifThere(
          stat(path).then(({ blocks }) => blocks * 512),
          0,
        );
    }
  }
  return sum;
}

/** Engines make and remove files while we look. */
async function ifThere<T>(work: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return otherwise;
    throw error;
  }
}
