/**
 * Iterators passed through untouched while a span watches them: generators of users and streams of models.
 */
import { isPromise } from "node:util/types";
import { safely } from "../diagnostics.ts";
import { watch } from "./abandoned.ts";

/** How reading a stream ended: to its end; broken off or never read; aborted by a signal. */
export type StreamEnd = "complete" | "abandoned" | "aborted";

/** Attribute with the {@link StreamEnd} of a stream that was not read to its end. */
export const STREAM_END_ATTRIBUTE = "sightline.stream.end_reason";

export interface StreamObserver {
  /** Runs one step of the iterator; default: as it is. */
  readonly step?: <T>(work: () => T) => T;
  /** Something came out. */
  onValue(value: unknown): void;
  /** Called once, unless `onError` was. `returned` is the value that came with `done`. */
  onEnd(end: StreamEnd, returned?: unknown): void;
  /** Called once, with what a step threw. */
  onError(error: unknown): void;
}

/** Generators and async generators, and iterators with a part of their methods. */
export interface AnyIterator {
  next(value?: unknown): unknown;
  return?(value?: unknown): unknown;
  throw?(error?: unknown): unknown;
}

/**
 * An iterator that gives exactly what `iterator` gives, in the same order and with the same prototype, and tells `observer`.
 *
 * Nothing is read ahead or buffered. An iterator that is dropped before its end is told as `abandoned`.
 */
export function observeIterator<T extends AnyIterator>(iterator: T, observer: StreamObserver): T {
  const step = observer.step ?? ((work) => work());
  let ended = false;
  const end = (tell: () => void): void => {
    if (ended) return;
    ended = true;
    watching.stop();
    safely("a stream", tell);
  };
  const settle = (result: unknown, whenDone: StreamEnd): unknown => {
    if (ended || typeof result !== "object" || result === null) return result;
    const { done, value } = result as { done?: boolean; value: unknown };
    if (done) end(() => observer.onEnd(whenDone, value));
    else {
      watching.touch();
      safely("a stream", () => observer.onValue(value));
    }
    return result;
  };
  const fail = (error: unknown): never => {
    end(() => observer.onError(error));
    throw error;
  };
  const through = (method: "next" | "return" | "throw", args: readonly unknown[]): unknown => {
    const whenDone = method === "return" ? "abandoned" : "complete";
    const call = iterator[method] as (...args: readonly unknown[]) => unknown;
    let result: unknown;
    try {
      result = step(() => Reflect.apply(call, iterator, args));
    } catch (error) {
      return fail(error);
    }
    return isPromise(result) ? result.then((value) => settle(value, whenDone), fail) : settle(result, whenDone);
  };
  // The prototype brings Symbol.asyncIterator or Symbol.iterator (which return `this`), helpers and `instanceof`.
  const observed = Object.create(Object.getPrototypeOf(iterator)) as T;
  for (const method of ["next", "return", "throw"] as const) {
    if (typeof iterator[method] !== "function") continue;
    const value = (...args: readonly unknown[]): unknown => through(method, args);
    Object.defineProperty(observed, method, { value, writable: true, configurable: true });
  }
  const watching = watch(observed, () => end(() => observer.onEnd("abandoned")));
  return observed;
}
