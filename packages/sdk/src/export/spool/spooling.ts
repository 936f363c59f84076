/**
 * The spool as the exporter uses it: what the file system refuses is said once and counted, and tracing goes on without a spool.
 */
import { sayOnce, warnOnce } from "../../diagnostics.ts";
import type { Tally } from "../counters.ts";
import { type PreparedSpan, preparedBytes } from "../prepared-span.ts";
import type { ProcessIdentity, ReportNumbers } from "../report.ts";
import { defaultSpoolFolder, prepareFolder, serverMark, takeOverNext, trimGone } from "./folder.ts";
import { thisProcess } from "./owner.ts";
import { Spool, type SpoolBatch } from "./spool.ts";

/** Default of `init({ spool: { maxBytes } })`: some minutes of a busy process. */
const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/** `init({ spool })`: true = with defaults. */
export type SpoolSetting =
  | true
  | {
      /** Default: `sightline-spool-<uid>` in the system's folder for temporary files. */
      readonly dir?: string | undefined;
      /** Most bytes on disk of this process, and of all processes that are gone together. Default 256 MiB. */
      readonly maxBytes?: number | undefined;
    };

export interface Recovered {
  readonly spool: Spool;
  readonly batch: SpoolBatch | undefined;
}

export interface SpoolingOptions {
  readonly setting: SpoolSetting;
  readonly server: { readonly url: string; readonly apiKey?: string | undefined };
  readonly identity: ProcessIdentity;
  readonly tally: Tally;
}

/** The spool of this process, and those it takes over. */
export class Spooling {
  readonly #dir: string;
  readonly #maxBytes: number;
  readonly #server: string;
  readonly #tally: Tally;
  readonly #numbers: () => ReportNumbers;
  #own: Spool | undefined;
  /** False after the file system refused something: no span is added any more, what is in the spool is still sent. */
  #isWritable = true;
  /** A full disk refuses new bytes, not those of the state file. */
  #canNote = true;
  #recovered: Spool | undefined;
  /** False once the folder was searched and nothing of gone processes was left. */
  #mayRecover = true;

  constructor({ setting, server, identity, tally }: SpoolingOptions, numbers: () => ReportNumbers) {
    const { dir, maxBytes } = setting === true ? {} : setting;
    this.#dir = dir ?? defaultSpoolFolder();
    this.#maxBytes = maxBytes ?? DEFAULT_MAX_BYTES;
    this.#server = serverMark(server);
    this.#tally = tally;
    this.#numbers = numbers;
    this.#attempt("opened", () => {
      prepareFolder(this.#dir);
      const name = { instanceId: identity.instanceId, server: this.#server, owner: thisProcess() };
      this.#own = Spool.create(this.#dir, name, { version: 1, ...identity }, this.#maxBytes);
    });
  }

  /** Whether spans that end go to the spool. */
  get isWritable(): boolean {
    return this.#isWritable;
  }

  /** Spans of this process that wait in the spool. */
  get waiting(): number {
    return this.#own?.waiting ?? 0;
  }

  /** Spans of this process in the spool that the server has not answered for. */
  get unsettled(): number {
    return this.#own?.unsettled ?? 0;
  }

  /** Bytes on disk of this process. */
  get bytes(): number {
    return this.#own?.bytes ?? 0;
  }

  /** Whether spools of gone processes may be there to be sent. */
  get mayRecover(): boolean {
    return this.#recovered !== undefined || (this.#mayRecover && this.#isWritable);
  }

  /** Notes that a span has ended: whatever becomes of it, the server will hear that there was one. A few microseconds. */
  noteEnded(ended: number): void {
    const spool = this.#own;
    if (spool === undefined || !this.#canNote) return;
    try {
      spool.state.writeEnded(ended);
    } catch (error) {
      this.#canNote = false;
      this.#fail("written", error);
    }
  }

  /**
   * Keeps spans, all or none.
   *
   * @returns `full`: there is no room until the server has taken more; `too-large`: there will never be; `failed`: from now on
   *   there is no spool
   */
  async append(spans: readonly PreparedSpan[]): Promise<"kept" | "full" | "too-large" | "failed"> {
    const spool = this.#own;
    if (spool === undefined || !this.#isWritable) return "failed";
    try {
      if (await spool.append(spans)) return "kept";
      const bytes = spans.reduce((sum, span) => sum + preparedBytes(span), 0);
      return spool.waiting === 0 || bytes > this.#maxBytes / 2 ? "too-large" : "full";
    } catch (error) {
      this.#fail("written", error);
      return "failed";
    }
  }

  /** The same in the `exit` event. @returns whether they are kept */
  appendNow(spans: readonly PreparedSpan[]): boolean {
    if (!this.#isWritable) return false;
    return this.#attempt("written", () => this.#own?.appendNow(spans)) ?? false;
  }

  /** The next spans of this process, oldest first. */
  next(maxSpans: number, maxBytes: number): SpoolBatch | undefined {
    return this.#attempt("read", () => this.#own?.next(maxSpans, maxBytes));
  }

  /** Notes that the server has answered for a batch of this process, and with it the numbers of now. */
  settle(batch: SpoolBatch): void {
    this.#attempt("written", () => {
      this.#setNumbers();
      this.#own?.settle(batch);
    });
  }

  /** Writes the numbers of now; for others it is the sign that this process lives. */
  beat(): void {
    if (!this.#isWritable) return;
    this.#attempt("written", () => {
      this.#setNumbers();
      this.#own?.state.write();
    });
    // Others may have been killed since.
    this.#mayRecover = true;
  }

  /**
   * The next spans that a gone process left.
   *
   * @returns its spool, and no batch when all of it was handed out; undefined when there is nothing left of anyone
   */
  nextRecovered(maxSpans: number, maxBytes: number): Recovered | undefined {
    this.#recovered ??= this.#takeOver();
    const spool = this.#recovered;
    return this.#attempt("read", () => spool && { spool, batch: spool.next(maxSpans, maxBytes) });
  }

  /** Notes that the server has answered for a batch; without one, for everything: the spool is removed. */
  settleRecovered(batch: SpoolBatch | undefined): void {
    const spool = this.#recovered;
    if (batch !== undefined) {
      this.#attempt("written", () => spool?.settle(batch));
      return;
    }
    this.#recovered = undefined;
    this.#attempt("removed", () => spool?.remove());
    this.#tally.addSpool("recoveredProcesses", 1);
  }

  /**
   * Closes all files. Those of this process are removed, unless spans are left in them for the next process.
   *
   * @param isEverythingSettled  whether the server has answered for all that ended
   */
  close(isEverythingSettled: boolean): void {
    this.#attempt("closed", () => {
      if (isEverythingSettled) this.#own?.remove();
      else {
        this.#setNumbers();
        this.#own?.state.write();
        this.#own?.close();
      }
      this.#own = undefined;
    });
    this.#attempt("closed", () => this.#recovered?.close());
    this.#recovered = undefined;
    this.#isWritable = false;
    this.#mayRecover = false;
  }

  #takeOver(): Spool | undefined {
    if (!this.#mayRecover || !this.#isWritable) return undefined;
    this.#mayRecover = false;
    const spool = this.#attempt("searched", () => {
      const trimmed = trimGone(this.#dir, this.#maxBytes);
      if (trimmed > 0) {
        warnOnce(
          "spool-trimmed",
          `Spools of ended processes took more than ${this.#maxBytes} bytes in ${this.#dir}; the spans of ${trimmed} of them were removed. The server reports them as missing.`,
        );
      }
      return takeOverNext(this.#dir, this.#server);
    });
    if (spool === undefined) return undefined;
    // There may be more of them.
    this.#mayRecover = true;
    sayOnce("spool-recovered", "info", `Spans that ended processes left in ${this.#dir} are sent now.`);
    return spool;
  }

  #setNumbers(): void {
    const { dropped, mode, ...numbers } = this.#numbers();
    this.#own?.state.setAll({ ...numbers, ...dropped });
  }

  #attempt<T>(what: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#fail(what, error);
      return undefined;
    }
  }

  #fail(what: string, error: unknown): void {
    this.#isWritable = false;
    this.#tally.addSpool("failures", 1);
    const reason = error instanceof Error ? error.message : String(error);
    warnOnce(
      "spool",
      `The spool in ${this.#dir} cannot be ${what} (${reason}). Tracing goes on without it: spans that wait are lost if the process is killed.`,
    );
  }
}
