/**
 * Ends a span when the result of its work is there: at once, when a promise settles, or when a generator is done.
 */
import { isGeneratorObject, isPromise } from "node:util/types";
import { type Snapshot, takeSnapshot } from "../capture/serialize.ts";
import { safely } from "../diagnostics.ts";
import { PREVIEW_LIMITS } from "../overhead/guard.ts";
import { overhead } from "../overhead/meter.ts";
import { watch } from "./abandoned.ts";
import type { OwnSpan } from "./context.ts";
import { type AnyIterator, observeIterator, STREAM_END_ATTRIBUTE } from "./stream.ts";

/** What a span keeps of everything that a generator yields; a model's whole answer fits many times. */
const YIELDED_LIMITS = { maxNodes: 100_000, maxBytes: 1024 * 1024, maxDepth: 100 };

/**
 * Hands `result` on and sees to it that `span` ends with it.
 *
 * A plain promise gives a promise that settles alike. Other thenables (those of openai, query builders) stay the same object,
 * with their methods; they are watched where they are awaited. Generators keep their prototype.
 */
export function settle<T>(span: OwnSpan, result: T): T {
  if (isPromise(result) && result.constructor === Promise) {
    return result.then(
      (value) => {
        succeed(span, value);
        return value;
      },
      (error: unknown) => {
        fail(span, error);
        throw error;
      },
    ) as T;
  }
  if (isGeneratorObject(result)) return observeGenerator(result as unknown as AnyIterator, () => span) as T;
  if (isThenable(result)) safely("a thenable", () => observeThenable(span, result));
  else succeed(span, result);
  return result;
}

/** Ends the span with its outputs, unless the work set some itself. */
function succeed(span: OwnSpan, value: unknown): void {
  span.end(span.hasOutputs ? undefined : { outputs: value });
}

/** Ends the span with what was thrown. */
export function fail(span: OwnSpan, error: unknown): void {
  span.recordException(error);
  span.end();
}

/**
 * A generator under a span that begins with the first step; each step runs with the span as the current one, whoever takes it.
 *
 * Outputs are what it yielded, as a list; with a return value `{ yielded, returned }`.
 *
 * @param begin  called once, at the first step; undefined = the generator runs without a span
 */
export function observeGenerator<T extends AnyIterator>(generator: T, begin: () => OwnSpan | undefined): T {
  let begun: { readonly span: OwnSpan | undefined } | undefined;
  const yielded: Snapshot[] = [];
  let bytes = 0;
  let left = 0;
  return observeIterator(generator, {
    step: (work) => {
      begun ??= { span: begin() };
      return begun.span ? begun.span.run(work) : work();
    },
    onValue: (value) => {
      if (begun?.span?.kind !== "recording") return;
      const room = YIELDED_LIMITS.maxBytes - bytes;
      if (room <= 0 || yielded.length >= YIELDED_LIMITS.maxNodes) {
        left += 1;
        return;
      }
      const token = overhead.begin();
      try {
        const limits = overhead.mode === "full" ? YIELDED_LIMITS : PREVIEW_LIMITS;
        const snapshot = takeSnapshot(value, { ...limits, maxBytes: Math.min(room, limits.maxBytes) });
        bytes += snapshot.bytes;
        yielded.push(snapshot);
      } finally {
        overhead.end(token);
      }
    },
    onEnd: (reason, returned) => {
      const span = begun?.span; // none when no step was taken: nothing ran, so there is nothing to show
      if (span === undefined) return;
      if (reason !== "complete") span.setAttribute(STREAM_END_ATTRIBUTE, reason);
      const list = left > 0 ? [...yielded, `[truncated: ${left} more values]`] : yielded;
      succeed(span, returned === undefined ? list : { yielded: list, returned });
    },
    onError: (error) => {
      if (begun?.span === undefined) return;
      if (!begun.span.hasOutputs) begun.span.setOutputs(yielded);
      fail(begun.span, error);
    },
  });
}

interface Thenable {
  then(onFulfilled?: unknown, onRejected?: unknown): unknown;
  catch?: unknown;
}

function isThenable(value: unknown): value is Thenable {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return safely("a thenable", () => typeof (value as Partial<Thenable>).then === "function") ?? false;
}

/**
 * Watches the `then` of an object that is to stay itself. Subscribing to it would be wrong: lazy thenables begin their work when
 * `then` is called, and rejections would count as handled.
 */
function observeThenable(span: OwnSpan, thenable: Thenable): void {
  const original = thenable.then;
  const watching = watch(thenable, () => span.setAttribute(STREAM_END_ATTRIBUTE, "abandoned").end());
  const end = (tell: () => void): void => {
    watching.stop();
    if (!span.isEnded) tell();
  };
  // biome-ignore lint/suspicious/noThenProperty: it has one already; this one calls it
  Object.defineProperty(thenable, "then", {
    configurable: true,
    writable: true,
    value(this: unknown, onFulfilled?: unknown, onRejected?: unknown): unknown {
      return Reflect.apply(original, this, [
        (value: unknown) => {
          end(() => succeed(span, value));
          return typeof onFulfilled === "function" ? onFulfilled(value) : value;
        },
        (error: unknown) => {
          end(() => fail(span, error));
          if (typeof onRejected === "function") return onRejected(error);
          throw error;
        },
      ]);
    },
  });
  // Some define `catch` by another way than `then`; openai's does.
  if (typeof thenable.catch === "function") {
    Object.defineProperty(thenable, "catch", {
      configurable: true,
      writable: true,
      value(this: Thenable, onRejected?: unknown): unknown {
        return this.then(undefined, onRejected);
      },
    });
  }
}
