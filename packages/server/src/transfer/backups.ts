/**
 * The backups that lie on the server, each a folder in one folder; making one is a job.
 *
 * Requests name a backup, never a path: a name has no slash and no leading dot, and a file is only given if the manifest lists it.
 */
import { createReadStream } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BackupSource } from "@sightline/store/backup-source";
import { check } from "@sightline/wire/api/check";
import { SightlineError } from "@sightline/wire/errors";
import { BackupJobParams, type BackupManifest, BackupName } from "@sightline/wire/model/backup";
import type { Job } from "@sightline/wire/model/job";
import type { JobKind } from "../jobs/job-kind.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Stores } from "../query/stores.ts";
import { readManifest } from "./backup-folder.ts";
import { writeBackup } from "./write-backup.ts";

const KIND = "backup";

export interface BackupsOptions {
  /** Where the backups lie; made at the first one. */
  readonly folder: string;
  readonly source: BackupSource;
  readonly stores: Stores;
}

export class Backups {
  readonly #folder: string;
  readonly #source: BackupSource;
  readonly #stores: Stores;

  constructor(options: BackupsOptions) {
    this.#folder = options.folder;
    this.#source = options.source;
    this.#stores = options.stores;
  }

  /** The row of the table of jobs. */
  get jobKind(): JobKind<BackupJobParams> {
    return {
      kind: KIND,
      params: BackupJobParams,
      run: async ({ name }, context) => {
        // Run again after a crash that came behind the last step: the backup is whole.
        const whole = await this.#find(name);
        return countsOf(whole ?? (await this.#write(name, context.signal, context.progress)));
      },
    };
  }

  /**
   * Starts a backup.
   *
   * @param name  absent = the time
   * @throws BACKUP_EXISTS, also while one of this name is being made
   */
  async start(jobs: Jobs, name = timeName()): Promise<{ name: string; job: Job }> {
    const waiting = await jobs.list({ states: ["queued", "running"], kind: KIND, limit: 100 });
    if (waiting.some(({ params }) => params.name === name) || (await this.#find(name)) !== undefined) {
      throw new SightlineError(
        "BACKUP_EXISTS",
        `There is a backup "${name}" already; choose another name, or delete it.`,
      );
    }
    return { name, job: await jobs.start(KIND, { name }) };
  }

  /** All backups that are whole, newest first. */
  async list(): Promise<BackupManifest[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    const found = await Promise.all(names.map((name) => this.#find(name)));
    return found
      .filter((manifest) => manifest !== undefined)
      .sort((left, right) => (left.startTime < right.startTime ? 1 : -1));
  }

  /** @throws BACKUP_NOT_FOUND */
  async get(name: string): Promise<BackupManifest> {
    const manifest = await this.#find(name);
    if (manifest) return manifest;
    throw new SightlineError(
      "BACKUP_NOT_FOUND",
      `There is no backup "${name.slice(0, 100)}" on the server. GET /api/v1/backups lists them.`,
    );
  }

  /** The bytes of a file that the manifest lists. @throws BACKUP_NOT_FOUND */
  async readFile(name: string, file: string): Promise<{ bytes: number; content: AsyncGenerator<Uint8Array, void> }> {
    const manifest = await this.get(name);
    const listed = manifest.files.find((candidate) => candidate.file === file);
    if (!listed) {
      throw new SightlineError("BACKUP_NOT_FOUND", `The backup "${name}" has no file "${file.slice(0, 100)}".`);
    }
    const path = join(this.#folder, name, listed.file);
    return { bytes: listed.bytes, content: readPieces(path) };
  }

  /** @throws BACKUP_NOT_FOUND */
  async delete(name: string): Promise<void> {
    await this.get(name);
    await rm(join(this.#folder, name), { recursive: true });
  }

  async #write(
    name: string,
    signal: AbortSignal,
    onProgress: (done: number, total: number) => void,
  ): Promise<BackupManifest> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    return await writeBackup({
      source: this.#source,
      // Any read waits for what was acknowledged before it.
      settle: () => this.#stores.telemetry.countTraces({ limit: 1 }),
      folder: join(this.#folder, name),
      name,
      signal,
      onProgress,
    });
  }

  /** Undefined for a name that is none, a folder that is no whole backup, and one that this version cannot read. */
  async #find(name: string): Promise<BackupManifest | undefined> {
    if (!check(BackupName, name).ok) return undefined;
    try {
      return await readManifest(join(this.#folder, name));
    } catch (error) {
      if (error instanceof SightlineError && LISTED_ERRORS.has(error.code)) return undefined;
      throw error;
    }
  }
}

const LISTED_ERRORS: ReadonlySet<SightlineError["code"]> = new Set(["BACKUP_NOT_FOUND", "BACKUP_UNUSABLE"]);

async function* readPieces(path: string): AsyncGenerator<Uint8Array, void> {
  yield* createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
}

function countsOf(manifest: BackupManifest): Record<string, number> {
  const sum = (read: (file: BackupManifest["files"][number]) => number) =>
    manifest.files.reduce((total, file) => total + read(file), 0);
  const rowsOf = (engine: string, table: string) =>
    manifest.files.find((file) => file.engine === engine && file.table === table)?.rows ?? 0;
  return {
    traces: rowsOf("clickhouse", "traces"),
    spans: rowsOf("clickhouse", "spans"),
    attachments: rowsOf("postgres", "attachments"),
    rows: sum(({ rows }) => rows),
    bytes: sum(({ bytes }) => bytes),
  };
}

/** `2026-11-24T08-25-09-717Z`: a time as it may stand in names of files everywhere. */
function timeName(): string {
  return new Date().toISOString().replaceAll(/[:.]/g, "-");
}
