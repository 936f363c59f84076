/**
 * Stops the engine's work on calls that nobody waits for any more.
 *
 * chDB has no cancel of its own (an abort signal rejects the promise and the engine goes on), but it has KILL QUERY. A comment at the
 * start of the text, numbered by us, names exactly one call; the client's query id could name two, or none.
 */
import { text } from "./parameters.ts";
import type { SessionPool } from "./session-pool.ts";

const killEveryMs = 100;

export class Canceller {
  readonly #admin: SessionPool;
  #tail: Promise<unknown> = Promise.resolve();
  #markers = 0;

  /** @param admin  Sessions for statements about other Sessions' calls */
  constructor(admin: SessionPool) {
    this.#admin = admin;
  }

  /** A new comment, to be put in front of a statement. */
  newMarker(): string {
    return `/* sightline:${++this.#markers} */ `;
  }

  /**
   * Kills the call when the signal aborts. The engine lists a query only after parsing it, so a kill may come too early: it is
   * repeated until the call has ended.
   *
   * @returns to be called when the call has ended
   */
  killOnAbort(marker: string, signal: AbortSignal): () => void {
    let timer: NodeJS.Timeout | undefined;
    let ended = false;
    const kill = async () => {
      // A kill that failed is made again in the next round.
      await this.administer(`KILL QUERY WHERE startsWith(query, ${text(marker)}) ASYNC`).catch(() => undefined);
      if (!ended) timer = setTimeout(() => void kill(), killEveryMs);
    };
    const abort = () => void kill();
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    return () => {
      ended = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
  }

  /** Runs a statement about the engine itself; one after the other, so that they take one thread of the pool. */
  administer(sql: string): Promise<unknown> {
    const run = this.#tail.then(() => this.#admin.use(({ session }) => session.queryAsync(sql)));
    this.#tail = run.catch(() => undefined);
    return run;
  }
}

/** The marker is ours: positions in the engine's messages count from the client's text. */
export function withoutMarker(error: unknown, marker: string): unknown {
  if (!(error instanceof Error)) return error;
  const message = error.message
    .replaceAll(marker, "")
    .replace(/\bposition (\d+)/g, (whole, position: string) =>
      Number(position) > marker.length ? `position ${Number(position) - marker.length}` : whole,
    );
  return message === error.message ? error : new Error(message, { cause: error });
}
