/**
 * Versions of rows: of two rows with one key, ReplacingMergeTree keeps the one with the higher version.
 */
export class VersionClock {
  #last: number;
  readonly #nowMs: () => number;

  /** @param newest  the highest version in the store: the clock of the machine may have gone back since */
  constructor(newest: number, nowMs: () => number = Date.now) {
    this.#last = newest;
    this.#nowMs = nowMs;
  }

  /** Microseconds since the epoch, but always higher than the one before. Exact as a number until the year 2255. */
  next(): number {
    this.#last = Math.max(this.#nowMs() * 1000, this.#last + 1);
    return this.#last;
  }
}
