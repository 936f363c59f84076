/**
 * What is wrong with a Parquet file, as the error that its sender sees.
 */
import { SightlineError } from "@sightline/wire/errors";

/** @param reason  the end of a sentence */
export function unreadable(reason: string, cause?: unknown): SightlineError {
  return new SightlineError("INVALID_PARAMETER", `The file cannot be read as Parquet: ${reason}.`, { cause });
}

/** Gives the errors of reading bytes, which are about places in them, as {@link unreadable}. */
export function explainRange<Value>(what: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    // Also the stack's, of structs that are nested without end.
    if (error instanceof RangeError) throw unreadable(`${what} is damaged`, error);
    throw error;
  }
}
