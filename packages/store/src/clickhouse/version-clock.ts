/**
 * Versions of rows: of two rows with one key, ReplacingMergeTree keeps the one with the higher version.
 */
export class VersionClock {
  #last: number;
  readonly #running = new Set<number>();
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

  /** A version for rows that are being written until {@link end}. */
  begin(): number {
    const version = this.next();
    this.#running.add(version);
    return version;
  }

  /** What was written under a version of {@link begin} is in the store now, or will never be. */
  end(version: number): void {
    this.#running.delete(version);
  }

  /** The highest version below which nothing is still being written. */
  settled(): number {
    return Math.min(this.#last, ...[...this.#running].map((version) => version - 1));
  }
}
