/**
 * Between the journal and the telemetry store: acknowledged requests wait here and are written in large batches, in order.
 *
 * A small write costs the engine as much CPU as one of thousands of spans (some 30 ms), so a batch waits until it is large, old, or
 * wanted by a reader. A batch that fails is tried again for ever, with everything behind it: two versions of a span must not be
 * written in the wrong order. Spans wait in memory up to a bound; beyond it, while the store is away, only their place in the journal
 * is kept.
 */
import type { EntryRef } from "@sightline/store/journal/journal";
import type { SdkProcessFacts } from "@sightline/store/sdk-processes";
import type { PreparedSpan } from "@sightline/store/telemetry-store";
import { SightlineError } from "@sightline/wire/errors";
import type { ExportContent } from "./export-entry.ts";
import { Room } from "./room.ts";
import { isStoreState } from "./store-errors.ts";

export interface SpanQueueOptions {
  /** Keeps spans; {@link TelemetryStore.writePrepared}. */
  readonly write: (spans: readonly PreparedSpan[]) => Promise<void>;
  /** Reads the content of requests back from the journal. */
  readonly load: (refs: readonly EntryRef[]) => Promise<readonly ExportContent<PreparedSpan>[]>;
  /** Told when everything up to an entry is in the store. */
  readonly release: (seq: number) => void;
  /** Takes over a request that the store refuses for good. */
  readonly setAside: (ref: EntryRef, error: unknown) => Promise<void>;
  /** Told of each batch that is readable now; some may be told twice. */
  readonly onWritten?: (batch: ExportContent<PreparedSpan> & { readonly ms: number }) => void;
  /** Told of each batch that could not be written. */
  readonly onFailure?: (error: unknown) => void;
  /** Bytes of bodies whose spans may wait in memory. Their rows take about as much again. Default 24 MiB. */
  readonly maxHeldBytes?: number;
  /** Requests that may wait, in memory or not. Default 200,000. */
  readonly maxRequests?: number;
  /** Spans that make a batch. Default 6,000. */
  readonly batchSpans?: number;
  /** Bytes of bodies that make a batch. Default 8 MiB: the rows of a batch are about as large. */
  readonly batchBytes?: number;
  /** Longest time that a request waits for its batch to fill, in milliseconds. Default 500. */
  readonly maxWaitMs?: number;
  /** First and longest pause after a failure, in milliseconds. Default 100 and 2,000. */
  readonly retryMs?: readonly [number, number];
}

/** What is known of a request that waits. */
export interface QueuedRequest {
  readonly ref: EntryRef;
  /** Of its body. */
  readonly bytes: number;
  /** Absent when it is known from the journal only. */
  readonly content?: ExportContent<PreparedSpan>;
}

interface Pending {
  readonly ref: EntryRef;
  readonly bytes: number;
  readonly since: number;
  /** Of the spans; absent = it may be about any trace. */
  readonly traceIds: readonly string[] | undefined;
  /** Number of spans; 0 when it is not known. */
  readonly count: number;
  /** Undefined when it has to be read back. */
  readonly content: ExportContent<PreparedSpan> | undefined;
  /** Bytes to give back to the room. */
  held: number;
  state: "waiting" | "writing" | "written";
}

interface Waiter {
  readonly seq: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A second batch is encoded here while the engine works on the first. */
const MAX_WRITES = 2;

/**
 * A write that takes longer is taken for one to an engine that is away (the store itself waits 5 s for a restart): acknowledging goes
 * on without it. Full batches take a tenth of this.
 */
const STALLED_MS = 2500;

/** Tries of one request that the store refuses, before it is set aside. */
const MAX_TRIES = 3;

export class SpanQueue {
  readonly #options: Required<SpanQueueOptions>;
  readonly #room: Room;
  /** In the order of the journal; what is written is taken off the front. */
  #pending: Pending[] = [];
  /** Highest entry that may be about a trace. */
  readonly #traces = new Map<string, number>();
  /** Highest entry that may be about any trace. */
  #anyTrace = 0;
  #lastSeq = 0;
  readonly #waiters = new Set<Waiter>();
  #writes = 0;
  /** Waiting ones only. */
  #waitingSpans = 0;
  #waitingBytes = 0;
  #ageTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #failure: { readonly error: unknown; readonly tries: number } | undefined;
  /** Writes that have taken too long. */
  #stalled = 0;
  /** Raised by a failure: batches begun before it do not count. */
  #generation = 0;
  /** Entries up to this one are written one by one, because one of them is refused. */
  #singlyUntil = 0;
  #closed = false;

  constructor(options: SpanQueueOptions) {
    this.#options = {
      onWritten: () => undefined,
      onFailure: () => undefined,
      maxHeldBytes: 24 * 1024 * 1024,
      maxRequests: 200_000,
      batchSpans: 6000,
      batchBytes: 8 * 1024 * 1024,
      maxWaitMs: 500,
      retryMs: [100, 2000],
      ...options,
    };
    this.#room = new Room(this.#options.maxHeldBytes);
  }

  /** Requests that are acknowledged and not in the store. */
  get size(): number {
    return this.#pending.length;
  }

  /** Bytes of bodies whose spans are in memory or about to come. */
  get heldBytes(): number {
    return this.#room.usedBytes;
  }

  /**
   * Waits for room for the spans of a request, before it is acknowledged. While the store is away nobody waits: there is room in the
   * journal.
   *
   * @returns whether there is room in memory; if so it is to be given back by {@link add} or {@link giveBack}
   * @throws INGEST_OVERLOADED
   */
  async admit(bytes: number): Promise<boolean> {
    if (this.#pending.length >= this.#options.maxRequests) {
      throw new SightlineError(
        "INGEST_OVERLOADED",
        `${this.#pending.length} acknowledged requests wait for the telemetry engine. Send the same spans again after the time in Retry-After.`,
        { retryAfterSeconds: 5 },
      );
    }
    const isAway = this.#failure !== undefined || this.#stalled > 0;
    return this.#room.take(bytes, isAway ? "try" : "wait");
  }

  /** Gives back room for a request that was not kept after all. */
  giveBack(bytes: number): void {
    this.#room.give(bytes);
  }

  /**
   * Adds a request that is in the journal; in the order of the journal.
   *
   * @param hasRoom  what {@link admit} gave
   */
  add({ ref, bytes, content }: QueuedRequest, hasRoom: boolean): void {
    const traceIds = content && distinctTraces(content.spans);
    const pending: Pending = {
      ref,
      bytes,
      since: performance.now(),
      traceIds,
      count: content?.spans.length ?? 0,
      content: hasRoom ? content : undefined,
      held: hasRoom ? bytes : 0,
      state: "waiting",
    };
    this.#pending.push(pending);
    this.#countWaiting(pending, 1);
    this.#lastSeq = ref.seq;
    if (traceIds === undefined) this.#anyTrace = ref.seq;
    for (const traceId of traceIds ?? []) this.#traces.set(traceId, ref.seq);
    this.#pump();
  }

  /**
   * Resolves when everything that was added is in the store, or everything about some traces; starts writing it at once.
   *
   * @returns undefined if nothing has to be waited for
   * @throws the store's error if a try to write it fails while the caller waits; the signal's reason
   */
  settled(traceIds?: readonly string[], signal?: AbortSignal): Promise<void> | undefined {
    if (this.#pending.length === 0) return undefined;
    const seq = traceIds === undefined ? this.#lastSeq : this.#lastAbout(traceIds);
    const [head] = this.#pending;
    if (head === undefined || seq < head.ref.seq) return undefined;
    return new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        seq,
        resolve: () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        },
        reject: (error) => {
          signal?.removeEventListener("abort", abort);
          reject(error);
        },
      };
      const abort = () => {
        this.#waiters.delete(waiter);
        reject(signal?.reason);
      };
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiters.add(waiter);
      this.#pump();
    });
  }

  /** Writes what waits, once; what cannot be written stays in the journal. Nothing is written afterwards. */
  async close(): Promise<void> {
    try {
      await this.settled();
    } catch (error) {
      this.#options.onFailure(error);
    }
    this.#closed = true;
    clearTimeout(this.#ageTimer);
    clearTimeout(this.#retryTimer);
  }

  #lastAbout(traceIds: readonly string[]): number {
    let seq = this.#anyTrace;
    for (const traceId of traceIds) seq = Math.max(seq, this.#traces.get(traceId) ?? 0);
    return seq;
  }

  #countWaiting(pending: Pending, sign: 1 | -1): void {
    this.#waitingSpans += sign * pending.count;
    this.#waitingBytes += sign * pending.bytes;
  }

  #pump(): void {
    while (this.#mayStart()) {
      const batch = this.#takeBatch();
      this.#writes += 1;
      const generation = this.#generation;
      void this.#write(batch).then((outcome) => {
        this.#writes -= 1;
        if (generation === this.#generation) this.#finish(batch, outcome);
        this.#pump();
      });
    }
    this.#watchAge();
  }

  #mayStart(): boolean {
    if (this.#closed || this.#retryTimer !== undefined) return false;
    const next = this.#nextWaiting();
    if (next === undefined) return false;
    const { batchSpans, batchBytes, maxWaitMs } = this.#options;
    const isFull = this.#waitingSpans >= batchSpans || this.#waitingBytes >= batchBytes;
    // After a failure one batch at a time: what runs beside it would be in vain.
    if (this.#failure !== undefined || this.#singlyUntil > 0) return this.#writes === 0;
    if (isFull) return this.#writes < MAX_WRITES;
    if (this.#writes > 0) return false;
    return this.#isWanted(next.ref.seq) || performance.now() - next.since >= maxWaitMs;
  }

  #isWanted(seq: number): boolean {
    for (const waiter of this.#waiters) if (waiter.seq >= seq) return true;
    return false;
  }

  #nextWaiting(): Pending | undefined {
    return this.#pending.find(({ state }) => state === "waiting");
  }

  /** Looks again when the oldest that waits has waited long enough. */
  #watchAge(): void {
    if (this.#ageTimer !== undefined || this.#closed || this.#writes > 0) return;
    const next = this.#nextWaiting();
    if (next === undefined) return;
    const ms = Math.max(1, next.since + this.#options.maxWaitMs - performance.now());
    this.#ageTimer = setTimeout(() => {
      this.#ageTimer = undefined;
      this.#pump();
    }, ms);
  }

  #takeBatch(): Pending[] {
    const { batchSpans, batchBytes } = this.#options;
    const batch: Pending[] = [];
    let spans = 0;
    let bytes = 0;
    for (const pending of this.#pending) {
      if (pending.state !== "waiting") continue;
      const isOver = spans + pending.count > batchSpans || bytes + pending.bytes > batchBytes;
      if (batch.length > 0 && (isOver || pending.ref.seq <= this.#singlyUntil)) break;
      spans += pending.count;
      bytes += pending.bytes;
      pending.state = "writing";
      this.#countWaiting(pending, -1);
      batch.push(pending);
    }
    return batch;
  }

  /** Never rejects. */
  async #write(batch: readonly Pending[]): Promise<{ readonly error?: unknown }> {
    const started = performance.now();
    let isStalled = false;
    const stall = setTimeout(() => {
      isStalled = true;
      this.#stalled += 1;
      this.#room.letAllIn();
    }, STALLED_MS);
    try {
      const absent = batch.filter(({ content }) => content === undefined);
      const loaded = absent.length === 0 ? [] : await this.#options.load(absent.map(({ ref }) => ref));
      const read = new Map(absent.map((pending, index) => [pending, loaded[index]]));
      const contents = batch.map((pending) => pending.content ?? read.get(pending));
      const spans = contents.flatMap((content) => content?.spans ?? []);
      const sdkReports: SdkProcessFacts[] = contents.flatMap((content) => content?.sdkReports ?? []);
      await this.#options.write(spans);
      this.#options.onWritten({ spans, sdkReports, ms: performance.now() - started });
      return {};
    } catch (error) {
      this.#options.onFailure(error);
      return { error: error ?? new Error("the store rejected without an error") };
    } finally {
      clearTimeout(stall);
      if (isStalled) this.#stalled -= 1;
    }
  }

  #finish(batch: readonly Pending[], { error }: { readonly error?: unknown }): void {
    if (error !== undefined) {
      this.#fail(batch, error);
      return;
    }
    this.#failure = undefined;
    for (const pending of batch) pending.state = "written";
    this.#takeOffWritten();
  }

  #takeOffWritten(): void {
    let count = 0;
    let held = 0;
    let seq = 0;
    for (const pending of this.#pending) {
      if (pending.state !== "written") break;
      count += 1;
      held += pending.held;
      seq = pending.ref.seq;
      for (const traceId of pending.traceIds ?? []) {
        if (this.#traces.get(traceId) === seq) this.#traces.delete(traceId);
      }
    }
    if (count === 0) return;
    this.#pending = this.#pending.slice(count);
    if (this.#singlyUntil <= seq) this.#singlyUntil = 0;
    this.#room.give(held);
    this.#options.release(seq);
    for (const waiter of this.#waiters) {
      if (waiter.seq > seq) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** Everything from this batch on goes back into the queue, also what was written beside it: the order must stay. */
  #fail(batch: readonly Pending[], error: unknown): void {
    const [first] = batch;
    const last = batch.at(-1);
    if (first === undefined || last === undefined) return;
    this.#generation += 1;
    const tries = (this.#failure?.tries ?? 0) + 1;
    this.#failure = { error, tries };
    for (const pending of this.#pending) {
      if (pending.ref.seq < first.ref.seq || pending.state === "waiting") continue;
      pending.state = "waiting";
      this.#countWaiting(pending, 1);
    }
    const isState = isStoreState(error);
    if (!isState && batch.length > 1) {
      this.#singlyUntil = last.ref.seq;
      this.#failure = undefined;
      return;
    }
    if (!isState && tries >= MAX_TRIES) {
      void this.#giveUp(first, error);
      return;
    }
    if (isState) {
      for (const waiter of this.#waiters) {
        if (waiter.seq < first.ref.seq) continue;
        this.#waiters.delete(waiter);
        waiter.reject(error);
      }
      this.#room.letAllIn();
    }
    this.#pauseThenRetry(tries);
  }

  #pauseThenRetry(tries: number): void {
    const [shortest, longest] = this.#options.retryMs;
    this.#retryTimer = setTimeout(
      () => {
        this.#retryTimer = undefined;
        this.#pump();
      },
      Math.min(longest, shortest * 2 ** Math.min(tries - 1, 10)),
    );
  }

  /** Sets a request aside that the store refuses whatever is tried. */
  async #giveUp(pending: Pending, error: unknown): Promise<void> {
    pending.state = "writing";
    this.#countWaiting(pending, -1);
    this.#writes += 1;
    let failed = false;
    try {
      await this.#options.setAside(pending.ref, error);
    } catch (failure) {
      this.#options.onFailure(failure);
      failed = true;
    }
    this.#writes -= 1;
    if (failed) {
      pending.state = "waiting";
      this.#countWaiting(pending, 1);
      this.#pauseThenRetry(MAX_TRIES);
      return;
    }
    this.#failure = undefined;
    pending.state = "written";
    this.#takeOffWritten();
    this.#pump();
  }
}

function distinctTraces(spans: readonly PreparedSpan[]): readonly string[] {
  const [first] = spans;
  if (first !== undefined && spans.every(({ traceId }) => traceId === first.traceId)) return [first.traceId];
  return [...new Set(spans.map(({ traceId }) => traceId))];
}
