/**
 * A lane: at most `width` calls at once, at most `queueLimit` waiting behind them in order.
 *
 * Reads and writes have a lane each, so that slow reads never keep an insert waiting.
 */

export class LaneFull extends Error {}

export class Lane {
  readonly #width: number;
  readonly #queueLimit: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(options: { readonly width: number; readonly queueLimit: number }) {
    this.#width = options.width;
    this.#queueLimit = options.queueLimit;
  }

  /** Calls that run now. */
  get running(): number {
    return this.#running;
  }

  /** Calls that wait now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for a place; the caller gives it back by calling the result once.
   *
   * @throws LaneFull at once, if the queue is full; the signal's reason, if it aborts while waiting
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#running >= this.#width) {
      if (this.#waiting.size >= this.#queueLimit) throw new LaneFull();
      await this.#turn(signal);
    } else this.#running++;
    return () => this.#leave();
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.delete(start);
        reject(signal.reason);
      };
      const start = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.add(start);
    });
  }

  /** The place passes to the first that waits; the number of running calls stays. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next) {
      this.#waiting.delete(next);
      next();
    } else this.#running--;
  }
}
