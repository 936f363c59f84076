/**
 * Marks the OpenTelemetry spans that stand for spans of ours, so that a Sightline processor beside them does not send both.
 */

import { sharedPart } from "../shared-state.ts";

/** How many OpenTelemetry spans that stand for one of ours are being made now; all of that is synchronous. */
const starts = sharedPart("companion", () => ({ count: 0 }));

/** By a registered symbol: another copy of the SDK may have made the span. */
const MARK = Symbol.for("sightline.companion");

/** Spans of other implementations may be sealed; then they go twice, which is less bad than not at all. */
function markCompanionSpan(span: object): void {
  if (Object.isExtensible(span)) Object.defineProperty(span, MARK, { value: true });
}

/** Whether a span stands for one of ours; true also while such a span is being made. */
export function isCompanionSpan(span: object): boolean {
  // Processors are told of a span before whoever made it holds it.
  return starts.count > 0 || MARK in span;
}

/** Runs `start`, which makes a companion span, and marks it. */
export function startMarked<T extends object>(start: () => T): T {
  starts.count += 1;
  try {
    const span = start();
    markCompanionSpan(span);
    return span;
  } finally {
    starts.count -= 1;
  }
}
