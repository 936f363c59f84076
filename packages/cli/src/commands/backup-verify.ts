/**
 * `sightline backup verify`: reads every file of a backup and compares it with the manifest.
 */
import { readManifest, verifyBackup } from "@sightline/server/transfer/backup-folder";
import type { Given } from "../command.ts";
import { progressOf, sayResult } from "../connection.ts";
import { countOf, megabytes } from "../progress.ts";

/** @returns 0 */
export async function runBackupVerify(given: Given): Promise<number> {
  const [folder = ""] = given.args;
  const progress = progressOf(given);
  const manifest = await readManifest(folder);
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  const rows = manifest.files.reduce((sum, file) => sum + file.rows, 0);
  let done = 0;
  try {
    await verifyBackup(folder, manifest, (more) => {
      done += more;
      progress.update(`Checking ${folder}: ${megabytes(done)}`, bytes === 0 ? undefined : done / bytes);
    });
  } finally {
    progress.end();
  }
  sayResult(
    given,
    `The backup ${folder} of ${manifest.startTime} is whole: ${countOf(manifest.files.length, "file")}, ${countOf(rows, "row")}, ${megabytes(bytes)}.`,
    { name: manifest.name, startTime: manifest.startTime, files: manifest.files.length, rows, bytes },
  );
  return 0;
}
