/**
 * Endpoints about backups.
 */
import type { endpoints } from "@sightline/wire/api/registry";
import type { Handlers } from "../../http/route.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { Backups } from "../../transfer/backups.ts";

type BackupEndpoints = Pick<typeof endpoints, "createBackup" | "listBackups" | "getBackup" | "deleteBackup">;

export function backupHandlers(backups: Backups, jobs: Jobs): Handlers<BackupEndpoints> {
  return {
    createBackup: ({ body }) => backups.start(jobs, body.name),
    listBackups: async () => ({
      backups: (await backups.list()).map(({ name, startTime, endTime, files }) => ({
        name,
        startTime,
        endTime,
        rows: files.reduce((sum, { rows }) => sum + rows, 0),
        bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      })),
    }),
    getBackup: async ({ params }) => ({ backup: await backups.get(params.name) }),
    deleteBackup: async ({ params }) => {
      await backups.delete(params.name);
      return {};
    },
  };
}
