/**
 * Snapshots that belong to a span: kept beside it until it is sent, because OpenTelemetry's attributes take no structured values
 * and JSON text should not be made on the caller's path.
 */
import { type Snapshot, takeSnapshot } from "./serialize.ts";

type Captured = Map<string, Snapshot>;

// Keyed by the OpenTelemetry span: spans that other libraries start through our tracer have none.
const capturedBySpan = new WeakMap<object, Captured>();

/** Takes a snapshot of `value` now; it becomes the JSON text of attribute `key` when the span is sent. */
export function capture(span: object, key: string, value: unknown): void {
  const snapshot = takeSnapshot(value);
  const captured = capturedBySpan.get(span);
  if (captured) captured.set(key, snapshot);
  else capturedBySpan.set(span, new Map([[key, snapshot]]));
}

/** What was captured for a span; undefined if nothing was. */
export function capturedOf(span: object): ReadonlyMap<string, Snapshot> | undefined {
  return capturedBySpan.get(span);
}
