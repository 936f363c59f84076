/**
 * Skeletons for the tests of this folder, written as one line a span.
 */
import type { SpanColumns } from "./tree.ts";

export interface FixtureSpan {
  readonly name: string;
  /** Name of the parent; absent = root; a name that no span has = not received. */
  readonly parent?: string;
  /** Microseconds. */
  readonly start?: number;
  /** Microseconds; -1 = running. */
  readonly duration?: number;
  readonly type?: string;
  readonly failed?: boolean;
}

/** Columns of some spans, in the order given. Names must differ. */
export function columns(spans: readonly FixtureSpan[]): SpanColumns {
  const index = new Map(spans.map((span, at) => [span.name, at]));
  return {
    spanId: spans.map((_, at) => at.toString(16).padStart(16, "0")),
    parent: spans.map((span) => (span.parent === undefined ? -1 : (index.get(span.parent) ?? -2))),
    name: spans.map((span) => span.name),
    spanType: spans.map((span) => span.type ?? "CHAIN"),
    startUs: spans.map((span) => span.start ?? 0),
    durationUs: spans.map((span) => span.duration ?? 0),
    status: spans.map((span) => (span.failed ? "ERROR" : "OK")),
    statusMessage: spans.map((span) => (span.failed ? `${span.name} failed` : "")),
    tokens: spans.map(() => 0),
    costUsd: spans.map(() => 0),
  };
}
