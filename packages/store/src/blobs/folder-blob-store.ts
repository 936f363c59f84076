/**
 * Blobs as files of a folder: `ab/cdef…` by the digits of their SHA-256, `drafts/` for what is being received.
 *
 * A file gets its name by a rename when its bytes are synced, and the folder is synced after it: whatever happens to the process or the
 * machine, a name stands for all of its bytes.
 */
import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { SightlineError } from "@sightline/wire/errors";
import type { BlobDraft, BlobStore, ListedBlob, OpenBlob } from "../blob-store.ts";

const SHA256 = /^[0-9a-f]{64}$/;
/** Bytes read from the disk at once. */
const PIECE_BYTES = 256 * 1024;
/** Files that are looked at together. */
const FILES_AT_ONCE = 500;

/** @param dir  made at the first blob */
export function openFolderBlobStore(dir: string): BlobStore {
  const drafts = join(dir, "drafts");
  const pathOf = (sha256: string) => join(dir, sha256.slice(0, 2), sha256.slice(2));
  /** Folders that are there and on disk: looked for once. */
  const made = new Set<string>();
  const makeFolder = async (path: string, parent: string) => {
    if (made.has(path)) return;
    // Attachments hold what people showed to agents: nobody else may read them.
    await mkdir(path, { recursive: true, mode: 0o700 });
    await syncFolder(parent);
    made.add(path);
  };

  return {
    async receive(bytes) {
      try {
        await makeFolder(drafts, dir);
        return await receive(bytes, join(drafts, randomUUID()), async (draft, sha256, size) => {
          const folder = join(dir, sha256.slice(0, 2));
          await makeFolder(folder, dir);
          // The same bytes are there already: only a file that something else has cut is replaced.
          if ((await sizeOf(pathOf(sha256))) === size) return;
          await rename(draft, pathOf(sha256));
          await syncFolder(folder);
        });
      } catch (error) {
        throw fromFileError(error, dir);
      }
    },
    async open(sha256) {
      if (!SHA256.test(sha256)) return undefined;
      const handle = await ifThere(open(pathOf(sha256), "r"));
      return handle && (await openBlob(handle));
    },
    async remove(sha256) {
      if (!SHA256.test(sha256)) return 0;
      const size = (await sizeOf(pathOf(sha256))) ?? 0;
      await ifThere(unlink(pathOf(sha256)));
      return size;
    },
    async *list() {
      for (const folder of (await ifThere(readdir(dir))) ?? []) {
        if (!/^[0-9a-f]{2}$/.test(folder)) continue;
        const names = (await ifThere(readdir(join(dir, folder)))) ?? [];
        const found = names.map((name) => folder + name).filter((sha256) => SHA256.test(sha256));
        for (let from = 0; from < found.length; from += FILES_AT_ONCE) {
          const listed = await Promise.all(
            found.slice(from, from + FILES_AT_ONCE).map(async (sha256): Promise<ListedBlob[]> => {
              const facts = await ifThere(stat(pathOf(sha256)));
              return facts ? [{ sha256, size: facts.size, writtenMs: facts.mtimeMs }] : [];
            }),
          );
          yield listed.flat();
        }
      }
    },
    async removeDrafts(writtenBeforeMs) {
      let bytes = 0;
      for (const name of (await ifThere(readdir(drafts))) ?? []) {
        const path = join(drafts, name);
        const facts = await ifThere(stat(path));
        if (!facts || facts.mtimeMs >= writtenBeforeMs) continue;
        await ifThere(unlink(path));
        bytes += facts.size;
      }
      return bytes;
    },
  };
}

type Keep = (path: string, sha256: string, size: number) => Promise<void>;

async function receive(bytes: AsyncIterable<Uint8Array>, path: string, keep: Keep): Promise<BlobDraft> {
  const handle = await open(path, "wx", 0o600);
  const hash = createHash("sha256");
  let size = 0;
  try {
    for await (const piece of bytes) {
      hash.update(piece);
      await handle.writeFile(piece);
      size += piece.length;
    }
    await handle.sync();
  } catch (error) {
    await handle.close();
    await rm(path, { force: true });
    throw error;
  }
  await handle.close();
  const sha256 = hash.digest("hex");
  return {
    sha256,
    size,
    keep: async () => {
      try {
        await keep(path, sha256, size);
      } catch (error) {
        throw fromFileError(error, path);
      }
    },
    discard: () => rm(path, { force: true }),
  };
}

async function openBlob(handle: FileHandle): Promise<OpenBlob> {
  const { size } = await handle.stat();
  return {
    size,
    async *read(start = 0, end = size) {
      // `end` of a stream is inclusive, and a stream cannot be empty.
      if (start >= end) {
        await handle.close();
        return;
      }
      yield* handle.createReadStream({ start, end: end - 1, highWaterMark: PIECE_BYTES }) as AsyncIterable<Uint8Array>;
    },
    close: () => handle.close(),
  };
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await ifThere(stat(path)))?.size;
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Undefined if there is no such file. */
async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** A full disk as an error that users meet; others stay what they are. */
function fromFileError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return new SightlineError("STORAGE_FULL", `The disk of ${path} is full; the attachment was not kept.`, {
    cause: error,
    retryAfterSeconds: 30,
  });
}
