/**
 * The file that keeps reports of SDK processes while PostgreSQL is away, so that the journal can let go of the requests they came with.
 */
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { journalFailure } from "@sightline/store/journal/journal-failure";
import type { SdkProcessFacts } from "@sightline/store/sdk-processes";
import { parseJson } from "@sightline/wire/json";

export interface SdkReportsFile {
  /** What the file holds; empty without one. @throws Error if it cannot be read */
  read(): Promise<readonly SdkProcessFacts[]>;
  /** Replaces what the file holds; on disk when it resolves. @throws STORAGE_FULL, STORE_UNAVAILABLE */
  write(facts: readonly SdkProcessFacts[]): Promise<void>;
  remove(): Promise<void>;
}

export function sdkReportsFile(path: string): SdkReportsFile {
  return {
    async read() {
      const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      });
      if (text === undefined) return [];
      const facts = parseJson(text);
      if (!Array.isArray(facts)) throw new Error(`${path} does not hold reports of SDK processes.`);
      // Written by `write`, whole or not at all: the file is renamed into place.
      return facts as SdkProcessFacts[];
    },
    async write(facts) {
      const draft = `${path}.new`;
      try {
        await writeSynced(draft, JSON.stringify(facts));
        await rename(draft, path);
        await syncFolder(dirname(path));
      } catch (error) {
        throw journalFailure(error, path);
      }
    },
    // A removal that a power cut undoes only makes the reports be added again.
    remove: () => rm(path, { force: true }),
  };
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Brings the names in a folder to disk. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
