/**
 * What was written lately, so that the next batch of a running trace needs no look-up.
 *
 * A long agent run sends its spans in hundreds of batches, and at each the row of the trace is made from all of them. Only this
 * process writes, so what it remembers is what is in the store.
 */
import type { KnownTrace } from "./known-trace.ts";

/** About 100 MB: 2 KB a span with the tree of its trace. Longer traces are not remembered: one would push all others out. */
const MAX_SPANS = 50_000;

/**
 * Of short traces whose root has ended, about 20 MB: little comes after the root, and what does (of another service, or a retry) comes
 * soon. Under load nearly all traces are such; as many as of the others were 100 MB that the garbage collector marked again and again.
 */
const MAX_ENDED_SPANS = 10_000;
const MAX_SHORT_SPANS = 1000;

/** Remembers the traces that were used last, bounded by the number of their spans. */
export class RecentTraces {
  /** Traces that are likely to go on, and long ones, which are dear to look up. */
  readonly #open: Shelf;
  readonly #ended: Shelf;

  constructor(maxSpans = MAX_SPANS) {
    this.#open = new Shelf(maxSpans);
    this.#ended = new Shelf(Math.min(maxSpans, MAX_ENDED_SPANS));
  }

  /** Gives a trace and forgets it: whoever changes the trace puts back what is true afterwards. */
  take(traceId: string): KnownTrace | undefined {
    return this.#open.take(traceId) ?? this.#ended.take(traceId);
  }

  /** The experiment of a trace that is remembered; undefined if it is not, which does not say that there is no such trace. */
  experimentOf(traceId: string): string | undefined {
    return (this.#open.get(traceId) ?? this.#ended.get(traceId))?.experimentId;
  }

  /** Remembers a trace as it is in the store; those that were used longest ago are forgotten to make room. */
  put(traceId: string, trace: KnownTrace): void {
    this.take(traceId);
    const hasEnded = trace.digest !== undefined && trace.digest.state !== "IN_PROGRESS";
    (hasEnded && trace.spans.size <= MAX_SHORT_SPANS ? this.#ended : this.#open).put(traceId, trace);
  }
}

class Shelf {
  readonly #maxSpans: number;
  /** In the order of use, the last at the end. */
  readonly #traces = new Map<string, KnownTrace>();
  #spans = 0;

  constructor(maxSpans: number) {
    this.#maxSpans = maxSpans;
  }

  get(traceId: string): KnownTrace | undefined {
    return this.#traces.get(traceId);
  }

  take(traceId: string): KnownTrace | undefined {
    const trace = this.#traces.get(traceId);
    if (trace === undefined) return undefined;
    this.#traces.delete(traceId);
    this.#spans -= trace.spans.size;
    return trace;
  }

  /** @param traceId  of a trace that is not here */
  put(traceId: string, trace: KnownTrace): void {
    if (trace.spans.size > this.#maxSpans) return;
    this.#traces.set(traceId, trace);
    this.#spans += trace.spans.size;
    for (const oldest of this.#traces.keys()) {
      if (this.#spans <= this.#maxSpans) break;
      this.take(oldest);
    }
  }
}
