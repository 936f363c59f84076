/**
 * Ended spans that wait to be sent: as records in the queue, encoded, or with a spool on disk.
 *
 * With a spool, spans go from the queue to disk within milliseconds and are read back to be sent; the queue then only holds what waits
 * for that, or for room on the disk. Bytes in memory are bounded, whatever form they have.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { SpanRecord } from "../tracing/span-record.ts";
import { BackgroundTask } from "./background-task.ts";
import type { LastBatch } from "./last-requests.ts";
import { type BatchOptions, prepareAll, prepareAllNow } from "./preparation.ts";
import { type PreparedSpan, spanBytes } from "./prepared-span.ts";
import { recordBytes, SpanQueue } from "./queue.ts";
import type { SpoolBatch } from "./spool/spool.ts";
import type { Spooling } from "./spool/spooling.ts";

/** A span may wait this long before it is in the spool. */
const SPOOL_DELAY_MS = 5;
/** So many do not wait for company, and no request takes more: fewer are more turns of the event loop between the program's calls. */
export const BATCH_SPANS = 2048;
/** Encoding this much takes some 10 ms; larger requests gain nothing. Of a small queue a request takes a quarter at most. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** At the end of the process so much is read from the spool to be sent; the rest stays for the next process. */
const LAST_SPOOL_BYTES = 16 * 1024 * 1024;

/** Spans that are sent together. */
export interface Batch {
  readonly spans: readonly PreparedSpan[];
  /** That they take in memory. */
  readonly bytes: number;
  /** Where they come from, if from the spool. */
  readonly stored?: SpoolBatch;
}

/** Spans that are encoded and not in the spool: the disk has no room for them now, or there is no spool. */
interface Carried extends Batch {
  /** They are sent from memory: the spool will not take them. */
  isDirect: boolean;
}

export interface BacklogOptions {
  readonly maxBytes: number;
  readonly prepare: BatchOptions;
  readonly spooling: Spooling | undefined;
  /** Spans had to give way to others. */
  readonly onFull: (spans: number) => void;
  /** What waited for the disk is there, or will not be: it can be sent. */
  readonly onStored: () => void;
}

/** The waiting spans of one exporter. */
export class Backlog {
  /** Most bytes of one request, uncompressed. */
  readonly batchBytes: number;
  readonly #options: BacklogOptions;
  readonly #queue: SpanQueue;
  readonly #storing: BackgroundTask;
  /** On their way from the queue to `carried`. */
  #preparing: readonly SpanRecord[] = [];
  #carried: Carried | undefined;
  #isClosed = false;

  constructor(options: BacklogOptions) {
    this.#options = options;
    this.#queue = new SpanQueue(options.maxBytes);
    this.batchBytes = Math.min(BATCH_BYTES, options.maxBytes / 4);
    this.#storing = new BackgroundTask({
      name: "the spool",
      work: () => this.#store(),
      onIdle: () => {
        if (this.isSpooling && this.#carried === undefined && this.#queue.length > 0) this.storeLater();
        options.onStored();
      },
    });
  }

  /** Bytes in memory, those of requests under way included. */
  get bytes(): number {
    return this.#queue.bytes;
  }

  /** Whether spans go to the spool before they are sent. */
  get isSpooling(): boolean {
    return this.#options.spooling?.isWritable === true;
  }

  /** Whether there is something that can be sent now. */
  get hasReady(): boolean {
    if ((this.#options.spooling?.waiting ?? 0) > 0 || this.#carried?.isDirect) return true;
    return !this.isSpooling && (this.#queue.length > 0 || this.#carried !== undefined);
  }

  /** Whether enough has gathered for a request. */
  get isBatchFull(): boolean {
    const { spooling } = this.#options;
    if (spooling !== undefined && spooling.waiting >= BATCH_SPANS) return true;
    if (this.#carried?.isDirect) return true;
    return !this.isSpooling && (this.#queue.length >= BATCH_SPANS || this.#queue.waitingBytes >= this.batchBytes);
  }

  /** Adds a span that has ended. On the user's path. */
  push(span: SpanRecord): void {
    this.#drop(this.#queue.push(span));
    if (this.isSpooling) this.storeLater();
  }

  /** Brings what is in the queue to the spool soon. */
  storeLater(): void {
    this.#storing.later(SPOOL_DELAY_MS);
  }

  /** Brings what is in the queue to the spool now. */
  storeNow(): void {
    if (this.isSpooling && (this.#carried !== undefined || this.#queue.length > 0)) this.#storing.now();
  }

  /** Counts bytes that are in memory on behalf of a request, until they are released. */
  hold(bytes: number): void {
    this.#drop(this.#queue.hold(bytes));
  }

  release(bytes: number): void {
    this.#queue.release(bytes);
  }

  /** The oldest spans, to be handed to {@link settle}; undefined if nothing can be sent now. */
  async next(): Promise<Batch | undefined> {
    const stored = this.#nextStored();
    if (stored !== undefined) {
      const bytes = spanBytes(stored.spans);
      this.hold(bytes);
      return { spans: stored.spans, bytes, stored };
    }
    if (!this.#storing.isRunning && !this.isSpooling) await this.#fill();
    const carried = this.#carried;
    if (carried === undefined || this.#isClosed || (this.isSpooling && !carried.isDirect)) return undefined;
    this.#carried = undefined;
    return carried;
  }

  /** The server has answered for a batch. */
  settle({ bytes, stored }: Batch): void {
    this.#queue.release(bytes);
    if (stored !== undefined) this.#options.spooling?.settle(stored);
    // What the disk had no room for may have it now.
    this.storeNow();
  }

  /**
   * Closes the backlog, and encodes what is not.
   *
   * @returns what waits, oldest first, without batches that were handed out; at most some megabytes of what is on disk
   */
  takeAllNow(): LastBatch[] {
    const memory = this.#takeMemory();
    const isSpooled = memory.length > 0 && this.#options.spooling?.appendNow(memory) === true;
    const batches: LastBatch[] = [];
    let bytes = 0;
    for (let batch = this.#nextStored(); batch !== undefined; batch = this.#nextStored()) {
      batches.push({ spans: batch.spans, batch });
      bytes += spanBytes(batch.spans);
      if (bytes > LAST_SPOOL_BYTES) break;
    }
    if (!isSpooled) batches.push({ spans: memory });
    return batches;
  }

  /** Closes the backlog; what waits is left in the spool, if there is one. */
  leave(): void {
    this.#isClosed = true;
    this.#storing.stop();
    const { spooling } = this.#options;
    // Encoding is only worth its time if there is a place for it.
    const memory = spooling === undefined ? [] : this.#takeMemory();
    if (memory.length > 0) spooling?.appendNow(memory);
  }

  #nextStored(): SpoolBatch | undefined {
    return this.#options.spooling?.next(BATCH_SPANS, this.batchBytes);
  }

  #takeMemory(): PreparedSpan[] {
    this.#isClosed = true;
    this.#storing.stop();
    const records = [...this.#preparing, ...this.#queue.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)];
    const carried = this.#carried?.spans ?? [];
    this.#preparing = [];
    this.#carried = undefined;
    return [...carried, ...prepareAllNow(records, this.#options.prepare)];
  }

  /** Queue → spool, until the queue is empty or the spool is full. */
  async #store(): Promise<void> {
    await nextTurn();
    const { spooling } = this.#options;
    while (spooling?.isWritable && !this.#isClosed && !this.#carried?.isDirect) {
      await this.#fill();
      const carried = this.#carried;
      if (carried === undefined || this.#isClosed) return;
      const result = await spooling.append(carried.spans);
      if (this.#isClosed || result === "full") return;
      if (result === "kept") {
        this.#carried = undefined;
        this.#queue.release(carried.bytes);
      } else carried.isDirect = true;
    }
  }

  /** Queue → `carried`, unless there is something. */
  async #fill(): Promise<void> {
    if (this.#carried !== undefined || this.#isClosed) return;
    const records = this.#queue.take(BATCH_SPANS, this.batchBytes);
    if (records.length === 0) return;
    this.#preparing = records;
    const { prepare } = this.#options;
    const spans = await prepareAll(records, {
      ...prepare,
      onBroken: (record, error) => {
        // Whoever closes the backlog meanwhile must not meet it again.
        this.#preparing = this.#preparing.filter((other) => other !== record);
        prepare.onBroken(record, error);
      },
    });
    if (this.#isClosed) return;
    this.#preparing = [];
    const bytes = spanBytes(spans);
    this.#carried = { spans, bytes, isDirect: false };
    this.#queue.release(recordBytes(records));
    this.hold(bytes);
  }

  #drop(spans: number): void {
    if (spans > 0) this.#options.onFull(spans);
  }
}
