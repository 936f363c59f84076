/**
 * Acknowledged requests that the telemetry engine refuses for good: kept as files beside the journal, so that a person can look.
 *
 * No known request gets here: the rules of the pipeline refuse such spans before they are acknowledged.
 */
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";

/**
 * Writes the payload of a journal entry into `<dir>/refused/`.
 *
 * @returns the path of the file, on disk
 */
export async function keepRefusedRequest(dir: string, seq: number, payload: Uint8Array): Promise<string> {
  const folder = join(dir, "refused");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${new Date().toISOString().replaceAll(":", "-")}-${seq}.otlp`);
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(payload);
    await file.sync();
  } finally {
    await file.close();
  }
  return path;
}
