/** Where texts stand in the spans of traces: the part of the port that search results are explained with. */
import type { CallOptions } from "./trace-selection.ts";

/** A place where a text stands. */
export interface TextMatch {
  readonly spanId: string;
  readonly field: "input" | "output" | "error";
  /** Decoded text around the place. */
  readonly snippet: string;
  /** Where in the snippet it begins, and how long it is, in UTF-16 units. */
  readonly at: number;
  readonly length: number;
}

export interface TextMatches {
  /**
   * Where one of the texts stands, in any case: at most three places of each trace, in order of the spans.
   *
   * @param traceIds  a page of them; what is read is bounded by their spans
   * @returns by trace id; traces without a place are absent
   */
  findTextMatches(
    traceIds: readonly string[],
    texts: readonly string[],
    options?: CallOptions,
  ): Promise<Map<string, TextMatch[]>>;
}
