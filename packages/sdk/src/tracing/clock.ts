/**
 * Times of the spans of one trace, on one scale.
 *
 * OpenTelemetry's span starts at the wall clock's millisecond and adds the monotonic time since; two spans of a trace then
 * disagree by up to a millisecond, and a child may seem to begin after its parent ended. Here a trace reads the wall clock once.
 */
import type { HrTime } from "@opentelemetry/api";

/** The process's own clock is trusted while it is this near to the wall clock; after a sleep or a clock change it is not. */
const MAX_DRIFT_MS = 50;

export class TraceClock {
  /** Milliseconds to add to `performance.now()` for milliseconds since the epoch. */
  readonly #origin: number;

  constructor() {
    const monotonic = performance.now();
    const wall = Date.now();
    // timeOrigin has microseconds, Date.now() has not.
    const drift = performance.timeOrigin + monotonic - wall;
    this.#origin = Math.abs(drift) < MAX_DRIFT_MS ? performance.timeOrigin : wall - monotonic;
  }

  /** Seconds and nanoseconds since the epoch; never goes back. */
  now(): HrTime {
    const millis = this.#origin + performance.now();
    const seconds = Math.floor(millis / 1000);
    return [seconds, Math.min(999_999_999, Math.round((millis - seconds * 1000) * 1e6))];
  }
}
