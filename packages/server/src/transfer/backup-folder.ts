/**
 * The folder of a backup: written under a temporary name and renamed when it is whole, checked before it is used.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline, Transform } from "node:stream";
import { pipeline as pipelineDone } from "node:stream/promises";
import { constants, createGunzip, createGzip } from "node:zlib";
import type { BackupTable } from "@sightline/store/backup-source";
import { check } from "@sightline/wire/api/check";
import { SightlineError } from "@sightline/wire/errors";
import { parseJson } from "@sightline/wire/json";
import { BACKUP_FORMAT, type BackupFile, BackupManifest, MANIFEST_FILE } from "@sightline/wire/model/backup";

/** A backup that is being written. */
export class BackupDraft {
  readonly #folder: string;
  readonly #draft: string;

  private constructor(folder: string, draft: string) {
    this.#folder = folder;
    this.#draft = draft;
  }

  /**
   * Begins a backup at `folder`; what an earlier try left is removed.
   *
   * @throws BACKUP_EXISTS
   */
  static async begin(folder: string): Promise<BackupDraft> {
    if (await exists(folder)) throw backupExists(folder);
    const draft = join(dirname(folder), `.${folder.slice(dirname(folder).length + 1)}.partial`);
    await rm(draft, { recursive: true, force: true });
    // Traces hold what people said: nobody else may read them.
    await mkdir(draft, { recursive: true, mode: 0o700 });
    return new BackupDraft(folder, draft);
  }

  /** Writes a table; its file is on disk when this resolves. @param onRows  told how many rows more were written */
  async writeTable({ engine, table, rows }: BackupTable, onRows: (rows: number) => void): Promise<BackupFile> {
    const file = `${engine}.${table}.jsonl.gz`;
    try {
      const lines = countLines(onRows);
      const zipped = hashBytes();
      // Level 1 takes half of the time of the default and makes files a fifth larger.
      // In base64 of images nothing repeats, so nothing is looked for: the same size for a quarter of the time, 5 ms a megabyte.
      const strategy = engine === "blobs" ? constants.Z_HUFFMAN_ONLY : constants.Z_DEFAULT_STRATEGY;
      const zip = createGzip({ level: 1, strategy, chunkSize: 64 * 1024 });
      await pipelineDone(rows(), lines.stream, zip, zipped.stream, this.#newFile(file));
      return { file, engine, table, rows: lines.count(), ...zipped.result() };
    } catch (error) {
      throw fromFileError(error, this.#draft);
    }
  }

  /** Writes a file whose bytes come from another copy of the backup, and compares them with its manifest. @throws BACKUP_UNUSABLE */
  async copyFile(file: BackupFile, bytes: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void): Promise<void> {
    try {
      const copied = hashBytes(onBytes);
      await pipelineDone(bytes, copied.stream, this.#newFile(file.file));
      const problem = differenceOf(file, copied.result());
      if (problem !== undefined) throw new SightlineError("BACKUP_UNUSABLE", `While it was copied, ${problem}.`);
    } catch (error) {
      throw fromFileError(error, this.#draft);
    }
  }

  /** Writes the manifest and gives the folder its name. @throws BACKUP_EXISTS */
  async finish(manifest: BackupManifest): Promise<void> {
    try {
      const handle = await open(join(this.#draft, MANIFEST_FILE), "wx", 0o600);
      try {
        await handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await syncFolder(this.#draft);
      // rename(2) would replace a folder that is empty, and fails on any other.
      if (await exists(this.#folder)) throw backupExists(this.#folder);
      await rename(this.#draft, this.#folder);
      await syncFolder(dirname(this.#folder));
    } catch (error) {
      throw fromFileError(error, this.#draft);
    }
  }

  /** A file that is on disk when its stream is closed. */
  #newFile(name: string): WriteStream {
    return createWriteStream(join(this.#draft, name), { flags: "wx", mode: 0o600, flush: true });
  }

  /** Removes what was written. */
  async discard(): Promise<void> {
    await rm(this.#draft, { recursive: true, force: true });
  }
}

/**
 * The manifest of a backup.
 *
 * @throws BACKUP_NOT_FOUND if there is no backup, BACKUP_UNUSABLE if it cannot be read or is of a newer version
 */
export async function readManifest(folder: string): Promise<BackupManifest> {
  let text: string;
  try {
    text = await readFile(join(folder, MANIFEST_FILE), "utf8");
  } catch (cause) {
    if (!["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
    throw new SightlineError("BACKUP_NOT_FOUND", `${folder} is no backup: it has no ${MANIFEST_FILE}.`, { cause });
  }
  const value = parseJson(text);
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (typeof format === "number" && format > BACKUP_FORMAT) {
    throw new SightlineError(
      "BACKUP_UNUSABLE",
      `The backup ${folder} was made by a newer Sightline (its format is ${format}, this version reads ${BACKUP_FORMAT}). Use that version.`,
    );
  }
  const result = check(BackupManifest, value);
  // `check` gives what the schema says.
  if (result.ok) return result.value as BackupManifest;
  const [first] = result.problems;
  throw new SightlineError(
    "BACKUP_UNUSABLE",
    `The ${MANIFEST_FILE} of the backup ${folder} is damaged (${first?.path || "it"}: ${first?.message}). Use another backup.`,
  );
}

/**
 * Reads every file of a backup and compares it with the manifest.
 *
 * @param onBytes  told how many bytes more were read
 * @throws BACKUP_UNUSABLE with all that is wrong
 */
export async function verifyBackup(
  folder: string,
  manifest: BackupManifest,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<void> {
  const problems: string[] = [];
  for (const file of manifest.files) {
    const problem = await problemOf(folder, file, onBytes);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length === 0) return;
  throw new SightlineError(
    "BACKUP_UNUSABLE",
    `The backup ${folder} is damaged: ${problems.join("; ")}. Use another backup.`,
    { details: { problems } },
  );
}

/** The tables of a backup, as a restore reads them. @param onBytes  told how many bytes of files more were read */
export function readTables(
  folder: string,
  manifest: BackupManifest,
  onBytes: (bytes: number) => void,
): readonly BackupTable[] {
  return manifest.files.map(({ file, engine, table }) => ({
    engine,
    table,
    rows: () => {
      const source = createReadStream(join(folder, file), { highWaterMark: 256 * 1024 });
      source.on("data", (piece) => onBytes(piece.length));
      // A failure of the file destroys the reader, who then throws.
      return pipeline(source, createGunzip({ chunkSize: 256 * 1024 }), () => undefined) as AsyncIterable<Uint8Array>;
    },
  }));
}

async function problemOf(
  folder: string,
  file: BackupFile,
  onBytes: (bytes: number) => void,
): Promise<string | undefined> {
  const path = join(folder, file.file);
  try {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>) {
      hash.update(piece);
      bytes += piece.length;
      onBytes(piece.length);
    }
    return differenceOf(file, { bytes, sha256: hash.digest("hex") });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? `${file.file} is missing` : `${file.file} cannot be read (${code ?? error})`;
  }
}

function differenceOf(file: BackupFile, found: { bytes: number; sha256: string }): string | undefined {
  if (found.bytes !== file.bytes) return `${file.file} has ${found.bytes} bytes instead of ${file.bytes}`;
  return found.sha256 === file.sha256 ? undefined : `the content of ${file.file} has changed`;
}

function countLines(onRows: (rows: number) => void): { stream: Transform; count(): number } {
  let count = 0;
  const stream = new Transform({
    transform(piece: Uint8Array, _encoding, done) {
      let rows = 0;
      for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) rows += 1;
      count += rows;
      onRows(rows);
      done(null, piece);
    },
  });
  return { stream, count: () => count };
}

function hashBytes(onBytes: (bytes: number) => void = () => undefined): {
  stream: Transform;
  result(): { bytes: number; sha256: string };
} {
  const hash = createHash("sha256");
  let bytes = 0;
  const stream = new Transform({
    transform(piece: Uint8Array, _encoding, done) {
      hash.update(piece);
      bytes += piece.length;
      onBytes(piece.length);
      done(null, piece);
    },
  });
  return { stream, result: () => ({ bytes, sha256: hash.digest("hex") }) };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

function backupExists(folder: string): SightlineError {
  return new SightlineError(
    "BACKUP_EXISTS",
    `${folder} exists already; a backup never replaces another. Choose another name.`,
  );
}

/** A full disk and the like as an error that users meet; others stay what they are. */
function fromFileError(error: unknown, folder: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new SightlineError(
      "STORAGE_FULL",
      `The disk of ${folder} is full; free some space and start the backup again.`,
      {
        cause: error,
      },
    );
  }
  return error;
}
