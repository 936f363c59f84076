/**
 * The queue between the user's code and the network: bounded in bytes, the oldest spans give way.
 */
import type { SpanRecord } from "../tracing/span-record.ts";

/**
 * First in, first out; holds at most `maxBytes`. What was taken counts until it is released: it is in memory while it is encoded
 * and while its request is under way.
 */
export class SpanQueue {
  readonly #maxBytes: number;
  // Taken from the front by index, so that taking is cheap at any length.
  #spans: (SpanRecord | undefined)[] = [];
  #first = 0;
  #waitingBytes = 0;
  #heldBytes = 0;

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

  /** Bytes of all that is in memory, what was taken included. */
  get bytes(): number {
    return this.#waitingBytes + this.#heldBytes;
  }

  /**
   * Adds a span.
   *
   * @returns how many spans were dropped: the oldest, until the new one fits; the new one too if there is no room even so
   */
  push(span: SpanRecord): number {
    this.#spans.push(span);
    this.#waitingBytes += span.bytes;
    return this.#dropToFit();
  }

  /**
   * Removes and returns the oldest spans: at least one if there is one, then as many as fit in both limits. Their bytes are held
   * until they are released.
   */
  take(maxSpans: number, maxBytes: number): SpanRecord[] {
    const taken: SpanRecord[] = [];
    let bytes = 0;
    while (taken.length < maxSpans) {
      const next = this.#spans[this.#first];
      if (next === undefined || (taken.length > 0 && bytes + next.bytes > maxBytes)) break;
      bytes += next.bytes;
      taken.push(next);
      this.#shift();
    }
    this.#heldBytes += bytes;
    return taken;
  }

  /**
   * Counts bytes that are in memory on behalf of spans that were taken: their encoded form, their request.
   *
   * @returns how many of the waiting spans were dropped for it, the oldest first
   */
  hold(bytes: number): number {
    this.#heldBytes += bytes;
    return this.#dropToFit();
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  #dropToFit(): number {
    let dropped = 0;
    while (this.bytes > this.#maxBytes && this.#shift() !== undefined) dropped += 1;
    return dropped;
  }

  #shift(): SpanRecord | undefined {
    const span = this.#spans[this.#first];
    if (span === undefined) return undefined;
    this.#waitingBytes -= span.bytes;
    this.#spans[this.#first] = undefined;
    this.#first += 1;
    // Moving the rest is paid for by the spans that went before: as many as are moved.
    if (this.#first === this.#spans.length || (this.#first >= 1024 && this.#first * 2 >= this.#spans.length)) {
      this.#spans = this.#spans.slice(this.#first);
      this.#first = 0;
    }
    return span;
  }
}

/** Bytes that records hold together. */
export function recordBytes(records: readonly SpanRecord[]): number {
  return records.reduce((sum, { bytes }) => sum + bytes, 0);
}
