/**
 * The part of the telemetry port about costs that were counted here: they follow when prices change.
 */
import type { PricedSpan } from "@sightline/wire/pricing/cost";
import type { CallOptions } from "./trace-selection.ts";

/** What came of counting costs anew. */
export interface CostCounts {
  /** Spans with tokens of a model whose cost the sender did not say. */
  readonly spans: number;
  /** Those of them whose cost is another now. */
  readonly changed: number;
  /** Times that the row of a trace was made anew; a trace that reaches over several hours may count more than once. */
  readonly traces: number;
}

export interface TraceCosts {
  /**
   * Counts the costs of all spans anew whose sender did not say one, and makes the rows of their traces anew where one changed.
   *
   * In steps: memory does not grow with the number of spans, and what is done stays done when it is given up. Safe to run again.
   *
   * @param costOf  US dollars; undefined = not known
   * @param options  `onProgress` is told after each step, with the number of spans that there are about
   */
  recomputeCosts(
    costOf: (span: PricedSpan) => number | undefined,
    options?: CallOptions & { readonly onProgress?: (counts: CostCounts, total: number) => void },
  ): Promise<CostCounts>;
}
