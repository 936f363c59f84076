/**
 * When a child process that died is started again, and when not any more.
 */

export interface RestartPolicy {
  /** Wait before the first, second … restart in a row; its length is the number of restarts. */
  readonly delaysMs: readonly number[];
  /** A child that lived this long begins a new row. */
  readonly stableMs: number;
}

export const defaultRestartPolicy: RestartPolicy = { delaysMs: [0, 250, 1000, 3000, 10_000], stableMs: 60_000 };

/** Counts deaths in a row. */
export class RestartCounter {
  readonly #policy: RestartPolicy;
  #deaths = 0;

  constructor(policy: RestartPolicy = defaultRestartPolicy) {
    this.#policy = policy;
  }

  /** Deaths in a row. */
  get deaths(): number {
    return this.#deaths;
  }

  /**
   * @param livedMs  how long the child had been ready; 0 if it never was
   * @returns milliseconds to wait before the next start; undefined = give up
   */
  died(livedMs: number): number | undefined {
    if (livedMs >= this.#policy.stableMs) this.#deaths = 0;
    return this.#policy.delaysMs[this.#deaths++];
  }
}
