/**
 * Turns for the program: work that takes long asks between its steps whether it has had enough for now.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

export interface Slicer {
  /** Undefined while the slice has time left; else resolves after the event loop has had a turn. */
  pause(): Promise<void> | undefined;
}

/** Well under the 20 ms that people begin to notice in a server's slowest answers. */
const SLICE_MS = 5;

/**
 * Slices of some milliseconds; one slicer may serve many pieces of work, one after the other.
 *
 * @param sliceMs  how long work may go on without a turn of the event loop
 */
export function createSlicer(sliceMs: number = SLICE_MS): Slicer {
  let end = performance.now() + sliceMs;
  return {
    pause() {
      if (performance.now() < end) return undefined;
      return nextTurn().then(() => {
        end = performance.now() + sliceMs;
      });
    },
  };
}
