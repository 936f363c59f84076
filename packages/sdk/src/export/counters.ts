/**
 * What became of the spans: one set of numbers for the process, shown by `stats()`, and one for each exporter, told to the server.
 */

export interface Counters {
  /** Spans that ended and were handed to the exporter. */
  ended: number;
  /** Spans that the server acknowledged. */
  sent: number;
  /** Requests that the server answered for good, those that only carried a report included. */
  requests: number;
  /** Requests that were tried again. */
  retries: number;
  /** Spans that will never come, by the reason. */
  readonly dropped: {
    /** The oldest ones, when the queue was full. */
    queueFull: number;
    /** The server answered that it will not take them. */
    refused: number;
    /** Still unsent when the program ended or `shutdown()` gave up. */
    unsentAtExit: number;
    /** Could not be encoded. */
    broken: number;
  };
  /** Places in inputs, outputs and attributes that were cut off because they were too large. */
  truncations: number;
  /** Files that were taken out of payloads. */
  readonly attachments: {
    /** The server has them. */
    uploaded: number;
    /** The server will not take them: references in spans lead nowhere. */
    refused: number;
    /** Not sent when the program ended or `shutdown()` gave up. */
    unsent: number;
  };
  /** What was kept on disk for the next process, and what was sent for those before. */
  readonly spool: {
    /** Spans that were left in the spool when the program ended, for the next process to send. */
    leftAtExit: number;
    /** Gone processes whose spools this one has sent. */
    recoveredProcesses: number;
    /** Spans of them that the server acknowledged. */
    recoveredSpans: number;
    /** Spans of them that the server will not take. */
    refusedSpans: number;
    /** How often the folder could not be read or written. */
    failures: number;
  };
}

export type DropReason = keyof Counters["dropped"];

/** All zero. */
export function newCounters(): Counters {
  return {
    ended: 0,
    sent: 0,
    requests: 0,
    retries: 0,
    dropped: { queueFull: 0, refused: 0, unsentAtExit: 0, broken: 0 },
    truncations: 0,
    attachments: { uploaded: 0, refused: 0, unsent: 0 },
    spool: { leftAtExit: 0, recoveredProcesses: 0, recoveredSpans: 0, refusedSpans: 0, failures: 0 },
  };
}

/** Counts for an exporter and, in the same step, for the process. */
export class Tally {
  readonly own = newCounters();
  readonly #process: Counters;

  /** @param process  of all exporters */
  constructor(process: Counters) {
    this.#process = process;
  }

  /** Spans of the exporter that were dropped, whatever the reason. */
  get lost(): number {
    const { queueFull, refused, unsentAtExit, broken } = this.own.dropped;
    return queueFull + refused + unsentAtExit + broken;
  }

  /** @returns the number of the span: 1, 2, 3 … */
  end(truncations: number): number {
    this.add("truncations", truncations);
    this.#process.ended += 1;
    this.own.ended += 1;
    return this.own.ended;
  }

  add(name: "sent" | "requests" | "retries" | "truncations", count: number): void {
    this.own[name] += count;
    this.#process[name] += count;
  }

  drop(reason: DropReason, count: number): void {
    this.own.dropped[reason] += count;
    this.#process.dropped[reason] += count;
  }

  addAttachments(outcome: Readonly<Counters["attachments"]>): void {
    for (const counters of [this.own, this.#process]) {
      counters.attachments.uploaded += outcome.uploaded;
      counters.attachments.refused += outcome.refused;
      counters.attachments.unsent += outcome.unsent;
    }
  }

  addSpool(name: keyof Counters["spool"], count: number): void {
    this.own.spool[name] += count;
    this.#process.spool[name] += count;
  }
}
