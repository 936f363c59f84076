/**
 * Times of the spans of one trace, on one scale.
 *
 * A span that started at the wall clock's millisecond and added the monotonic time since would disagree with the next span of its
 * trace by up to a millisecond, and a child would seem to begin after its parent ended. Here a trace reads the wall clock once.
 */

// A getter that checks its receiver each time; the value never changes.
const { timeOrigin } = performance;

/** The process's own clock is trusted while it is this near to the wall clock; after a sleep or a clock change it is not. */
const MAX_DRIFT_MS = 50;

export class TraceClock {
  /** Milliseconds to add to `performance.now()` for milliseconds since the epoch. */
  readonly #origin: number;

  constructor() {
    const monotonic = performance.now();
    const wall = Date.now();
    // timeOrigin has microseconds, Date.now() has not.
    const drift = timeOrigin + monotonic - wall;
    this.#origin = Math.abs(drift) < MAX_DRIFT_MS ? timeOrigin : wall - monotonic;
  }

  /** Milliseconds since the epoch, with fractions; never goes back. */
  now(): number {
    return this.#origin + performance.now();
  }
}
