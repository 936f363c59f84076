/**
 * Where the current entry is kept, whatever entries are: spans enter themselves here, and context.ts reads what they are.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { sharedPart } from "../shared-state.ts";

const shared = sharedPart("context", () => ({
  /** Our own storage: OpenTelemetry's global context manager stays the user's. */
  storage: new AsyncLocalStorage<object>(),
  /** The trace (32 hex digits) that a recorded root began or ended last. */
  lastTraceId: undefined as string | undefined,
}));
const { storage } = shared;

/** The innermost entry here; undefined outside of all. */
export function innermost(): object | undefined {
  return storage.getStore();
}

/** Runs `work`, and everything asynchronous that begins in it, with `entry` as the innermost: a span or a frame. */
export function enter<T>(entry: object, work: () => T): T {
  return storage.run(entry, work);
}

/** The trace (32 hex digits) that a root span began or ended last, anywhere in the process. */
export function lastNotedTrace(): string | undefined {
  return shared.lastTraceId;
}

/** Called when a recorded root begins and ends. */
export function noteTrace(traceId: string): void {
  shared.lastTraceId = traceId;
}
