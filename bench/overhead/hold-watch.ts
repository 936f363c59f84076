/**
 * The longest time for which the event loop was held up, seen by a timer of a millisecond.
 *
 * A hold counts as far as the thread was on a CPU meanwhile: on a busy machine it often only waits for one. What happens inside
 * the traced calls is not a later hold: `pause` and `resume` leave it out.
 */
import { threadCpuMs } from "./thread-clock.ts";

const EVERY_MS = 1;

export class HoldWatch {
  longestMs = 0;
  /** Holds above 20 ms. */
  count = 0;
  #timer: NodeJS.Timeout | undefined;
  #last = performance.now();
  #lastCpu = threadCpuMs();

  /** Begins anew: what was before does not count. */
  start(): void {
    this.longestMs = 0;
    this.count = 0;
    this.resume();
    const tick = (): void => {
      this.pause();
      this.resume();
      this.#timer = setTimeout(tick, EVERY_MS);
    };
    this.#timer = setTimeout(tick, EVERY_MS);
  }

  /** What follows is not watched; what was before counts. */
  pause(): void {
    const held = Math.min(performance.now() - this.#last, threadCpuMs() - this.#lastCpu);
    if (held > this.longestMs) this.longestMs = held;
    if (held > 20) this.count += 1;
  }

  resume(): void {
    this.#last = performance.now();
    this.#lastCpu = threadCpuMs();
  }

  stop(): void {
    this.pause();
    clearTimeout(this.#timer);
  }
}
