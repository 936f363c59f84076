/**
 * A body kept in a temporary file, for formats that are not read from the beginning to the end.
 */
import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { RandomAccess } from "@sightline/store/parquet/parquet-metadata";
import { SightlineError } from "@sightline/wire/errors";

export interface SpooledFile extends RandomAccess {
  /** Gives its room back; to be called in any case. */
  close(): Promise<void>;
}

/** How many bytes are written between two looks at the disk. */
const CHECK_BYTES = 64 * 1024 * 1024;

/**
 * Writes the stream to a file that has no name: whatever happens to the process, nothing stays.
 *
 * @param call  `checkDisk` throws while no more may be written
 * @throws STORAGE_FULL; the errors of the stream, of `checkDisk` and of the file system
 */
export async function spoolFile(
  body: AsyncIterable<Uint8Array>,
  { spoolDir, checkDisk }: { readonly spoolDir: string; readonly checkDisk: () => Promise<void> },
): Promise<SpooledFile> {
  await mkdir(spoolDir, { recursive: true, mode: 0o700 });
  const path = join(spoolDir, `import-${randomUUID()}`);
  const handle = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
    const size = await writeAll(handle, body, checkDisk);
    return { size, read: (start, length) => read(handle, start, length), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
    throw new SightlineError("STORAGE_FULL", "The disk is full; the file of the import does not fit on it.", {
      cause: error,
    });
  }
}

async function writeAll(
  handle: FileHandle,
  body: AsyncIterable<Uint8Array>,
  checkDisk: () => Promise<void>,
): Promise<number> {
  let size = 0;
  let unchecked = CHECK_BYTES;
  for await (const piece of body) {
    unchecked += piece.length;
    if (unchecked >= CHECK_BYTES) {
      await checkDisk();
      unchecked = 0;
    }
    await handle.writeFile(piece);
    size += piece.length;
  }
  return size;
}

async function read(handle: FileHandle, start: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, length - at, start + at);
    if (bytesRead === 0) throw new RangeError(`The file has no ${length} bytes at ${start}.`);
    at += bytesRead;
  }
  return bytes;
}
