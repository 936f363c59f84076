/**
 * The live stream of one experiment: tells listeners which traces were committed, and whether the server can be reached.
 *
 * Closed while the tab is hidden (a browser allows six connections to a server, over all tabs). After every gap listeners are
 * told, because events of that time are lost.
 */
import { LIVE_TRACES_PATH, LiveTraces } from "@sightline/wire/api/live";
import { parseJson } from "@sightline/wire/json";

/** `waiting`: not asked to connect, or the first attempt is under way; `offline`: the last attempt failed, the next is planned. */
export type LiveStatus = "waiting" | "open" | "offline";

export interface LiveListener {
  /** Traces that became visible or changed. */
  readonly onTraces?: (event: LiveTraces) => void;
  /** The stream is open again after a gap: what is shown may be old. */
  readonly onGap?: () => void;
}

const FIRST_RETRY_MS = 500;
/** A restarted server is noticed within this time, and a stopped one is not worn down by many tabs. */
const MAX_RETRY_MS = 10_000;

export class LiveStream {
  readonly #url: string;
  readonly #listeners = new Set<LiveListener>();
  readonly #statusListeners = new Set<() => void>();
  #source: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #hadGap = false;
  #status: LiveStatus = "waiting";

  /** @param experimentId  absent = all experiments */
  constructor(experimentId: string | undefined) {
    this.#url =
      experimentId === undefined
        ? LIVE_TRACES_PATH
        : `${LIVE_TRACES_PATH}?experiment=${encodeURIComponent(experimentId)}`;
  }

  /** Connects while the tab is visible, until the function it gives is called. */
  start(): () => void {
    const follow = () => {
      if (document.hidden) this.#close();
      else if (!this.#source) this.#connect();
    };
    document.addEventListener("visibilitychange", follow);
    follow();
    return () => {
      document.removeEventListener("visibilitychange", follow);
      this.#close();
    };
  }

  listen(listener: LiveListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For useSyncExternalStore. */
  readonly subscribeStatus = (listener: () => void): (() => void) => {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  };
  readonly getStatus = (): LiveStatus => this.#status;

  #connect(): void {
    clearTimeout(this.#retry);
    const source = new EventSource(this.#url);
    this.#source = source;
    source.addEventListener("hello", () => {
      this.#failures = 0;
      this.#setStatus("open");
      if (!this.#hadGap) return;
      this.#hadGap = false;
      for (const listener of this.#listeners) listener.onGap?.();
    });
    source.addEventListener("traces", (event: MessageEvent<string>) => {
      const parsed = LiveTraces.safeParse(parseJson(event.data));
      if (!parsed.success) {
        console.error("Sightline: a live event could not be read.", parsed.error);
        return;
      }
      for (const listener of this.#listeners) listener.onTraces?.(parsed.data);
    });
    // The browser's own reconnecting gives up for good after an HTTP error, e.g. a 503 while the server starts.
    source.addEventListener("error", () => {
      this.#close();
      this.#failures += 1;
      this.#setStatus("offline");
      this.#retry = setTimeout(() => this.#connect(), retryDelayMs(this.#failures));
    });
  }

  #close(): void {
    clearTimeout(this.#retry);
    if (!this.#source) return;
    this.#source.close();
    this.#source = undefined;
    this.#hadGap = true;
  }

  #setStatus(status: LiveStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    for (const listener of this.#statusListeners) listener();
  }
}

/** Milliseconds to wait after the n-th failure in a row: doubles, up to ten seconds. */
function retryDelayMs(failures: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10), MAX_RETRY_MS);
}
