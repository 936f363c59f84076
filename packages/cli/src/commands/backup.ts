/**
 * `sightline backup`: has the server back everything up, and fetches the backup.
 */

import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BackupDraft } from "@sightline/server/transfer/backup-folder";
import { BACKUP_FILE_PATH } from "@sightline/wire/api/backups";
import { type ClientOptions, createClient, fetchStream, fillPath } from "@sightline/wire/api/client";
import { type ErrorCode, errorTable, SightlineError } from "@sightline/wire/errors";
import type { BackupManifest } from "@sightline/wire/model/backup";
import type { Job } from "@sightline/wire/model/job";
import type { Given } from "../command.ts";
import { progressOf, readConnection, sayResult } from "../connection.ts";
import { countOf, duration, megabytes, type Progress } from "../progress.ts";

const POLL_MS = 250;

/** @returns 0 */
export async function runBackup(given: Given): Promise<number> {
  const started = performance.now();
  const progress = progressOf(given);
  const connection = readConnection(given);
  const client = createClient(connection);
  const to = given.text("to");
  // Before the server works for nothing.
  const draft = to === undefined ? undefined : await BackupDraft.begin(resolve(to));
  try {
    const name = given.text("name");
    const begun = await client.createBackup({ body: name === undefined ? {} : { name } });
    const params = { name: begun.name };
    await ended(client, begun.job, progress);
    const { backup } = await client.getBackup({ params });
    if (draft) {
      await fetchBackup(connection, draft, backup, progress);
      if (!given.has("keep")) await client.deleteBackup({ params });
    }
    progress.end();
    const rows = backup.files.reduce((sum, file) => sum + file.rows, 0);
    const bytes = backup.files.reduce((sum, file) => sum + file.bytes, 0);
    const ms = performance.now() - started;
    const where = to === undefined ? `"${backup.name}" on the server` : to;
    sayResult(given, `Backed up ${countOf(rows, "row")} (${megabytes(bytes)}) in ${duration(ms)}: ${where}.`, {
      name: backup.name,
      ...(to !== undefined && { to }),
      rows,
      bytes,
      seconds: ms / 1000,
    });
    return 0;
  } catch (error) {
    await draft?.discard();
    throw error;
  } finally {
    progress.end();
  }
}

/** Waits for the job. @throws its error */
async function ended(client: ReturnType<typeof createClient>, begun: Job, progress: Progress): Promise<void> {
  let job = begun;
  while (job.endTime === undefined) {
    await delay(POLL_MS);
    ({ job } = await client.getJob({ params: { jobId: job.jobId } }));
    progress.update(
      `Backing up: ${countOf(job.done, "row")}`,
      job.total === undefined || job.total === 0 ? undefined : Math.min(1, job.done / job.total),
    );
  }
  if (job.state === "succeeded") return;
  const code = job.error?.code;
  throw new SightlineError(
    code !== undefined && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : "INTERNAL_ERROR",
    job.error?.message ?? `The backup was ${job.state}.`,
  );
}

async function fetchBackup(
  connection: ClientOptions,
  draft: BackupDraft,
  backup: BackupManifest,
  progress: Progress,
): Promise<void> {
  const bytes = backup.files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  for (const file of backup.files) {
    const answer = await fetchStream(connection, fillPath(BACKUP_FILE_PATH, { name: backup.name, file: file.file }));
    await draft.copyFile(file, answer.body ?? new ReadableStream<Uint8Array>(), (more) => {
      done += more;
      progress.update(`Fetching the backup: ${megabytes(done)}`, bytes === 0 ? undefined : done / bytes);
    });
  }
  await draft.finish(backup);
}
