/**
 * Why chDB did not start, as a sentence for users.
 */
import { SightlineError } from "@sightline/wire/errors";
import { ownerPid } from "./owner-file.ts";

export interface StartFailure {
  readonly dataDir: string;
  /** What the process reported, or how it ended. */
  readonly message: string;
  /** System error code, like `EACCES`. */
  readonly code?: string | undefined;
  /** The end of its stderr; the engine writes its reason there. */
  readonly stderr: string;
}

/** True if another process has the directory open. */
export function isDirectoryLocked({ stderr }: StartFailure): boolean {
  return /Another server instance in same directory/.test(stderr);
}

/** The error to throw: STORE_UNAVAILABLE, or DATA_DIR_UNUSABLE if the directory cannot be written. */
export function startError(failure: StartFailure): SightlineError {
  const { dataDir, message, code, stderr } = failure;
  if (isDirectoryLocked(failure)) {
    const pid = ownerPid(dataDir);
    return new SightlineError(
      "STORE_UNAVAILABLE",
      `The directory ${dataDir} is in use by another process${pid ? ` (pid ${pid})` : ""}. ` +
        "Stop that server, or choose another directory with SIGHTLINE_DATA_DIR.",
    );
  }
  if (code === "ENOSPC" || /No space left on device/.test(stderr)) {
    return new SightlineError(
      "DATA_DIR_UNUSABLE",
      `The disk of ${dataDir} is full. Free some space, or choose another directory with SIGHTLINE_DATA_DIR.`,
    );
  }
  const engineReason = /^Code: \d+\..*$/m.exec(stderr)?.[0];
  const denied = ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"].includes(code ?? "");
  if (denied || /Permission denied|Read-only file system/.test(stderr)) {
    return new SightlineError(
      "DATA_DIR_UNUSABLE",
      `The directory ${dataDir} cannot be written (${engineReason ?? message}). Choose another one with SIGHTLINE_DATA_DIR.`,
    );
  }
  const reason = engineReason ?? stderr.trim().split("\n").at(-1) ?? "";
  return new SightlineError(
    "STORE_UNAVAILABLE",
    `The embedded ClickHouse (chDB) did not start on ${dataDir}: ${message}. ${reason}`.trimEnd(),
  );
}
