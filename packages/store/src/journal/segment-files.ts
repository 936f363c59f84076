/**
 * The files of a journal: made, listed, read whole, removed. The folder is synced whenever a name in it changes.
 */
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { SEGMENT_MAGIC } from "./entry-format.ts";

/** What the journal needs of an open file; tests hand in files that fail. */
export interface SegmentFile {
  /** May write less than it was given, as the system call does. */
  writev(buffers: readonly Uint8Array[], position: number): Promise<{ bytesWritten: number }>;
  datasync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** Makes and opens a file that must not be there yet. */
export type OpenSegment = (path: string) => Promise<SegmentFile>;

const SUFFIX = ".journal";

export const openSegmentFile: OpenSegment = (path) => open(path, "wx", 0o600);

export function segmentPath(dir: string, number: number): string {
  return join(dir, `${String(number).padStart(12, "0")}${SUFFIX}`);
}

/** Makes the folder. */
export async function makeJournalDir(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
}

/** Numbers of the segments that are there, rising. */
export async function listSegments(dir: string): Promise<number[]> {
  const names = await readdir(dir);
  return names
    .filter((name) => /^\d{12}\.journal$/.test(name))
    .map((name) => Number(name.slice(0, -SUFFIX.length)))
    .sort((left, right) => left - right);
}

/** A new segment with its first bytes, on disk together with its name. */
export async function createSegment(dir: string, number: number, openFile: OpenSegment): Promise<SegmentFile> {
  const path = segmentPath(dir, number);
  const file = await openFile(path);
  try {
    await writeAll(file, [SEGMENT_MAGIC], 0);
    await file.datasync();
    await syncDir(dir);
    return file;
  } catch (error) {
    // The reason why it cannot be used is what the caller must hear; an empty segment left behind is no harm.
    await file.close().catch(() => undefined);
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Writes all bytes: the system call may stop early, and says why only when it is called again. */
export async function writeAll(file: SegmentFile, buffers: readonly Uint8Array[], position: number): Promise<number> {
  let rest = buffers.filter(({ length }) => length > 0);
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    rest = behind(rest, bytesWritten);
  }
  return at;
}

function behind(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count;
  const rest: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (skip < buffer.length) rest.push(skip === 0 ? buffer : buffer.subarray(skip));
    skip = Math.max(0, skip - buffer.length);
  }
  return rest;
}

export async function readSegment(dir: string, number: number): Promise<Buffer> {
  return readFile(segmentPath(dir, number));
}

/** Cuts a segment to this length. */
export async function cutSegment(dir: string, number: number, length: number): Promise<void> {
  const file = await open(segmentPath(dir, number), "r+");
  try {
    await file.truncate(length);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Removes segments; a removal that a power cut undoes only makes their entries be replayed. */
export async function removeSegments(dir: string, numbers: readonly number[]): Promise<void> {
  for (const number of numbers) await rm(segmentPath(dir, number), { force: true });
  if (numbers.length > 0) await syncDir(dir);
}

/** Takes a segment out of the journal without deleting it. @returns where it is now */
export async function setSegmentAside(dir: string, number: number): Promise<string> {
  const path = segmentPath(dir, number);
  const aside = `${path}.damaged`;
  await rename(path, aside);
  await syncDir(dir);
  return aside;
}

/** Puts the names in a folder on disk. */
export async function syncDir(dir: string): Promise<void> {
  // Windows cannot open folders; its file systems journal names themselves.
  if (process.platform === "win32") return;
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
