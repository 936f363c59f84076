/**
 * Brings ended spans to the server: queue → encoded → request. Nothing here is awaited by the user's code, and nothing holds the
 * process open but `flush` and `shutdown`.
 *
 * With a spool, encoded spans go to disk within milliseconds and are read back to be sent; the queue in memory is only what waits
 * for that, or for room on the disk.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Mask } from "../capture/mask.ts";
import { countFailure, warnOnce } from "../diagnostics.ts";
import { runOutside } from "../outside.ts";
import type { SpanRecord, SpanSink } from "../tracing/span-record.ts";
import { BackgroundTask } from "./background-task.ts";
import { compress } from "./compress.ts";
import { type Counters, Tally } from "./counters.ts";
import { requestOf } from "./encode.ts";
import { Flushes } from "./flushes.ts";
import { type LastBatch, type LastRequest, lastRequests } from "./last-requests.ts";
import { OpenSpans } from "./open-spans.ts";
import { goneOrigin, type Origin, ownOrigin } from "./origin.ts";
import { toOutcome } from "./outcome.ts";
import { type BatchOptions, prepareAll, prepareAllNow } from "./preparation.ts";
import { type LiftedAttachment, type PreparedSpan, preparedBytes } from "./prepared-span.ts";
import { recordBytes, SpanQueue } from "./queue.ts";
import { identify, resourceWithReport } from "./report.ts";
import { countEnded, exportHeaders, groupByExperiment } from "./request.ts";
import { Sender } from "./sender.ts";
import { byteCount } from "./spool/record.ts";
import type { Spool, SpoolBatch } from "./spool/spool.ts";
import { Spooling, type SpoolSetting } from "./spool/spooling.ts";
import { AttachmentUploader } from "./upload-attachments.ts";

/** A span may wait this long for company before it is sent. Traces should appear while one looks. */
const BATCH_DELAY_MS = 200;
/** A span may wait this long before it is in the spool. */
const SPOOL_DELAY_MS = 5;
/** So many do not wait. */
const BATCH_SPANS = 512;
/** A request takes up to so many when more have gathered while the last one was under way. */
const MAX_BATCH_SPANS = 2048;
/** Encoding this much takes some 10 ms; larger requests gain nothing. Of a small queue a request takes a quarter at most. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** A span that runs longer than this is shown while it runs. */
const ANNOUNCE_AFTER_MS = 2_000;
/** Drops are told within this time, even if no span is sent that tells them on the way. */
const REPORT_DELAY_MS = 10_000;
/** At the end of the process so much is read from the spool to be sent; the rest stays for the next process. */
const LAST_SPOOL_BYTES = 16 * 1024 * 1024;
/** Others see by it that this process lives; it looks for what others left. */
const BEAT_MS = 30_000;

export const SCOPE = { name: "@sightline/sdk", version: "0.1.0" } as const;

/** What an exporter must know; the rest of the configuration is not its concern. */
export interface ExporterConfig {
  /** `http(s)://…` without a slash at the end. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  readonly maxQueueBytes: number;
  readonly exitTimeoutMs: number;
  /** Replaces what must not be sent. */
  readonly mask?: Mask | undefined;
  /** Whether files are taken out of payloads and uploaded; default true. */
  readonly attachments?: boolean | undefined;
  readonly spool?: SpoolSetting | undefined;
}

/** Spans that are encoded and kept in memory: the disk has no room for them now, or there is no disk. */
interface Carried {
  readonly spans: readonly PreparedSpan[];
  readonly bytes: number;
  /** They are sent from memory: the spool will not take them. */
  isDirect: boolean;
}

interface FinishOptions {
  /** Whether the server has all that was tried at last. */
  readonly isWhole: boolean;
  readonly warn?: ((message: string) => void) | undefined;
}

/** Where the spans of one server go. */
export class Exporter implements SpanSink {
  readonly #config: ExporterConfig;
  readonly #tally: Tally;
  readonly #own: Origin;
  readonly #queue: SpanQueue;
  readonly #batchBytes: number;
  readonly #sender: Sender;
  readonly #uploader: AttachmentUploader;
  readonly #spooling: Spooling | undefined;
  readonly #sending: BackgroundTask;
  readonly #storing: BackgroundTask;
  readonly #open = new OpenSpans();
  readonly #flushes = new Flushes();
  readonly #givingUp = new AbortController();
  readonly #prepareOptions: BatchOptions;
  /** On their way from the queue to `carried`. */
  #preparing: readonly SpanRecord[] = [];
  #carried: Carried | undefined;
  /** In requests that are not answered. */
  #inFlight: readonly PreparedSpan[] = [];
  /** Where they come from, if from the spool. */
  #inFlightBatch: SpoolBatch | undefined;
  /** Whose spool is sent now. */
  #gone: { readonly spool: Spool; readonly origin: Origin } | undefined;
  #isClosed = false;
  /** The process ends, or tracing does: what is sent now is the last word. */
  #isFinishing = false;
  /** Ended spans that were sent or dropped. */
  #settled = 0;
  /** Dropped spans that the server knows of. */
  #reportedLost = 0;
  #isReportDue = false;
  #announcer: NodeJS.Timeout | undefined;
  #reporter: NodeJS.Timeout | undefined;
  #heart: NodeJS.Timeout | undefined;
  #onRetired: (() => void) | undefined;

  constructor(config: ExporterConfig, resource: Readonly<Record<string, string>>, counters: Counters) {
    this.#config = config;
    this.#tally = new Tally(counters);
    this.#queue = new SpanQueue(config.maxQueueBytes);
    this.#batchBytes = Math.min(BATCH_BYTES, config.maxQueueBytes / 4);
    this.#own = ownOrigin(identify(randomUUID(), resource, SCOPE.version), this.#tally);
    const { url, apiKey, spool } = config;
    this.url = new URL(`${url}/v1/traces`);
    this.#sender = new Sender({ url, apiKey, onRetry: (reason) => this.#onRetry(reason) });
    this.#uploader = new AttachmentUploader({ url, apiKey, onRetry: (reason) => this.#onRetry(reason) });
    this.#prepareOptions = {
      mask: config.mask,
      attachments: config.attachments ?? true,
      onBroken: (record, error) => this.#onBroken(record, error),
    };
    this.#sending = new BackgroundTask({
      name: "the exporter",
      work: () => this.#send(),
      onIdle: () => this.#afterSending(),
    });
    this.#storing = new BackgroundTask({
      name: "the spool",
      work: () => this.#store(),
      onIdle: () => this.#afterStoring(),
    });
    if (spool === undefined) return;
    const { identity, numbers } = this.#own;
    this.#spooling = new Spooling({ setting: spool, server: { url, apiKey }, identity, tally: this.#tally }, numbers);
    this.#heart = runOutside(() => setInterval(() => this.#beat(), BEAT_MS).unref());
    // There may be something of gone processes.
    this.#sending.later(BATCH_DELAY_MS);
  }

  /** Where export requests go. */
  readonly url: URL;

  /** Headers of every request but those about the body. */
  get headers(): Readonly<Record<string, string>> {
    return this.#sender.headers;
  }

  /** Ended spans that are neither sent nor dropped. */
  get unsent(): number {
    return this.#tally.own.ended - this.#settled;
  }

  /** Bytes of them in memory, roughly. */
  get unsentBytes(): number {
    return this.#queue.bytes;
  }

  /** Bytes of them on disk, with what was sent and not yet removed. */
  get spooledBytes(): number {
    return this.#spooling?.bytes ?? 0;
  }

  /** Whether something could still be told to the server. */
  get hasWork(): boolean {
    return (
      this.unsent > 0 ||
      this.#open.hasDue ||
      this.#tally.lost !== this.#reportedLost ||
      this.#spooling?.mayRecover === true
    );
  }

  get exitTimeoutMs(): number {
    return this.#config.exitTimeoutMs;
  }

  /** A span begins. On the user's path. */
  onStart(span: SpanRecord): void {
    if (this.#isClosed) return;
    this.#open.add(span);
    this.#announcer ??= runOutside(() => setInterval(() => this.#announce(), ANNOUNCE_AFTER_MS).unref());
  }

  /** A span has ended, and gets its number. On the user's path. */
  onEnd(span: SpanRecord): void {
    this.#open.delete(span);
    span.sequence = this.#tally.end(span.truncations);
    if (this.#isClosed) {
      this.#drop("unsentAtExit", 1);
      return;
    }
    this.#spooling?.noteEnded(span.sequence);
    const dropped = this.#queue.push(span);
    if (dropped > 0) this.#onFull(dropped);
    this.#schedule();
  }

  /**
   * Sends everything that ended before now; the process stays alive meanwhile.
   *
   * @param isLast  the process ends, or tracing does: what is sent is marked as the last word, and what gone processes left is
   *   waited for
   * @returns whether the server has it all; false when `timeoutMs` passed first or spans were dropped meanwhile
   */
  flush(timeoutMs: number, { isLast = false } = {}): Promise<boolean> {
    this.#isFinishing = isLast;
    const goal = this.#tally.own.ended;
    const lostBefore = this.#tally.lost;
    const outcome = (): boolean | undefined => {
      if (this.#settled < goal || this.#open.hasDue) return undefined;
      if (isLast && this.hasWork) return undefined;
      return this.#tally.lost === lostBefore;
    };
    const isDelivered = outcome();
    if (isDelivered !== undefined) return Promise.resolve(isDelivered);
    const delivered = this.#flushes.wait(timeoutMs, outcome);
    this.hurry();
    return delivered;
  }

  /** Resolves when every span that runs now has ended, or the exporter is closed. Does not hold the process. */
  untilEnded(): Promise<void> {
    return this.#open.untilEnded();
  }

  /** Sends what waits as soon as can be, without holding the process. */
  hurry(): void {
    this.#sender.hurry();
    this.#uploader.hurry();
    if (this.#spooling?.isWritable) this.#storing.now();
    this.#sending.now();
  }

  /** Flushes, spans that still run included; then gives up what is left and closes the connection. */
  async shutdown(timeoutMs: number): Promise<boolean> {
    this.announceAll();
    const isDelivered = await this.flush(timeoutMs, { isLast: true });
    if (!this.#isClosed) this.giveUp();
    return isDelivered;
  }

  /** Lets the spans that are open or unsent have their time, then closes and calls `onDone`. */
  retire(onDone: () => void): void {
    this.#onRetired = onDone;
    this.#isFinishing = true;
    this.hurry();
    this.#closeIfRetired();
  }

  /** Marks every span that still runs and that the server was not told of: it is sent as running. */
  announceAll(): void {
    this.#open.announce(Number.POSITIVE_INFINITY);
  }

  /**
   * Closes the exporter; nothing asynchronous is needed for it.
   *
   * @returns what is unsent as requests, oldest first, spans that still run and were not told included. What became of them is
   *   to be told to {@link settleLast}.
   */
  takeLast(): LastRequest[] {
    this.announceAll();
    const running = prepareAllNow(this.#open.due(Number.POSITIVE_INFINITY), this.#prepareOptions);
    const batches: LastBatch[] = [{ spans: this.#inFlight, batch: this.#inFlightBatch }];
    const waiting = this.#takeWaiting();
    if (!this.#isSpooled(waiting)) batches.push({ spans: waiting });
    else {
      let bytes = 0;
      for (let batch = this.#nextStored(); batch !== undefined; batch = this.#nextStored()) {
        batches.push({ spans: batch.spans, batch });
        bytes += spanBytes(batch.spans);
        if (bytes > LAST_SPOOL_BYTES) break;
      }
    }
    batches.push({ spans: running });
    return lastRequests({
      origin: this.#own,
      scope: SCOPE,
      url: this.url,
      uploadUrl: (path) => new URL(this.#config.url + path),
      batches,
      isAll: (this.#spooling?.waiting ?? 0) === 0,
      needsReport: this.#tally.lost !== this.#reportedLost,
    });
  }

  /** Closes the exporter without trying to send what is unsent: it stays in the spool, or is lost. */
  giveUp(warn?: (message: string) => void): void {
    const waiting = this.#spooling === undefined ? [] : this.#takeWaiting();
    this.#isSpooled(waiting);
    this.#finish({ isWhole: this.unsent === 0, warn });
  }

  /**
   * Counts and says what became of the last requests, and closes the spool.
   *
   * @param areKept  for each request whether the server has it
   * @param warn  how it is said; another way in the `exit` event
   */
  settleLast(requests: readonly LastRequest[], areKept: readonly boolean[], warn?: (message: string) => void): void {
    let isWhole = true;
    for (const [index, { ended, batch, isAttachment }] of requests.entries()) {
      const isKept = areKept[index] === true;
      if (isAttachment) this.#tally.addAttachments({ uploaded: Number(isKept), refused: 0, unsent: Number(!isKept) });
      if (isKept) {
        this.#own.count({ sent: ended, refused: 0 });
        this.#settled += ended;
        if (batch !== undefined && isWhole) this.#spooling?.settle(batch);
      } else isWhole = false;
    }
    if (isWhole && requests.length > 0) this.#reportedLost = this.#tally.lost;
    this.#finish({ isWhole, warn });
  }

  /** Everything that is not settled is in the spool, or lost. */
  #finish({ isWhole, warn = (message) => warnOnce("lost", message) }: FinishOptions): void {
    if (!this.#isClosed) this.#close();
    const unsent = this.unsent;
    const left = Math.min(unsent, this.#spooling?.unsettled ?? 0);
    const lost = unsent - left;
    this.#tally.addSpool("leftAtExit", left);
    this.#drop("unsentAtExit", lost);
    this.#spooling?.close(isWhole && unsent === 0 && this.#tally.lost === this.#reportedLost);
    const late = `could not be sent to ${this.url.origin} in time;`;
    if (left > 0) warn(`${plural(left)} ${late} the next process that spools to it sends what this one left.`);
    if (lost > 0) warn(`${plural(lost)} ${late} lost.`);
  }

  /** Closes the exporter and prepares what is in memory and not in flight. */
  #takeWaiting(): PreparedSpan[] {
    const records = [...this.#preparing, ...this.#queue.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)];
    const carried = this.#carried?.spans ?? [];
    this.#preparing = [];
    this.#carried = undefined;
    this.#close();
    return [...carried, ...prepareAllNow(records, this.#prepareOptions)];
  }

  #isSpooled(spans: readonly PreparedSpan[]): boolean {
    return spans.length === 0 ? this.#spooling !== undefined : this.#spooling?.appendNow(spans) === true;
  }

  #nextStored(): SpoolBatch | undefined {
    return this.#spooling?.next(MAX_BATCH_SPANS, this.#batchBytes);
  }

  #schedule(): void {
    if (this.#isClosed) return;
    if (this.#spooling?.isWritable) this.#storing.later(SPOOL_DELAY_MS);
    else if (this.#isBatchFull()) this.#sending.now();
    else this.#sending.later(BATCH_DELAY_MS);
  }

  #isBatchFull(): boolean {
    if (this.#spooling !== undefined && this.#spooling.waiting >= BATCH_SPANS) return true;
    return this.#queue.length >= BATCH_SPANS || this.#queue.waitingBytes >= this.#batchBytes;
  }

  /** Queue → spool, until the queue is empty or the spool is full. */
  async #store(): Promise<void> {
    await nextTurn();
    const spooling = this.#spooling;
    while (spooling?.isWritable && !this.#isClosed && !this.#carried?.isDirect) {
      this.#carried ??= await this.#takeAndPrepare();
      if (this.#carried === undefined || this.#isClosed) return;
      const { spans, bytes } = this.#carried;
      const result = await spooling.append(spans);
      if (this.#isClosed || result === "full") return;
      if (result === "kept") {
        this.#carried = undefined;
        this.#queue.release(bytes);
      } else this.#carried.isDirect = true;
    }
  }

  #afterStoring(): void {
    const hasMore = this.#carried?.isDirect === true || this.#isBatchFull() || this.#flushes.size > 0;
    if (hasMore) this.#sending.now();
    else if (this.#spooling !== undefined && this.#spooling.waiting > 0) this.#sending.later(BATCH_DELAY_MS);
    if (this.#queue.length > 0 && this.#carried === undefined) this.#schedule();
  }

  async #takeAndPrepare(): Promise<Carried | undefined> {
    const records = this.#queue.take(MAX_BATCH_SPANS, this.#batchBytes);
    if (records.length === 0) return undefined;
    this.#preparing = records;
    const spans = await prepareAll(records, this.#prepareOptions);
    if (this.#isClosed) return undefined;
    this.#preparing = [];
    const bytes = spanBytes(spans);
    this.#queue.release(recordBytes(records));
    this.#hold(bytes);
    return { spans, bytes, isDirect: false };
  }

  async #send(): Promise<void> {
    // Not on the path of whoever ended a span or called flush().
    await nextTurn();
    let hasSent = true;
    while (hasSent && !this.#isClosed) {
      hasSent = await this.#sendNext();
      this.#flushes.check();
      if (!this.#isBatchFull() && this.#flushes.size === 0 && this.#spooling?.mayRecover !== true) break;
    }
  }

  #afterSending(): void {
    // What the spool had no room for may have it now.
    if (this.#spooling?.isWritable && (this.#carried !== undefined || this.#queue.length > 0)) this.#storing.now();
    else if (this.#queue.length > 0) this.#schedule();
    else if ((this.#spooling?.waiting ?? 0) > 0 || this.#open.hasDue) this.#sending.later(BATCH_DELAY_MS);
    this.#closeIfRetired();
  }

  /** Sends what is next. @returns false if there was nothing, or the exporter was closed */
  async #sendNext(): Promise<boolean> {
    const due = this.#open.due(MAX_BATCH_SPANS);
    const prepared = await prepareAll(due, this.#prepareOptions);
    // Those that ended meanwhile come by the queue.
    const running = prepared.filter(({ isRunning }) => isRunning);
    if (this.#isClosed) return false;
    const isDelivered = await this.#sendOwn(running);
    if (isDelivered) this.#open.told(due);
    return isDelivered ?? this.#sendRecovered();
  }

  /** @returns undefined if there was nothing */
  async #sendOwn(running: readonly PreparedSpan[]): Promise<boolean | undefined> {
    const stored = this.#nextStored();
    if (stored !== undefined) return this.#sendStored(stored, running);
    if (!this.#storing.isRunning && !this.#spooling?.isWritable) this.#carried ??= await this.#takeAndPrepare();
    if (this.#isClosed) return false;
    const carried = this.#carried;
    if (carried !== undefined && (carried.isDirect || !this.#spooling?.isWritable)) {
      this.#carried = undefined;
      const isDelivered = await this.#deliverOwn([...running, ...carried.spans]);
      this.#queue.release(carried.bytes);
      return isDelivered;
    }
    const isReportDue = (this.#isReportDue || this.#isFinishing) && this.#tally.lost !== this.#reportedLost;
    return running.length > 0 || isReportDue ? this.#deliverOwn(running) : undefined;
  }

  async #sendStored(stored: SpoolBatch, running: readonly PreparedSpan[]): Promise<boolean> {
    const bytes = spanBytes(stored.spans);
    this.#inFlightBatch = stored;
    this.#hold(bytes);
    const isDelivered = await this.#deliverOwn([...running, ...stored.spans]);
    this.#queue.release(bytes);
    if (!isDelivered) return false;
    this.#spooling?.settle(stored);
    this.#inFlightBatch = undefined;
    return true;
  }

  async #deliverOwn(spans: readonly PreparedSpan[]): Promise<boolean> {
    this.#inFlight = spans;
    for (const group of groupByExperiment(spans)) {
      const lost = this.#tally.lost;
      const isDelivered = await this.#deliver(group, this.#own, this.#isLastWord(group));
      if (!isDelivered) return false;
      this.#reportedLost = lost;
      this.#isReportDue = false;
      this.#settled += countEnded(group);
      const settled = new Set(group);
      this.#inFlight = this.#inFlight.filter((span) => !settled.has(span));
    }
    return true;
  }

  async #sendRecovered(): Promise<boolean> {
    const recovered = this.#spooling?.nextRecovered(MAX_BATCH_SPANS, this.#batchBytes);
    if (recovered === undefined) return false;
    const { spool, batch } = recovered;
    if (this.#gone?.spool !== spool) this.#gone = { spool, origin: goneOrigin(spool, this.#tally) };
    const { origin } = this.#gone;
    for (const group of groupByExperiment(batch?.spans ?? [])) {
      if (!(await this.#deliver(group, origin, batch === undefined))) return false;
    }
    this.#spooling?.settleRecovered(batch);
    return true;
  }

  /** Sends one request. @returns false if it was given up: whoever closed the exporter has taken the spans */
  async #deliver(spans: readonly PreparedSpan[], origin: Origin, isFinal: boolean): Promise<boolean> {
    const resource = resourceWithReport(origin.identity, origin.numbers(), spans, isFinal);
    const body = await compress(requestOf(resource, SCOPE, spans));
    const bytes = byteCount(body);
    if (spans.length > 0) origin.experiment = spans[0]?.experiment;
    const headers = exportHeaders(origin.experiment);
    this.#hold(bytes);
    // Side by side: a large file must not hold up the span.
    const [answer, attachments] = await Promise.all([
      this.#sender.send({ method: "POST", url: this.url, headers, body }, this.#givingUp.signal),
      this.#uploader.upload(attachmentsOf(spans), this.#givingUp.signal),
    ]);
    this.#queue.release(bytes);
    if (answer === undefined || this.#isClosed) return false;
    this.#tally.addAttachments(attachments);
    this.#tally.add("requests", 1);
    const ended = countEnded(spans);
    const { refused, message } = toOutcome(answer);
    const refusedSpans = refused === "all" ? ended : Math.min(refused, ended);
    origin.count({ sent: ended - refusedSpans, refused: refusedSpans });
    if (refusedSpans > 0 || message !== "") {
      warnOnce(
        `refused ${answer.status}`,
        `${this.#address} refused ${plural(refusedSpans)} ${message} Refused spans are lost and counted in stats().`,
      );
    }
    return true;
  }

  /** Whether nothing comes after these spans, as far as one can see. */
  #isLastWord(spans: readonly PreparedSpan[]): boolean {
    // A retired exporter still gets the spans that are open.
    const isOver = this.#isFinishing && (this.#onRetired === undefined || this.#open.size === 0);
    return isOver && this.unsent === countEnded(spans) && this.#inFlight.length === spans.length;
  }

  /** Sends spans that have run for a while as they are now. */
  #announce(): void {
    this.#open.announce(Date.now() - ANNOUNCE_AFTER_MS);
    if (this.#open.hasDue) this.#sending.now();
    if (this.#open.size > 0) return;
    clearInterval(this.#announcer);
    this.#announcer = undefined;
  }

  #beat(): void {
    this.#spooling?.beat();
    this.#sending.now();
  }

  #close(): void {
    this.#isClosed = true;
    this.#sending.stop();
    this.#storing.stop();
    for (const timer of [this.#announcer, this.#reporter, this.#heart]) clearTimeout(timer);
    this.#open.clear();
    this.#givingUp.abort();
    this.#sender.close();
    this.#uploader.close();
    this.#flushes.failAll();
  }

  #closeIfRetired(): void {
    if (this.#onRetired === undefined || this.#isClosed || this.#open.size > 0 || this.unsent > 0) return;
    this.giveUp();
    this.#onRetired();
  }

  #drop(reason: "queueFull" | "broken" | "unsentAtExit", spans: number): void {
    this.#tally.drop(reason, spans);
    this.#settled += spans;
    if (this.#isClosed) return;
    this.#reporter ??= runOutside(() =>
      setTimeout(() => {
        this.#reporter = undefined;
        this.#isReportDue = true;
        this.#sending.now();
      }, REPORT_DELAY_MS).unref(),
    );
  }

  #hold(bytes: number): void {
    const dropped = this.#queue.hold(bytes);
    if (dropped > 0) this.#onFull(dropped);
  }

  #onFull(dropped: number): void {
    this.#drop("queueFull", dropped);
    warnOnce(
      "queue-full",
      `The queue of ${this.#config.maxQueueBytes} bytes is full; the oldest spans are dropped until ${this.url.origin} takes them again.`,
    );
  }

  #onBroken(record: SpanRecord, error: unknown): void {
    if (record.sequence > 0) this.#drop("broken", 1);
    countFailure("encoding a span", error);
  }

  #onRetry(reason: string): void {
    this.#tally.add("retries", 1);
    warnOnce(
      "unreachable",
      `${this.#address} does not take spans now (${reason}). They wait in a queue of ${this.#config.maxQueueBytes} bytes and are tried again.`,
    );
  }

  /** Address for messages: without credentials that may be in the URL. */
  get #address(): string {
    return this.url.origin + this.url.pathname;
  }
}

function attachmentsOf(spans: readonly PreparedSpan[]): LiftedAttachment[] {
  return spans.flatMap(({ attachments }) => attachments);
}

function spanBytes(spans: readonly PreparedSpan[]): number {
  return spans.reduce((sum, span) => sum + preparedBytes(span), 0);
}

function plural(spans: number): string {
  return spans === 1 ? "1 span" : `${spans} spans`;
}
