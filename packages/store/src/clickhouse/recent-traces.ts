/**
 * What was written lately, so that the next batch of a running trace needs no look-up.
 *
 * A long agent run sends its spans in hundreds of batches, and at each the row of the trace is made from all of them. Only this
 * process writes, so what it remembers is what is in the store.
 */
import type { KnownTrace } from "./known-trace.ts";

/** About 40 MB. Longer traces are not remembered, so that one of them does not push all others out. */
const MAX_SPANS = 50_000;

/** Remembers the traces that were used last, bounded by the number of their spans. */
export class RecentTraces {
  readonly #maxSpans: number;
  /** In the order of use, the last at the end. */
  readonly #traces = new Map<string, KnownTrace>();
  #spans = 0;

  constructor(maxSpans = MAX_SPANS) {
    this.#maxSpans = maxSpans;
  }

  /** Gives a trace and forgets it: whoever changes the trace puts back what is true afterwards. */
  take(traceId: string): KnownTrace | undefined {
    const trace = this.#traces.get(traceId);
    if (trace === undefined) return undefined;
    this.#traces.delete(traceId);
    this.#spans -= trace.spans.size;
    return trace;
  }

  /** The experiment of a trace that is remembered; undefined if it is not, which does not say that there is no such trace. */
  experimentOf(traceId: string): string | undefined {
    return this.#traces.get(traceId)?.experimentId;
  }

  /** Remembers a trace as it is in the store; those that were used longest ago are forgotten to make room. */
  put(traceId: string, trace: KnownTrace): void {
    this.take(traceId);
    if (trace.spans.size > this.#maxSpans) return;
    this.#traces.set(traceId, trace);
    this.#spans += trace.spans.size;
    for (const oldest of this.#traces.keys()) {
      if (this.#spans <= this.#maxSpans) break;
      this.take(oldest);
    }
  }
}
