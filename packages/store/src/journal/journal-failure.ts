/**
 * Why the journal could not keep something, as an error that users meet.
 */
import { SightlineError } from "@sightline/wire/errors";

/** @param error  of the file system; one of ours stays what it is */
export function journalFailure(error: unknown, dir: string): SightlineError {
  if (error instanceof SightlineError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
    return new SightlineError(
      "STORAGE_FULL",
      `The disk of the journal ${dir} is full (${code}); nothing was kept. Free some space.`,
      { cause: error },
    );
  }
  return new SightlineError(
    "STORE_UNAVAILABLE",
    `The journal ${dir} cannot be written (${code}); nothing was kept. Check the disk.`,
    { cause: error, retryAfterSeconds: 5 },
  );
}
