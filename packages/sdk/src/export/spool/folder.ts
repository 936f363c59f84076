/**
 * The folder of the spools: made safe, and searched for what processes left that are gone.
 *
 * Together the spools of gone processes may take as much as one living process: beyond it the spans of the longest silent ones
 * are removed. Their state files stay until they were sent, so that the server still reports what is missing.
 */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { type SpoolName, segmentFiles, spoolsIn, statePath } from "./names.ts";
import { isGone, thisProcess } from "./owner.ts";
import { Spool } from "./spool.ts";

/** Nobody came for it: the server has another address by now. */
const MAX_AGE_MS = 30 * 86_400_000;

/** `<tmpdir>/sightline-spool-<uid>` */
export function defaultSpoolFolder(): string {
  return join(tmpdir(), `sightline-spool-${process.getuid?.() ?? userInfo().username}`);
}

/** What the files of a server's spools are marked with: a process that has another key must not send them. */
export function serverMark({
  url,
  apiKey = "",
}: {
  readonly url: string;
  readonly apiKey?: string | undefined;
}): string {
  return createHash("sha256").update(`${url}\n${apiKey}`).digest("hex").slice(0, 12);
}

/**
 * Makes the folder if it is not there. Nobody else may read or write in it: it holds what users said, and is in a place where
 * others may have made a folder of this name.
 *
 * @throws what the file system says, or a sentence when the folder is not safe
 */
export function prepareFolder(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const found = lstatSync(dir);
  const uid = process.getuid?.();
  if (!found.isDirectory()) throw new Error(`${dir} is not a folder`);
  // Windows has no such numbers; its temporary folder is the user's own.
  if (uid === undefined) return;
  if (found.uid !== uid) throw new Error(`${dir} belongs to another user`);
  if ((found.mode & 0o077) !== 0) throw new Error(`${dir} can be read or written by others; chmod 700 it`);
}

/**
 * Takes over the spool of a process that is gone, the longest silent one first.
 *
 * @returns undefined when there is none for this server
 */
export function takeOverNext(dir: string, server: string): Spool | undefined {
  for (const { name } of goneSpools(dir)) {
    if (name.server !== server) continue;
    const taken = claim(dir, name);
    const spool = taken && Spool.open(dir, taken);
    if (spool !== undefined) return spool;
  }
  return undefined;
}

/**
 * Holds what gone processes left to `maxBytes`.
 *
 * @returns of how many processes spans were removed
 */
export function trimGone(dir: string, maxBytes: number): number {
  const gone = goneSpools(dir).map((spool) => {
    const segments = segmentFiles(dir, spool.name.instanceId).map(({ path }) => ({ path, bytes: sizeOf(path) }));
    return { ...spool, segments, bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0) };
  });
  let bytes = gone.reduce((sum, spool) => sum + spool.bytes, 0);
  let trimmed = 0;
  for (const spool of gone) {
    const isOld = spool.silentMs > MAX_AGE_MS;
    if (!isOld && (bytes <= maxBytes || spool.bytes === 0)) continue;
    const taken = claim(dir, spool.name);
    if (taken === undefined) continue;
    for (const { path } of spool.segments) rmSync(path, { force: true });
    bytes -= spool.bytes;
    if (spool.bytes > 0) trimmed += 1;
    if (isOld) rmSync(statePath(dir, taken), { force: true });
    // Back to the name of the gone: whoever spools to its server reports what is missing.
    else renameSync(statePath(dir, taken), statePath(dir, spool.name));
  }
  return trimmed;
}

interface GoneSpool {
  readonly name: SpoolName;
  readonly silentMs: number;
}

/** Spools whose owners are gone, the longest silent first. */
function goneSpools(dir: string): GoneSpool[] {
  const gone: GoneSpool[] = [];
  for (const name of spoolsIn(dir)) {
    const silentMs = silence(statePath(dir, name));
    if (silentMs !== undefined && isGone(name.owner, silentMs)) gone.push({ name, silentMs });
  }
  return gone.sort((a, b) => b.silentMs - a.silentMs);
}

/** Milliseconds since the file was written; undefined if it is there no more: another process took it. */
function silence(path: string): number | undefined {
  const mtimeMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return mtimeMs === undefined ? undefined : Date.now() - mtimeMs;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Renames the state file: of several processes that try, one can. */
function claim(dir: string, name: SpoolName): SpoolName | undefined {
  const taken = { ...name, owner: thisProcess() };
  try {
    renameSync(statePath(dir, name), statePath(dir, taken));
    return taken;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
