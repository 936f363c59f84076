/**
 * Endpoints about backups that lie on the server.
 */
import * as z from "zod/mini";
import { BackupManifest, BackupName } from "../model/backup.ts";
import { Job } from "../model/job.ts";
import { endpoint } from "./endpoint.ts";

const BackupParams = z.object({ name: BackupName });

/** Streams a file of a backup as it lies on the disk; `:file` is a name of its manifest. */
export const BACKUP_FILE_PATH = "/api/v1/backups/:name/files/:file";

export const createBackup = endpoint({
  id: "createBackup",
  method: "POST",
  path: "/api/v1/backups",
  summary: "Starts a backup of everything, as a job of the kind `backup`; `done` counts rows.",
  body: z.strictObject({
    /** Letters, digits, `.`, `_` and `-`; absent = the time. */
    name: z.optional(BackupName),
  }),
  response: z.object({ name: BackupName, job: Job }),
  errors: ["BACKUP_EXISTS", "INVALID_PARAMETER"],
});

export const listBackups = endpoint({
  id: "listBackups",
  method: "GET",
  path: "/api/v1/backups",
  summary: "The backups on the server, newest first.",
  response: z.object({
    backups: z.array(
      z.object({
        name: BackupName,
        /** RFC 3339 */
        startTime: z.string(),
        /** RFC 3339 */
        endTime: z.string(),
        rows: z.number(),
        bytes: z.number(),
      }),
    ),
  }),
  errors: [],
});

export const getBackup = endpoint({
  id: "getBackup",
  method: "GET",
  path: "/api/v1/backups/:name",
  summary: "What is in a backup.",
  params: BackupParams,
  response: z.object({ backup: BackupManifest }),
  errors: ["BACKUP_NOT_FOUND"],
});

export const deleteBackup = endpoint({
  id: "deleteBackup",
  method: "DELETE",
  path: "/api/v1/backups/:name",
  summary: "Deletes a backup from the server.",
  params: BackupParams,
  response: z.object({}),
  errors: ["BACKUP_NOT_FOUND"],
});
