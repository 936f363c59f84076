/**
 * Work that shares a key runs one after another, in the order of its calls; other work runs at once.
 */
export class KeyedLock {
  /** Settles when the last piece of work that asked for the key is done. */
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Runs `work` when all earlier work on any of the keys has ended, whether it succeeded or not.
   *
   * Never a deadlock: a call waits only for calls that came before it.
   */
  async run<T>(keys: Iterable<string>, work: () => Promise<T>): Promise<T> {
    const held = new Set(keys);
    const before = new Set<Promise<void>>();
    let release: (() => void) | undefined;
    const done = new Promise<void>((resolve) => {
      release = resolve;
    });
    for (const key of held) {
      const tail = this.#tails.get(key);
      if (tail !== undefined) before.add(tail);
      this.#tails.set(key, done);
    }
    await Promise.all(before);
    try {
      return await work();
    } finally {
      for (const key of held) if (this.#tails.get(key) === done) this.#tails.delete(key);
      release?.();
    }
  }

  /** Resolves when all work that was asked for until now has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }
}
