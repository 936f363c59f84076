/**
 * Work beside the user's code: runs once at a time, soon or after a while, and never holds the process open.
 */
import { countFailure } from "../diagnostics.ts";
import { runOutside } from "../outside.ts";

export interface BackgroundTaskOptions {
  /** For the message when it fails. */
  readonly name: string;
  readonly work: () => Promise<void>;
  /** Called when the work is over, failed or not: what is left may want another run. */
  readonly onIdle: () => void;
}

export class BackgroundTask {
  readonly #options: BackgroundTaskOptions;
  /** One timer for all runs: making one costs a microsecond on the user's path, starting it again a tenth of that. */
  #timer: NodeJS.Timeout | undefined;
  #isArmed = false;
  #isRunning = false;
  /** Asked for while it ran. */
  #isWanted = false;
  #isStopped = false;

  constructor(options: BackgroundTaskOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Runs it in `delayMs`, which must be the same in all calls; nothing if it runs, or will. */
  later(delayMs: number): void {
    if (this.#isArmed || this.#isRunning || this.#isStopped) return;
    this.#isArmed = true;
    if (this.#timer === undefined) this.#timer = runOutside(() => setTimeout(() => this.#onTimer(), delayMs).unref());
    else this.#timer.refresh();
  }

  /** Runs it at once, or again when it runs. */
  now(): void {
    this.#isArmed = false;
    this.#isWanted = this.#isRunning;
    if (this.#isRunning || this.#isStopped) return;
    this.#isRunning = true;
    runOutside(this.#options.work)
      .catch((error: unknown) => countFailure(this.#options.name, error))
      .finally(() => {
        this.#isRunning = false;
        if (this.#isStopped) return;
        if (this.#isWanted) this.now();
        else this.#options.onIdle();
      });
  }

  /** Lets what runs come to its end, and starts nothing any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #onTimer(): void {
    // Disarmed: `now` was faster.
    if (this.#isArmed) this.now();
  }
}
