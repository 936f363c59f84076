/**
 * Time for what happens by itself. Handed in, so that tests can let a month pass.
 */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `work` again and again; the returned function ends it. It does not keep the process alive. */
  every(ms: number, work: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  every(ms, work) {
    const timer = setInterval(work, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};
