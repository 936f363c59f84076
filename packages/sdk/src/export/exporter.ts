/**
 * Brings ended spans to the server: backlog → requests, one at a time. Nothing here is awaited by the user's code, and nothing holds
 * the process open but `flush` and `shutdown`.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Mask } from "../capture/mask.ts";
import { countFailure, warnOnce } from "../diagnostics.ts";
import { runOutside } from "../outside.ts";
import type { SpanRecord, SpanSink } from "../tracing/span-record.ts";
import { BackgroundTask } from "./background-task.ts";
import { BATCH_SPANS, Backlog, type Batch } from "./backlog.ts";
import { type Counters, Tally } from "./counters.ts";
import { addressOf, Delivery, plural } from "./delivery.ts";
import { Flushes } from "./flushes.ts";
import { type LastRequest, lastRequests } from "./last-requests.ts";
import { OpenSpans } from "./open-spans.ts";
import { goneOrigin, type Origin, ownOrigin } from "./origin.ts";
import { type BatchOptions, prepareAll, prepareAllNow } from "./preparation.ts";
import type { PreparedSpan } from "./prepared-span.ts";
import { identify } from "./report.ts";
import { countEnded, groupByExperiment } from "./request.ts";
import type { Spool } from "./spool/spool.ts";
import { Spooling, type SpoolSetting } from "./spool/spooling.ts";

/** A span may wait this long for company before it is sent. Traces should appear while one looks. */
const BATCH_DELAY_MS = 200;
/** A span that runs longer than this is shown while it runs. */
const ANNOUNCE_AFTER_MS = 2_000;
/** Drops are told within this time, even if no span is sent that tells them on the way. */
const REPORT_DELAY_MS = 10_000;
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

/** Where the spans of one server go. */
export class Exporter implements SpanSink {
  readonly #config: ExporterConfig;
  readonly #tally: Tally;
  readonly #own: Origin;
  readonly #backlog: Backlog;
  readonly #delivery: Delivery;
  readonly #spooling: Spooling | undefined;
  readonly #prepareOptions: BatchOptions;
  readonly #sending: BackgroundTask;
  readonly #open = new OpenSpans();
  readonly #flushes = new Flushes();
  /** In requests that are not answered. */
  #inFlight: readonly PreparedSpan[] = [];
  /** Where they come from. */
  #inFlightBatch: Batch | undefined;
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
    const { url, apiKey, maxQueueBytes, mask, attachments = true, spool } = config;
    this.#config = config;
    this.#tally = new Tally(counters);
    this.#own = ownOrigin(identify(randomUUID(), resource, SCOPE.version), this.#tally);
    const { identity, numbers } = this.#own;
    this.#spooling =
      spool && new Spooling({ setting: spool, server: { url, apiKey }, identity, tally: this.#tally }, numbers);
    this.#prepareOptions = { mask, attachments, onBroken: (record, error) => this.#onBroken(record, error) };
    this.#sending = new BackgroundTask({
      name: "the exporter",
      work: () => this.#send(),
      onIdle: () => this.#afterSending(),
    });
    this.#backlog = new Backlog({
      maxBytes: maxQueueBytes,
      prepare: this.#prepareOptions,
      spooling: this.#spooling,
      onFull: (dropped) => this.#onFull(dropped),
      onStored: () => this.#schedule(),
    });
    this.#delivery = new Delivery({
      url,
      apiKey,
      scope: SCOPE,
      tally: this.#tally,
      memory: this.#backlog,
      onRetry: (reason) => this.#onRetry(reason),
    });
    if (this.#spooling === undefined) return;
    this.#heart = runOutside(() => setInterval(() => this.#beat(), BEAT_MS).unref());
    // There may be something of gone processes.
    this.#sending.later(BATCH_DELAY_MS);
  }

  /** Where export requests go. */
  get url(): URL {
    return this.#delivery.url;
  }

  /** Headers of every request but those about the body. */
  get headers(): Readonly<Record<string, string>> {
    return this.#delivery.headers;
  }

  /** Ended spans that are neither sent nor dropped. */
  get unsent(): number {
    return this.#tally.own.ended - this.#settled;
  }

  /** Bytes of them in memory, roughly. */
  get unsentBytes(): number {
    return this.#backlog.bytes;
  }

  /** Bytes of them on disk, with what was sent and not yet removed. */
  get spooledBytes(): number {
    return this.#spooling?.bytes ?? 0;
  }

  /** Whether something could still be told to the server. */
  get hasWork(): boolean {
    return this.unsent > 0 || this.#open.hasDue || this.#hasUntoldDrops || this.#spooling?.mayRecover === true;
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
    this.#backlog.push(span);
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
    this.#isFinishing = isLast || this.#onRetired !== undefined;
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
    this.#delivery.hurry();
    this.#backlog.storeNow();
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
    const inFlight = { spans: this.#inFlight, batch: this.#inFlightBatch?.stored };
    this.#close();
    const waiting = this.#backlog.takeAllNow();
    return lastRequests({
      origin: this.#own,
      scope: SCOPE,
      url: this.url,
      uploadUrl: (path) => new URL(this.#config.url + path),
      batches: [inFlight, ...waiting, { spans: running }],
      isAll: (this.#spooling?.waiting ?? 0) === 0,
      needsReport: this.#hasUntoldDrops,
    });
  }

  /**
   * Counts and says what became of the last requests, and closes the spool.
   *
   * @param areKept  for each request whether the server has it
   * @param warn  how it is said; another way in the `exit` event
   */
  settleLast(requests: readonly LastRequest[], areKept: readonly boolean[], warn: (message: string) => void): void {
    let isWhole = true;
    for (const [index, { ended, batch, isAttachment }] of requests.entries()) {
      const isKept = areKept[index] === true;
      if (isAttachment) this.#tally.addAttachments({ uploaded: Number(isKept), refused: 0, unsent: Number(!isKept) });
      if (isKept) {
        this.#own.count({ sent: ended, refused: 0 });
        this.#settled += ended;
        // Only what comes before a gap counts as answered for: the spool knows one place.
        if (batch !== undefined && isWhole) this.#spooling?.settle(batch);
      } else isWhole = false;
    }
    if (isWhole && requests.length > 0) this.#reportedLost = this.#tally.lost;
    this.#finish(warn);
  }

  /** Closes the exporter without trying to send what is unsent: it stays in the spool, or is lost. */
  giveUp(warn: (message: string) => void = (message) => warnOnce("lost", message)): void {
    this.#close();
    this.#backlog.leave();
    this.#finish(warn);
  }

  /** Everything that is not settled is in the spool, or lost. */
  #finish(warn: (message: string) => void): void {
    const unsent = this.unsent;
    const left = Math.min(unsent, this.#spooling?.unsettled ?? 0);
    const lost = unsent - left;
    this.#tally.addSpool("leftAtExit", left);
    this.#drop("unsentAtExit", lost);
    this.#spooling?.close(unsent === 0 && !this.#hasUntoldDrops);
    const late = `could not be sent to ${this.url.origin} in time;`;
    if (left > 0) warn(`${plural(left)} ${late} the next process that spools to it sends what this one left.`);
    if (lost > 0) warn(`${plural(lost)} ${late} lost.`);
  }

  #close(): void {
    this.#isClosed = true;
    this.#sending.stop();
    for (const timer of [this.#announcer, this.#reporter, this.#heart]) clearTimeout(timer);
    this.#open.clear();
    this.#delivery.close();
    this.#flushes.failAll();
  }

  #closeIfRetired(): void {
    if (this.#onRetired === undefined || this.#isClosed || this.#open.size > 0 || this.unsent > 0) return;
    this.giveUp();
    this.#onRetired();
  }

  /** Sends what is there when there is enough of it, or in a while. */
  #schedule(): void {
    if (this.#isClosed) return;
    const { isBatchFull, hasReady } = this.#backlog;
    if (isBatchFull || (hasReady && this.#flushes.size > 0)) this.#sending.now();
    else if (hasReady) this.#sending.later(BATCH_DELAY_MS);
  }

  async #send(): Promise<void> {
    // Not on the path of whoever ended a span or called flush().
    await nextTurn();
    let hasSent = true;
    while (hasSent && !this.#isClosed) {
      hasSent = await this.#sendNext();
      this.#flushes.check();
      if (!this.#backlog.isBatchFull && this.#flushes.size === 0 && this.#spooling?.mayRecover !== true) break;
    }
  }

  #afterSending(): void {
    this.#backlog.storeNow();
    this.#schedule();
    if (this.#open.hasDue) this.#sending.later(BATCH_DELAY_MS);
    this.#closeIfRetired();
  }

  /** Sends what is next. @returns false if there was nothing, or the exporter was closed */
  async #sendNext(): Promise<boolean> {
    const due = this.#open.due(BATCH_SPANS);
    const prepared = await prepareAll(due, this.#prepareOptions);
    // Those that ended meanwhile come by the backlog.
    const running = prepared.filter(({ isRunning }) => isRunning);
    const batch = await this.#backlog.next();
    if (this.#isClosed) return false;
    const isReportDue = (this.#isReportDue || this.#isFinishing) && this.#hasUntoldDrops;
    if (batch === undefined && running.length === 0 && !isReportDue) return this.#sendRecovered();
    this.#inFlightBatch = batch;
    if (!(await this.#deliverOwn([...running, ...(batch?.spans ?? [])]))) return false;
    this.#inFlightBatch = undefined;
    if (batch !== undefined) this.#backlog.settle(batch);
    this.#open.told(due);
    return true;
  }

  async #deliverOwn(spans: readonly PreparedSpan[]): Promise<boolean> {
    this.#inFlight = spans;
    for (const group of groupByExperiment(spans)) {
      const told = this.#tally.lost;
      if (!(await this.#delivery.deliver(group, this.#own, this.#isLastWord(group)))) return false;
      this.#reportedLost = told;
      this.#isReportDue = false;
      this.#settled += countEnded(group);
      const settled = new Set(group);
      this.#inFlight = this.#inFlight.filter((span) => !settled.has(span));
    }
    // Spans may have been refused.
    if (this.#hasUntoldDrops) this.#reportLater();
    return true;
  }

  async #sendRecovered(): Promise<boolean> {
    const recovered = this.#spooling?.nextRecovered(BATCH_SPANS, this.#backlog.batchBytes);
    if (recovered === undefined) return false;
    const { spool, batch } = recovered;
    if (this.#gone?.spool !== spool) this.#gone = { spool, origin: goneOrigin(spool, this.#tally) };
    const { origin } = this.#gone;
    const refusedBefore = origin.numbers().dropped.refused;
    // Nothing behind it: its last request is the last of that process.
    const isAll = !spool.hasMore;
    const groups = groupByExperiment(batch?.spans ?? []);
    for (const group of groups) {
      if (!(await this.#delivery.deliver(group, origin, isAll && group === groups.at(-1)))) return false;
    }
    // A refusal is not in the report that was refused: another one follows.
    const isTold = isAll && origin.numbers().dropped.refused === refusedBefore;
    this.#spooling?.settleRecovered(isTold ? undefined : batch);
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

  /** Whether spans were dropped that the server does not know of. */
  get #hasUntoldDrops(): boolean {
    return this.#tally.lost !== this.#reportedLost;
  }

  #drop(reason: "queueFull" | "broken" | "unsentAtExit", spans: number): void {
    this.#tally.drop(reason, spans);
    this.#settled += spans;
    this.#reportLater();
  }

  #reportLater(): void {
    if (this.#isClosed) return;
    this.#reporter ??= runOutside(() =>
      setTimeout(() => {
        this.#reporter = undefined;
        this.#isReportDue = true;
        this.#sending.now();
      }, REPORT_DELAY_MS).unref(),
    );
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
      `${addressOf(this.url)} does not take spans now (${reason}). They wait in a queue of ${this.#config.maxQueueBytes} bytes and are tried again.`,
    );
  }
}
