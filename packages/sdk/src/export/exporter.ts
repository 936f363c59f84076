/**
 * Brings ended spans to the server: queue → batches → sender. Nothing here is awaited by the user's code, and nothing holds the
 * process open but `flush` and `shutdown`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { Attributes, OtlpSpan } from "@sightline/wire/otlp/span";
import type { Config } from "../config.ts";
import { countFailure, warnOnce } from "../diagnostics.ts";
import { runOutside } from "../outside.ts";
import type { Counters } from "./counters.ts";
import { encodeSpans, toOtlpSpan } from "./encode.ts";
import { countEnded, type QueuedSpan, SpanQueue, toQueuedSpan } from "./queue.ts";
import { type Outcome, Sender } from "./sender.ts";

/** A span may wait this long for company before it is sent. Traces should appear while one looks. */
const BATCH_DELAY_MS = 200;
/** So many do not wait. */
const BATCH_SPANS = 512;
/** A request takes up to so many when more have gathered while the last one was under way. */
const MAX_BATCH_SPANS = 2048;
/** Encoding this much takes some 10 ms; larger requests gain nothing. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** Between two pauses for the user's code while a batch is encoded. */
const ENCODE_SLICE_MS = 5;
/** A span that runs longer than this is shown while it runs. */
const ANNOUNCE_AFTER_MS = 2_000;

export const SCOPE = { name: "@sightline/sdk", version: "0.1.0" } as const;

/** Longest time that a timer of Node takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** More open spans than this are a leak of the program; watching them all would make it ours. */
const MAX_WATCHED = 10_000;

/** A request body and how many ended spans are in it. */
export interface LastRequest {
  readonly body: Uint8Array;
  readonly spans: number;
}

/** Where the spans of one configuration go. */
export class Exporter {
  readonly #config: Config;
  readonly #counters: Counters;
  readonly #resource: Attributes;
  readonly #queue: SpanQueue;
  readonly #sender: Sender;
  readonly #givingUp = new AbortController();
  /** Spans that began and have not ended, and whether the server was told. */
  readonly #open = new Map<ReadableSpan, boolean>();
  readonly #flushes = new Set<{ readonly check: () => void; readonly fail: () => void }>();
  #inFlight: readonly QueuedSpan[] = [];
  #isDraining = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #announcer: NodeJS.Timeout | undefined;
  #added = 0;
  #onRetired: (() => void) | undefined;

  constructor(config: Config, resource: Attributes, counters: Counters) {
    this.#config = config;
    this.#resource = resource;
    this.#counters = counters;
    this.#queue = new SpanQueue(config.maxQueueBytes);
    this.#sender = new Sender(config, { onRetry: (reason) => this.#onRetry(reason) });
  }

  /** Spans that are neither sent nor dropped. */
  get unsent(): number {
    return this.#queue.length + this.#inFlight.length;
  }

  /** Bytes of them, roughly. */
  get unsentBytes(): number {
    return this.#queue.bytes;
  }

  get exitTimeoutMs(): number {
    return this.#config.exitTimeoutMs;
  }

  /** Address for messages: without credentials that may be in the URL. */
  get #address(): string {
    return this.url.origin + this.url.pathname;
  }

  get url(): URL {
    return this.#sender.url;
  }

  /** Headers of every request but those about the body's encoding. */
  get headers(): Readonly<Record<string, string>> {
    return this.#sender.headers;
  }

  onStart(span: ReadableSpan): void {
    if (this.#isClosed || this.#open.size >= MAX_WATCHED) return;
    this.#open.set(span, false);
    this.#announcer ??= runOutside(() => setInterval(() => this.#announce(), ANNOUNCE_AFTER_MS).unref());
  }

  onEnd(span: ReadableSpan): void {
    this.#open.delete(span);
    this.#counters.ended += 1;
    const queued = toQueuedSpan(span);
    for (const { truncations } of queued.captured?.values() ?? []) this.#counters.truncations += truncations;
    if (this.#isClosed) this.#counters.dropped.unsentAtExit += 1;
    else this.#add(queued);
  }

  /**
   * Sends everything that ended before now; the process stays alive meanwhile.
   *
   * @returns whether the server has it all; false when `timeoutMs` passed first or spans were dropped meanwhile
   */
  flush(timeoutMs: number): Promise<boolean> {
    const goal = this.#added;
    const lostBefore = this.#lost();
    const isDone = (): boolean => this.#added - this.unsent >= goal;
    if (isDone()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (isDelivered: boolean): void => {
        clearTimeout(deadline);
        this.#flushes.delete(flush);
        resolve(isDelivered);
      };
      const flush = {
        check: () => {
          if (isDone()) finish(this.#lost() === lostBefore);
        },
        fail: () => finish(false),
      };
      // Not unref'd: this is what keeps the process alive, since the sockets do not.
      const deadline = setTimeout(flush.fail, Math.min(timeoutMs, MAX_TIMER_MS));
      this.#flushes.add(flush);
      this.hurry();
    });
  }

  /** Sends what waits as soon as can be, without holding the process. */
  hurry(): void {
    this.#sender.hurry();
    this.#startDraining();
  }

  /** Flushes, spans that still run included; then gives up what is left and closes the connection. */
  async shutdown(timeoutMs: number): Promise<boolean> {
    this.announceAll();
    const isDelivered = await this.flush(timeoutMs);
    this.lose(countEnded(this.takeUnsent()));
    return isDelivered;
  }

  /** Lets the spans that are open or unsent have their time, then closes and calls `onDone`. */
  retire(onDone: () => void): void {
    this.#onRetired = onDone;
    this.hurry();
    this.#closeIfRetired();
  }

  /** Closes the exporter and hands over what is unsent, oldest first, then spans that still run and were not told. */
  takeUnsent(): QueuedSpan[] {
    this.announceAll();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#announcer);
    const unsent = [...this.#inFlight, ...this.#queue.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)];
    this.#inFlight = [];
    this.#open.clear();
    this.#givingUp.abort();
    this.#sender.close();
    for (const flush of this.#flushes) flush.fail();
    return unsent;
  }

  /** Queues every span that still runs and that the server was not told of. */
  announceAll(): void {
    this.#announce(Number.POSITIVE_INFINITY);
  }

  /**
   * Counts and says ended spans that will never be sent.
   *
   * @param warn  how it is said; another way in the `exit` event
   */
  lose(spans: number, warn: (message: string) => void = (message) => warnOnce("lost", message)): void {
    if (spans === 0) return;
    this.#counters.dropped.unsentAtExit += spans;
    const what = spans === 1 ? "1 span" : `${spans} spans`;
    warn(`${what} could not be sent to ${this.url.origin} in time; lost.`);
  }

  /** Spans as request bodies: for delivery at the very end, when nothing asynchronous runs any more. */
  encodeLast(spans: readonly QueuedSpan[]): LastRequest[] {
    const queue = new SpanQueue(Number.POSITIVE_INFINITY);
    for (const span of spans) queue.push(span);
    const requests: LastRequest[] = [];
    while (queue.length > 0) {
      const batch = queue.take(MAX_BATCH_SPANS, BATCH_BYTES);
      const encoded = batch.map((span) => this.#encodeOne(span)).filter((span) => span !== undefined);
      requests.push({ body: this.#encodeRequest(encoded), spans: countEnded(batch) });
    }
    return requests;
  }

  /** Counts spans that were delivered by other means. */
  countSent(spans: number): void {
    this.#counters.sent += spans;
  }

  #add(span: QueuedSpan): void {
    this.#added += 1;
    const dropped = this.#queue.push(span);
    if (dropped.length > 0) {
      this.#counters.dropped.queueFull += countEnded(dropped);
      warnOnce(
        "queue-full",
        `The queue of ${this.#config.maxQueueBytes} bytes is full; the oldest spans are dropped until ${this.url.origin} takes them again.`,
      );
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isDraining || this.#isClosed || this.#queue.length === 0) return;
    if (this.#isBatchFull()) this.#startDraining();
    else this.#timer ??= runOutside(() => setTimeout(() => this.#startDraining(), BATCH_DELAY_MS).unref());
  }

  #isBatchFull(): boolean {
    return this.#queue.length >= BATCH_SPANS || this.#queue.waitingBytes >= BATCH_BYTES;
  }

  #startDraining(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isDraining || this.#isClosed) return;
    this.#isDraining = true;
    runOutside(() => this.#drain())
      .catch((error: unknown) => countFailure("the exporter", error))
      .finally(() => {
        this.#isDraining = false;
        this.#schedule();
        this.#closeIfRetired();
      });
  }

  async #drain(): Promise<void> {
    // Not on the path of whoever ended a span or called flush().
    await nextTurn();
    do {
      const batch = this.#queue.take(MAX_BATCH_SPANS, BATCH_BYTES);
      this.#inFlight = batch;
      try {
        await this.#send(batch);
      } finally {
        this.#queue.release(batch);
        if (!this.#isClosed) this.#inFlight = [];
        for (const flush of this.#flushes) flush.check();
      }
    } while (!this.#isClosed && (this.#isBatchFull() || (this.#flushes.size > 0 && this.#queue.length > 0)));
  }

  async #send(batch: readonly QueuedSpan[]): Promise<void> {
    const spans: OtlpSpan[] = [];
    const encoded: QueuedSpan[] = [];
    let sliceEnd = performance.now() + ENCODE_SLICE_MS;
    for (const queued of batch) {
      const span = this.#encodeOne(queued);
      if (span !== undefined) {
        spans.push(span);
        encoded.push(queued);
      }
      if (performance.now() > sliceEnd) {
        await nextTurn();
        sliceEnd = performance.now() + ENCODE_SLICE_MS;
      }
    }
    if (spans.length === 0 || this.#isClosed) return;
    const outcome = await this.#sender.deliver(this.#encodeRequest(spans), this.#givingUp.signal);
    // Given up: whoever closed the exporter has taken the spans.
    if (outcome.kind !== "given-up") this.#count(outcome, countEnded(encoded));
  }

  #encodeOne(queued: QueuedSpan): OtlpSpan | undefined {
    try {
      return toOtlpSpan(queued);
    } catch (error) {
      this.#counters.dropped.broken += 1;
      countFailure("encoding a span", error);
      return undefined;
    }
  }

  #encodeRequest(spans: readonly OtlpSpan[]): Uint8Array {
    return encodeSpans(spans, { resource: this.#resource, scope: SCOPE });
  }

  #count(outcome: Exclude<Outcome, { kind: "given-up" }>, spans: number): void {
    const refused = outcome.kind === "refused" ? spans : Math.min(spans, outcome.rejectedSpans);
    this.#counters.sent += spans - refused;
    this.#counters.dropped.refused += refused;
    if (refused === 0 && outcome.message === "") return;
    const status = outcome.kind === "refused" ? ` with status ${outcome.status}` : "";
    warnOnce(
      `refused${status}`,
      `${this.#address} refused ${refused} spans${status}: ${outcome.message} Refused spans are lost and counted in stats().`,
    );
  }

  #onRetry(reason: string): void {
    this.#counters.retries += 1;
    warnOnce(
      "unreachable",
      `${this.#address} does not take spans now (${reason}). They wait in a queue of ${this.#config.maxQueueBytes} bytes and are tried again.`,
    );
  }

  /** Sends spans that have run for a while as they are now: a trace can be watched, and is seen even if the program is killed. */
  #announce(startedBefore = Date.now() - ANNOUNCE_AFTER_MS): void {
    for (const [span, isTold] of this.#open) {
      const [seconds, nanos] = span.startTime;
      if (isTold || seconds * 1000 + nanos / 1e6 > startedBefore) continue;
      this.#open.set(span, true);
      this.#add(toQueuedSpan(span));
    }
    if (this.#open.size > 0) return;
    clearInterval(this.#announcer);
    this.#announcer = undefined;
  }

  #closeIfRetired(): void {
    if (this.#onRetired === undefined || this.#isClosed || this.#open.size > 0 || this.unsent > 0) return;
    this.takeUnsent();
    this.#onRetired();
  }

  #lost(): number {
    const { queueFull, refused, unsentAtExit, broken } = this.#counters.dropped;
    return queueFull + refused + unsentAtExit + broken;
  }
}
