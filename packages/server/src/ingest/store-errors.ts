/**
 * Which errors are states of the store and say nothing about what was to be written.
 */
import { SightlineError } from "@sightline/wire/errors";

const STATES: ReadonlySet<string> = new Set(["STORE_UNAVAILABLE", "STORAGE_FULL", "SHUTTING_DOWN"]);

/** The same write may succeed later. */
export function isStoreState(error: unknown): error is SightlineError {
  return error instanceof SightlineError && STATES.has(error.code);
}

export function isStorageFull(error: unknown): error is SightlineError {
  return error instanceof SightlineError && error.code === "STORAGE_FULL";
}
