/**
 * A backup: a folder with a file for each table, and a manifest that says what is in them.
 */
import * as z from "zod/mini";

/** Grows when older versions could not read it any more. 2: files of `blobs`. */
export const BACKUP_FORMAT = 2;

/** Name of the manifest in the folder. It is written last: a folder without one is no whole backup. */
export const MANIFEST_FILE = "manifest.json";

/** Names are parts of paths: no slash, no leading dot. */
export const BackupName = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/));

export const BackupFile = z.object({
  /** `<engine>.<table>.jsonl.gz`: lines of JSON, one a row, gzip. */
  file: z.string().check(z.regex(/^(clickhouse|postgres|blobs)\.\w{1,100}\.jsonl\.gz$/)),
  /** `blobs`: the bytes of attachments. */
  engine: z.enum(["clickhouse", "postgres", "blobs"]),
  table: z.string().check(z.regex(/^\w{1,100}$/)),
  rows: z.number(),
  /** Size of the file. */
  bytes: z.number(),
  /** Of the file, 64 hex digits. */
  sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
});
export type BackupFile = z.infer<typeof BackupFile>;

export const BackupManifest = z.object({
  format: z.number(),
  name: BackupName,
  /** Version that made it. */
  sightline: z.string(),
  /** RFC 3339. Everything that was acknowledged before is in it. */
  startTime: z.string(),
  /** RFC 3339 */
  endTime: z.string(),
  /** Numbers of the schema steps that the rows are written in. */
  schema: z.object({ clickhouse: z.array(z.number()), postgres: z.array(z.number()) }),
  /** Highest version of a row when it began; rows above it are of traces that changed meanwhile. */
  newestVersion: z.number(),
  /** In the order in which they are restored. */
  files: z.array(BackupFile),
});
export type BackupManifest = z.infer<typeof BackupManifest>;

/** Params of a job of the kind `backup`. */
export const BackupJobParams = z.object({ name: BackupName });
export type BackupJobParams = z.infer<typeof BackupJobParams>;
