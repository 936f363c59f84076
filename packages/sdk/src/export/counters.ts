/**
 * What became of the spans: one set of numbers for the process, shown by `stats()`.
 */

export interface Counters {
  /** Spans that ended and were handed to the exporter. */
  ended: number;
  /** Spans that the server acknowledged. */
  sent: number;
  /** Requests that were tried again. */
  retries: number;
  readonly dropped: {
    /** The oldest ones, when the queue was full. */
    queueFull: number;
    /** The server answered that it will not take them. */
    refused: number;
    /** Still unsent when the program ended or `shutdown()` gave up. */
    unsentAtExit: number;
    /** Could not be encoded. */
    broken: number;
  };
  /** Places in inputs, outputs and attributes that were cut off because they were too large. */
  truncations: number;
}

/** All zero. */
export function newCounters(): Counters {
  return {
    ended: 0,
    sent: 0,
    retries: 0,
    dropped: { queueFull: 0, refused: 0, unsentAtExit: 0, broken: 0 },
    truncations: 0,
  };
}
