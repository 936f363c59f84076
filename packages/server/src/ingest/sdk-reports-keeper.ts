/**
 * Reports of SDK processes on their way to PostgreSQL: added up in memory and written together, about once a second.
 *
 * Ingest neither waits for PostgreSQL nor fails with it. The journal keeps a request until its report is in PostgreSQL or, while that is
 * away, in a file of ours. Adding a report again changes nothing, so a replay after a crash is harmless.
 */
import { mergeFacts } from "@sightline/store/sdk-process-facts";
import type { SdkProcesses, SdkProcessFacts } from "@sightline/store/sdk-processes";
import { SightlineError } from "@sightline/wire/errors";
import { fillGaps } from "@sightline/wire/sequence-ranges";
import type { SdkReportsFile } from "./sdk-reports-file.ts";
import { isStoreState } from "./store-errors.ts";

export interface SdkReportsKeeperOptions {
  /** Adds reports to what is known. */
  readonly merge: SdkProcesses["mergeSdkProcesses"];
  /** Where reports are kept while that fails; absent = in memory only. */
  readonly file?: SdkReportsFile;
  /** Told in a sentence what a user should know. */
  readonly onEvent: (sentence: string) => void;
  /** How long reports are gathered before they are written, in milliseconds. Default 1,000. */
  readonly gatherMs?: number;
  /** First and longest pause after a failure, in milliseconds. Default 1,000 and 10,000. */
  readonly retryMs?: readonly [number, number];
  /** A write that takes longer has failed, in milliseconds; it may come to its end all the same. Default 5,000. */
  readonly maxWriteMs?: number;
  /** Processes whose reports may wait. Default 20,000. */
  readonly maxProcesses?: number;
  /** Ranges of all that wait; above it they are kept less exactly. Default 200,000: some 20 MB. */
  readonly maxRanges?: number;
}

/** Ranges that a report keeps when there are too many in all. */
const FEW_RANGES = 16;

/** Reports that PostgreSQL may refuse in one try. More of them say that something else is wrong. */
const MAX_REFUSALS = 20;

/** What came of a try. */
interface Outcome {
  /** Why the reports are not in PostgreSQL. */
  readonly writeError?: unknown;
  /** Why they are not in the file either. */
  readonly keepError?: unknown;
}

export class SdkReportsKeeper {
  readonly #options: Required<Omit<SdkReportsKeeperOptions, "file">> & Pick<SdkReportsKeeperOptions, "file">;
  /** Not in PostgreSQL and not being written, by instance id. */
  #waiting = new Map<string, SdkProcessFacts>();
  /** Of all that wait. */
  #ranges = 0;
  /** Whether something waits that is not in the file. */
  #isUnfiled = false;
  #hasFile = false;
  /** To be called when all that was added before them is kept. */
  #watchers: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #trying: Promise<Outcome> | undefined;
  /** A write that was given up and has not come to its end: another one would only take a further connection. */
  #hung: Promise<void> | undefined;
  #failures = 0;
  #refusals = 0;
  #lost = 0;
  #closed = false;

  constructor(options: SdkReportsKeeperOptions) {
    this.#options = {
      gatherMs: 1000,
      retryMs: [1000, 10_000],
      maxWriteMs: 5000,
      maxProcesses: 20_000,
      maxRanges: 200_000,
      ...options,
    };
  }

  /** Reports that were given up: more processes waited than there was room for, or PostgreSQL refused one for good. */
  get lost(): number {
    return this.#lost;
  }

  /** Takes up what an earlier process left in the file. */
  async open(): Promise<void> {
    const { file, onEvent } = this.#options;
    try {
      const facts = (await file?.read()) ?? [];
      if (facts.length === 0) return;
      this.#hasFile = true;
      this.add(facts);
    } catch (error) {
      // Spans matter more than what is said of them: the server starts.
      onEvent(
        `Reports of SDK processes that an earlier server left cannot be read (${String(error)}); they are ignored.`,
      );
    }
  }

  /** Adds reports; they are written soon. */
  add(facts: readonly SdkProcessFacts[]): void {
    for (const some of facts) this.#add(some);
    this.#plan();
  }

  /** Calls back when everything that was added so far is in PostgreSQL or in the file: at once if it is. */
  whenKept(onKept: () => void): void {
    if (this.#isKept) onKept();
    else this.#watchers.push(onKept);
  }

  /** Resolves when everything that was added is in PostgreSQL or in the file. @throws what keeps it from being kept */
  async kept(): Promise<void> {
    let isKept = false;
    this.whenKept(() => {
      isKept = true;
    });
    // A try that is under way does not have what was added last.
    for (let round = 0; round < 2 && !isKept; round += 1) {
      const { keepError } = await this.#tryNow();
      if (keepError !== undefined && !isKept) throw keepError;
    }
  }

  /** Resolves when everything that was added is in PostgreSQL. @throws STORE_UNAVAILABLE, STORAGE_FULL */
  async settled(): Promise<void> {
    if (this.#waiting.size === 0 && this.#trying === undefined) return;
    for (let rounds = this.#trying === undefined ? 1 : 2; rounds > 0; rounds -= 1) {
      const { writeError } = await this.#tryNow();
      if (writeError !== undefined) throw writeError;
    }
  }

  /** Resolves after a try to write what was added, whatever came of it; at once while PostgreSQL is known to be away. */
  async tried(): Promise<void> {
    if (this.#waiting.size > 0 && this.#failures === 0) await this.#tryNow();
  }

  /** Tries once more. What could not be kept is left to the journal. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#trying;
    if (!this.#isKept) await this.#tryNow();
  }

  get #isKept(): boolean {
    const isFiled = this.#hasFile && !this.#isUnfiled;
    return this.#trying === undefined && (this.#waiting.size === 0 || isFiled);
  }

  #add(some: SdkProcessFacts): void {
    const { maxProcesses, maxRanges, onEvent } = this.#options;
    const before = this.#waiting.get(some.instanceId);
    if (before === undefined && this.#waiting.size >= maxProcesses) {
      if (this.#lost === 0) {
        onEvent(
          `Reports of ${maxProcesses} SDK processes wait for PostgreSQL; those of others are dropped, and their spans will seem to be missing.`,
        );
      }
      this.#lost += 1;
      return;
    }
    const merged = before === undefined ? some : mergeFacts(before, some);
    const others = this.#ranges - (before?.received.length ?? 0);
    const isTooMuch = merged.received.length > FEW_RANGES && others + merged.received.length > maxRanges;
    const kept = isTooMuch ? { ...merged, received: fillGaps(merged.received, FEW_RANGES), isExact: false } : merged;
    this.#ranges = others + kept.received.length;
    this.#waiting.set(kept.instanceId, kept);
    this.#isUnfiled = true;
  }

  /** Sees to it that there will be a try if one is needed. */
  #plan(): void {
    const isIdle = this.#waiting.size === 0 && this.#watchers.length === 0;
    if (isIdle || this.#closed || this.#timer !== undefined || this.#trying !== undefined) return;
    const { gatherMs, retryMs } = this.#options;
    const ms =
      this.#failures === 0 ? gatherMs : Math.min(retryMs[1], retryMs[0] * 2 ** Math.min(this.#failures - 1, 10));
    this.#timer = setTimeout(() => void this.#tryNow(), ms);
  }

  /** The try that is under way, or a new one; never rejects. */
  #tryNow(): Promise<Outcome> {
    if (this.#trying === undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#trying = this.#try().finally(() => {
        this.#trying = undefined;
        this.#plan();
      });
    }
    return this.#trying;
  }

  async #try(): Promise<Outcome> {
    const batch = this.#waiting;
    const watchers = this.#watchers;
    this.#waiting = new Map();
    this.#ranges = 0;
    this.#watchers = [];
    this.#refusals = 0;
    let outcome: Outcome = {};
    try {
      await this.#write([...batch.values()]);
      this.#failures = 0;
      await this.#removeFile();
    } catch (error) {
      outcome = await this.#keep(batch, watchers, error);
    }
    if (outcome.keepError === undefined) for (const onKept of watchers) onKept();
    return outcome;
  }

  /** After a failure: takes the batch back, behind it what came meanwhile, and puts all of it into the file. */
  async #keep(
    batch: ReadonlyMap<string, SdkProcessFacts>,
    watchers: (() => void)[],
    writeError: unknown,
  ): Promise<Outcome> {
    const { file, onEvent } = this.#options;
    this.#failures += 1;
    if (this.#failures === 1) {
      onEvent(`Reports of SDK processes cannot be written (${String(writeError)}); they are kept and tried again.`);
    }
    const news = this.#waiting;
    this.#waiting = new Map();
    this.#ranges = 0;
    const wasUnfiled = this.#isUnfiled;
    for (const some of [...batch.values(), ...news.values()]) this.#add(some);
    this.#isUnfiled = wasUnfiled;
    // What was said to be waited for until now is in the file as well.
    watchers.push(...this.#watchers.splice(0));
    try {
      if (file === undefined) throw writeError;
      if (this.#isUnfiled || !this.#hasFile) {
        this.#isUnfiled = false;
        await file.write([...this.#waiting.values()]);
        this.#hasFile = true;
      }
      return { writeError };
    } catch (keepError) {
      this.#isUnfiled = true;
      this.#watchers.unshift(...watchers);
      return { writeError, keepError };
    }
  }

  /** Writes reports, without those that PostgreSQL refuses whatever is tried. */
  async #write(facts: readonly SdkProcessFacts[]): Promise<void> {
    if (facts.length === 0) return;
    try {
      await this.#writeInTime(facts);
    } catch (error) {
      if (isStoreState(error)) throw error;
      if (facts.length === 1) return await this.#writeAgain(facts, error);
      const half = Math.ceil(facts.length / 2);
      await this.#write(facts.slice(0, half));
      await this.#write(facts.slice(half));
    }
  }

  /** A single report that was refused gets a second chance: it may have met a deadlock. */
  async #writeAgain(facts: readonly SdkProcessFacts[], firstError: unknown): Promise<void> {
    try {
      await this.#writeInTime(facts);
    } catch (error) {
      this.#refusals += 1;
      if (isStoreState(error) || this.#refusals > MAX_REFUSALS) throw error;
      this.#lost += 1;
      this.#options.onEvent(`PostgreSQL refuses a report of an SDK process for good (${String(firstError)}).`);
    }
  }

  async #writeInTime(facts: readonly SdkProcessFacts[]): Promise<void> {
    const { merge, maxWriteMs } = this.#options;
    if (this.#hung !== undefined) throw noAnswer(maxWriteMs);
    const write = merge(facts);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const ended = () => {
          this.#hung = undefined;
        };
        this.#hung = write.then(ended, ended);
        reject(noAnswer(maxWriteMs));
      }, maxWriteMs);
    });
    try {
      await Promise.race([write, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #removeFile(): Promise<void> {
    const { file, onEvent } = this.#options;
    if (!this.#hasFile || file === undefined) return;
    this.#hasFile = false;
    try {
      await file.remove();
    } catch (error) {
      // What is in it would be added once more at the next start, which changes nothing.
      onEvent(`The file of waiting reports of SDK processes cannot be removed (${String(error)}).`);
    }
  }
}

function noAnswer(ms: number): SightlineError {
  return new SightlineError("STORE_UNAVAILABLE", `PostgreSQL did not take reports of SDK processes within ${ms} ms.`, {
    retryAfterSeconds: 1,
  });
}
