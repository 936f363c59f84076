/**
 * `sightline restore`: a backup → a data directory, without a server.
 */
import { readConfig } from "@sightline/server/config";
import { restoreBackup } from "@sightline/server/transfer/restore-backup";
import { SightlineError } from "@sightline/wire/errors";
import type { Given } from "../command.ts";
import { progressOf, sayResult } from "../connection.ts";
import { countOf, duration, megabytes } from "../progress.ts";

/** @returns 0 */
export async function runRestore(given: Given): Promise<number> {
  const started = performance.now();
  const { clickhouseUrl, databaseUrl } = readConfig(process.env);
  const isExternal = clickhouseUrl !== undefined && databaseUrl !== undefined;
  const from = required(given, "from");
  const dataDir = isExternal ? (given.text("data-dir") ?? "") : required(given, "data-dir");
  const progress = progressOf(given);
  try {
    const manifest = await restoreBackup({
      from,
      dataDir,
      clickhouseUrl,
      databaseUrl,
      onStep: (step) => progress.step(step),
      onProgress: (done, total) =>
        progress.update(`Reading the backup: ${megabytes(done)}`, total === 0 ? undefined : done / total),
    });
    progress.end();
    const rows = manifest.files.reduce((sum, file) => sum + file.rows, 0);
    const ms = performance.now() - started;
    const where = isExternal ? "the external engines" : dataDir;
    sayResult(given, `Restored ${countOf(rows, "row")} of ${manifest.startTime} into ${where} in ${duration(ms)}.`, {
      name: manifest.name,
      startTime: manifest.startTime,
      ...(!isExternal && { dataDir }),
      rows,
      seconds: ms / 1000,
    });
    return 0;
  } finally {
    progress.end();
  }
}

/** @throws BAD_SETTING */
function required(given: Given, option: string): string {
  const value = given.text(option);
  if (value !== undefined) return value;
  throw new SightlineError("BAD_SETTING", `sightline restore needs --${option} DIR; see sightline restore --help.`);
}
