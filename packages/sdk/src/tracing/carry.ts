/**
 * The current span taken along where Node does not take it along: callbacks kept for later, and worker threads.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { isMainThread } from "node:worker_threads";
import { safely, sayOnce } from "../diagnostics.ts";
import { activeRuntime } from "../runtime.ts";
import { activeSpan } from "./context.ts";
import { getTraceHeaders, withTraceHeaders } from "./propagation.ts";
import { withDestination } from "./trace.ts";

// biome-ignore lint/suspicious/noExplicitAny: the only type that every function, with its own parameter types, extends
type AnyFunction = (...args: any[]) => any;

/**
 * A function that runs `fn` in the context in which `bind` was called: with the current span of then, whoever calls it and when.
 *
 * For listeners of event emitters, which run in the context of `emit`, and callbacks that a pool or queue keeps. Promises, timers,
 * streams read with `for await`, and `queueMicrotask` need nothing.
 *
 * ```ts
 * socket.on("message", bind((message) => handle(message)));
 * ```
 *
 * `this`, name and length stay; `emitter.off(event, fn)` finds the bound function by the original.
 */
export function bind<F extends AnyFunction>(fn: F): F {
  const here = AsyncLocalStorage.snapshot();
  const bound = function (this: unknown, ...args: unknown[]): unknown {
    return here(() => Reflect.apply(fn, this, args));
  };
  Object.defineProperties(bound, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
    // How Node's emitters know the original of a wrapped listener.
    listener: { value: fn, configurable: true, writable: true },
  });
  return bound as unknown as F;
}

/** The position in a trace, as plain data: can be posted to a worker thread, or put into a queue's message. */
export interface WorkerContext {
  readonly headers: Readonly<Record<string, string>>;
  /** The experiment of the trace; absent = the default of the server. */
  readonly experiment?: string;
}

/**
 * The current position for another thread: to put into `workerData` or a message, and to be given to {@link withWorkerContext} there.
 *
 * ```ts
 * new Worker(file, { workerData: { question, context: workerContext() } });
 * ```
 */
export function workerContext(): WorkerContext {
  const experiment = safely("workerContext", () => activeSpan()?.record.route.experiment);
  return { headers: getTraceHeaders({ baggage: true }), ...(experiment !== undefined && { experiment }) };
}

/**
 * Runs `work` in a worker thread with the span of {@link workerContext} as the parent of the spans that begin in it.
 *
 * A worker has an SDK of its own: it traces when SIGHTLINE_URL is set (workers inherit the environment), or after its own `init()`.
 *
 * @returns what `work` returns
 */
export function withWorkerContext<T>(context: WorkerContext | undefined, work: () => T): T {
  if (!isMainThread && safely("withWorkerContext", activeRuntime) === undefined) {
    sayOnce(
      "worker-off",
      "warn",
      "A worker thread took over a trace, but tracing is off in it: call init() in the worker too, or set SIGHTLINE_URL.",
    );
  }
  if (context === undefined) return work();
  const { headers, experiment } = context;
  const inside = (): T => withTraceHeaders(headers, work, { baggage: true });
  return experiment === undefined ? inside() : withDestination({ experiment }, inside);
}
