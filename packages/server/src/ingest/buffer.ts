/**
 * Group commit: many requests, one write. A request waits until its spans are on disk and readable, so an answer means "kept".
 *
 * A write starts at once when nothing is being written; what arrives meanwhile joins the next one. The larger the load, the larger
 * the groups. After a write there is a moment for those who were just answered to come back: without it, many clients in a loop
 * fall into two halves, and each half pays for a write of its own (PostgreSQL's commit_delay knows the same).
 */
import type { SpanRecord } from "@sightline/store/telemetry-store";
import { SightlineError } from "@sightline/wire/errors";

export interface IngestBufferOptions<Span> {
  /** Keeps spans; {@link TelemetryStore.writeSpans}. */
  readonly write: (spans: readonly Span[]) => Promise<void>;
  /** Called with the spans of each group once they are kept. */
  readonly onCommitted?: (spans: readonly Span[]) => void;
  /** Most spans in a group. Default 4,000: the engine's rows a second stop rising there (2,000 to 5,000 rows). */
  readonly maxGroupSpans?: number;
  /** Most bytes in a group, unless a single piece is larger. Default 12 MB: above, the engine's memory rises steeply. */
  readonly maxGroupBytes?: number;
  /** Longest moment after a write, in milliseconds; it is also at most an eighth of the write's own time. Default 5; 0 = none. */
  readonly maxGatherMs?: number;
}

/** Part of a request that is written as one. */
interface Piece<Span> {
  readonly spans: readonly Span[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A second write runs beside the first only when a whole group waits: it hides the first one's wait for the disk. */
const MAX_WRITES = 2;

/** A moment to gather is at most this part of the write before it: what it can cost is small beside what a write costs. */
const GATHER_SHARE = 8;

/** Errors that say nothing about the spans: every waiter of the group gets them. */
const STORE_STATES = new Set(["STORE_UNAVAILABLE", "STORAGE_FULL", "SHUTTING_DOWN"]);

export class IngestBuffer<Span = SpanRecord> {
  readonly #options: Required<IngestBufferOptions<Span>>;
  #waiting: Piece<Span>[] = [];
  #waitingSpans = 0;
  #waitingBytes = 0;
  #writes = 0;
  #drained: (() => void)[] = [];
  /** While it is set, a write waits for this many pieces or for the timer. */
  #gathering: { readonly pieces: number; readonly timer: NodeJS.Timeout } | undefined;

  constructor(options: IngestBufferOptions<Span>) {
    this.#options = {
      onCommitted: () => undefined,
      maxGroupSpans: 4000,
      maxGroupBytes: 12_000_000,
      maxGatherMs: 5,
      ...options,
    };
  }

  /**
   * Keeps the spans of one request.
   *
   * @param bytes  size of the request's body: bounds the groups
   * @throws the store's error. Other requests' spans never cause it. Some of the spans may be kept; sending all again is safe.
   */
  async write(spans: readonly Span[], bytes: number): Promise<void> {
    if (spans.length === 0) return;
    const { maxGroupSpans, maxGroupBytes } = this.#options;
    const parts = Math.max(Math.ceil(spans.length / maxGroupSpans), Math.ceil(bytes / maxGroupBytes), 1);
    const size = Math.ceil(spans.length / parts);
    const pieces: Promise<void>[] = [];
    for (let start = 0; start < spans.length; start += size) {
      pieces.push(this.#enqueue(spans.slice(start, start + size), bytes / parts));
    }
    this.#pump();
    const results = await Promise.allSettled(pieces);
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** Resolves when nothing waits and nothing is being written. */
  async drain(): Promise<void> {
    if (this.#writes === 0 && this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #enqueue(spans: readonly Span[], bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ spans, bytes, resolve, reject });
      this.#waitingSpans += spans.length;
      this.#waitingBytes += bytes;
    });
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#mayStart()) {
      this.#stopGathering();
      this.#writes += 1;
      const group = this.#takeGroup();
      const started = performance.now();
      void this.#commit(group).then(() => {
        this.#writes -= 1;
        this.#gather(group.length, (performance.now() - started) / GATHER_SHARE);
        this.#pump();
      });
    }
    if (this.#writes === 0 && this.#waiting.length === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }

  #mayStart(): boolean {
    const isFull =
      this.#waitingSpans >= this.#options.maxGroupSpans || this.#waitingBytes >= this.#options.maxGroupBytes;
    if (isFull) return this.#writes < MAX_WRITES;
    return this.#writes === 0 && (this.#gathering === undefined || this.#waiting.length >= this.#gathering.pieces);
  }

  /** Gives those who were just answered a moment to come back. */
  #gather(answered: number, ms: number): void {
    this.#stopGathering();
    if (this.#options.maxGatherMs === 0) return;
    const timer = setTimeout(
      () => {
        this.#gathering = undefined;
        this.#pump();
      },
      Math.min(ms, this.#options.maxGatherMs),
    );
    this.#gathering = { pieces: this.#waiting.length + answered, timer };
  }

  #stopGathering(): void {
    clearTimeout(this.#gathering?.timer);
    this.#gathering = undefined;
  }

  #takeGroup(): Piece<Span>[] {
    let spans = 0;
    let bytes = 0;
    let count = 0;
    for (const piece of this.#waiting) {
      const fits =
        spans + piece.spans.length <= this.#options.maxGroupSpans && bytes + piece.bytes <= this.#options.maxGroupBytes;
      if (count > 0 && !fits) break;
      spans += piece.spans.length;
      bytes += piece.bytes;
      count += 1;
    }
    this.#waitingSpans -= spans;
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** Writes a group and answers its waiters; never rejects. */
  async #commit(group: readonly Piece<Span>[]): Promise<void> {
    const error = await this.#tryWrite(group);
    if (error === undefined) return;
    if (group.length === 1 || (error instanceof SightlineError && STORE_STATES.has(error.code))) {
      for (const piece of group) piece.reject(error);
      return;
    }
    // One request's spans cannot be written. Writing again is safe, so each gets its own try and its own answer.
    for (const piece of group) {
      const own = await this.#tryWrite([piece]);
      if (own !== undefined) piece.reject(own);
    }
  }

  /** Resolves the waiters if the write succeeds; else gives the error. */
  async #tryWrite(group: readonly Piece<Span>[]): Promise<unknown> {
    const spans = group.length === 1 && group[0] ? group[0].spans : group.flatMap((piece) => piece.spans);
    try {
      await this.#options.write(spans);
    } catch (error) {
      return error ?? new Error("the store rejected without an error");
    }
    for (const piece of group) piece.resolve();
    this.#options.onCommitted(spans);
    return undefined;
  }
}
