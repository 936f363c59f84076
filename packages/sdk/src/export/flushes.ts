/**
 * Callers that wait until everything is sent.
 */

/** Longest time that a timer of Node takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Flush {
  readonly check: () => void;
  readonly fail: () => void;
}

/** The waiting callers of one exporter. */
export class Flushes {
  readonly #waiting = new Set<Flush>();

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Waits; the process stays alive meanwhile.
   *
   * @param outcome  undefined while it is not done, then whether all went well
   * @returns the outcome; false when `timeoutMs` passed first
   */
  wait(timeoutMs: number, outcome: () => boolean | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (isDelivered: boolean): void => {
        clearTimeout(deadline);
        this.#waiting.delete(flush);
        resolve(isDelivered);
      };
      const flush = {
        check: () => {
          const isDelivered = outcome();
          if (isDelivered !== undefined) finish(isDelivered);
        },
        fail: () => finish(false),
      };
      // Not unref'd: this is what keeps the process alive, since the sockets do not.
      const deadline = setTimeout(flush.fail, Math.min(timeoutMs, MAX_TIMER_MS));
      this.#waiting.add(flush);
    });
  }

  /** Lets those go whose work is done. */
  check(): void {
    for (const flush of this.#waiting) flush.check();
  }

  /** Nothing more will be sent. */
  failAll(): void {
    for (const flush of this.#waiting) flush.fail();
  }
}
