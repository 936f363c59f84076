/**
 * The queue between the user's code and the network: bounded in bytes, the oldest spans give way.
 */
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { capturedOf } from "../capture/captured.ts";
import type { Snapshot } from "../capture/serialize.ts";

/** A span on its way to the server, with what was captured for it. */
export interface QueuedSpan {
  readonly span: ReadableSpan;
  readonly captured: ReadonlyMap<string, Snapshot> | undefined;
  /** About the memory that it holds, and about the bytes that it takes on the way, uncompressed. */
  readonly bytes: number;
  /** Not its last word: it was still running and will come again. Such spans are not counted. */
  readonly isRunning: boolean;
}

/** Ids, times, name, status and the objects around them. */
const BASE_BYTES = 500;

/** Weighs a span and puts it together with what was captured for it. */
export function toQueuedSpan(span: ReadableSpan): QueuedSpan {
  const captured = capturedOf(span);
  let bytes = BASE_BYTES + attributeBytes(span.attributes);
  for (const event of span.events) bytes += BASE_BYTES + attributeBytes(event.attributes ?? {});
  for (const snapshot of captured?.values() ?? []) bytes += snapshot.bytes;
  return { span, captured, bytes, isRunning: !span.ended };
}

/** How many of them count: those that ended. */
export function countEnded(spans: readonly QueuedSpan[]): number {
  return spans.reduce((count, { isRunning }) => (isRunning ? count : count + 1), 0);
}

function attributeBytes(attributes: Readonly<Record<string, unknown>>): number {
  let bytes = 0;
  for (const key in attributes) {
    const value = attributes[key];
    bytes += key.length + (typeof value === "string" ? value.length : Array.isArray(value) ? 16 * value.length : 8);
  }
  return bytes;
}

/**
 * First in, first out; holds at most `maxBytes`. Spans that were taken count until they are released: they are in memory while
 * their request is under way.
 */
export class SpanQueue {
  readonly #maxBytes: number;
  // Taken from the front by index, so that taking is cheap at any length.
  #spans: (QueuedSpan | undefined)[] = [];
  #first = 0;
  #waitingBytes = 0;
  #takenBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Spans that wait. */
  get length(): number {
    return this.#spans.length - this.#first;
  }

  /** Bytes of the spans that wait. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Bytes of all spans, those under way included. */
  get bytes(): number {
    return this.#waitingBytes + this.#takenBytes;
  }

  /**
   * Adds a span.
   *
   * @returns the spans that were dropped: the oldest, until the new one fits; the new one too if there is no room even so
   */
  push(span: QueuedSpan): QueuedSpan[] {
    this.#spans.push(span);
    this.#waitingBytes += span.bytes;
    const dropped: QueuedSpan[] = [];
    while (this.bytes > this.#maxBytes) {
      const oldest = this.#shift();
      if (oldest === undefined) break;
      dropped.push(oldest);
    }
    return dropped;
  }

  /** Removes and returns the oldest spans: at least one if there is one, then as many as fit in both limits. */
  take(maxSpans: number, maxBytes: number): QueuedSpan[] {
    const taken: QueuedSpan[] = [];
    let bytes = 0;
    while (taken.length < maxSpans) {
      const next = this.#spans[this.#first];
      if (next === undefined || (taken.length > 0 && bytes + next.bytes > maxBytes)) break;
      bytes += next.bytes;
      taken.push(next);
      this.#shift();
    }
    this.#takenBytes += bytes;
    return taken;
  }

  /** Says that spans which were taken are settled. */
  release(taken: readonly QueuedSpan[]): void {
    for (const { bytes } of taken) this.#takenBytes -= bytes;
  }

  #shift(): QueuedSpan | undefined {
    const span = this.#spans[this.#first];
    if (span === undefined) return undefined;
    this.#waitingBytes -= span.bytes;
    this.#spans[this.#first] = undefined;
    this.#first += 1;
    // Moving the rest is paid for by the thousand spans that went before.
    if (this.#first >= 1024 || this.#first === this.#spans.length) {
      this.#spans = this.#spans.slice(this.#first);
      this.#first = 0;
    }
    return span;
  }
}
