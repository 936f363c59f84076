/**
 * Functions, blocks and methods as spans: `trace(fn)`, `@trace()`, `withSpan`, `startSpan`.
 */
import { safely, warnOnce } from "../diagnostics.ts";
import { activeRuntime } from "../runtime.ts";
import { activeEntry, runIn, spanOf } from "./context.ts";
import { decorateLegacy, decorateMember, isDecoratorContext } from "./decorators.ts";
import { newTraceId } from "./ids.ts";
import type { Destination, LiveSpan, SpanOptions } from "./live-span.ts";
import { type AnyFunction, runSpan, type TraceOptions, tracedFunction, tryBegin } from "./traced-function.ts";
import { OFF_SPAN, UnsampledSpan } from "./unsampled-span.ts";

/** What `trace(options)` gives: it wraps a function, or decorates a method or a field that holds a function. */
export interface TraceDecorator {
  <F extends AnyFunction>(fn: F, context?: ClassMethodDecoratorContext): F;
  <This, F extends AnyFunction>(value: undefined, context: ClassFieldDecoratorContext<This, F>): (initial: F) => F;
  /** For TypeScript's `experimentalDecorators`. */
  <F extends AnyFunction>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<F>): void;
}

/**
 * Makes a function whose every call is a span, with its arguments as inputs and its result as outputs.
 *
 * Type, overloads, `this`, name and length stay; so do results and errors. Works for functions, async functions, generators and
 * async generators; as a decorator for methods (static and private ones too) and fields that hold functions. While tracing is off
 * the function is called directly.
 *
 * ```ts
 * const getWeather = trace(async (city: string) => "rainy", { name: "get_weather", spanType: SpanType.TOOL });
 *
 * class Agent {
 *   @trace({ spanType: SpanType.AGENT })
 *   async answer(question: string) {}
 * }
 * ```
 *
 * @throws BAD_DECORATOR when it decorates something else: a class, a getter, an accessor
 */
export function trace<F extends AnyFunction>(fn: F, options?: TraceOptions | ClassMethodDecoratorContext): F;
export function trace<This, F extends AnyFunction>(
  value: undefined,
  context: ClassFieldDecoratorContext<This, F>,
): (initial: F) => F;
export function trace<F extends AnyFunction>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<F>,
): void;
export function trace(options?: TraceOptions): TraceDecorator;
export function trace(first?: unknown, second?: unknown, third?: PropertyDescriptor): unknown {
  if (isMember(second)) return apply(first, second, third, {});
  if (typeof first === "function")
    return tracedFunction(first as AnyFunction, (second as TraceOptions | undefined) ?? {});
  const options = (first as TraceOptions | undefined) ?? {};
  return (target: unknown, member?: unknown, descriptor?: PropertyDescriptor): unknown =>
    apply(target, member, descriptor, options);
}

/** What decorators get in second place: a context, or the name of the member under `experimentalDecorators`. */
function isMember(value: unknown): boolean {
  return typeof value === "string" || typeof value === "symbol" || isDecoratorContext(value);
}

function apply(
  target: unknown,
  member: unknown,
  descriptor: PropertyDescriptor | undefined,
  options: TraceOptions,
): unknown {
  if (isDecoratorContext(member)) return decorateMember(target, member, options);
  if (typeof member === "string" || typeof member === "symbol") return decorateLegacy(member, descriptor, options);
  return tracedFunction(target as AnyFunction, options);
}

/**
 * Runs `work` in a new span, the current one inside; its result is the span's outputs unless `setOutputs` was called.
 *
 * ```ts
 * const documents = await withSpan({ name: "retrieve", spanType: SpanType.RETRIEVER }, async (span) => search(question));
 * ```
 *
 * @returns what `work` returns; what it throws is recorded and thrown on
 */
export function withSpan<T>(options: SpanOptions, work: (span: LiveSpan) => T): T {
  const runtime = activeRuntime();
  const span = runtime && tryBegin("withSpan", runtime, () => options);
  return span === undefined ? work(OFF_SPAN) : runSpan(span, () => work(span));
}

/**
 * Begins a span that ends with `end()`, or with the block when declared by `using`.
 *
 * It does not become the current span: work that begins elsewhere meanwhile must not become its child. Run work inside it with
 * `span.run(work)`, or name it as `parent`.
 *
 * ```ts
 * using span = startSpan({ name: "job", parent: { traceId, spanId } });
 * ```
 */
export function startSpan(options: SpanOptions): LiveSpan {
  const runtime = activeRuntime();
  return (runtime && tryBegin("startSpan", runtime, () => options)) ?? OFF_SPAN;
}

/**
 * Runs `work`; traces that begin in it go to `destination`. Spans of a trace that runs already go with it.
 *
 * When the destination cannot be used, that is said as a warning and the traces are not recorded: they were not meant for the
 * server of `init()`.
 *
 * @returns what `work` returns
 */
export function withDestination<T>(destination: Destination, work: () => T): T {
  const runtime = activeRuntime();
  if (runtime === undefined) return work();
  const entry = activeEntry();
  const frame = safely("withDestination", () => {
    try {
      const { remote, attributes } = entry?.kind === "frame" ? entry : {};
      return { kind: "frame", span: spanOf(entry), remote, attributes, scope: runtime.routeTo(destination) } as const;
    } catch (error) {
      warnOnce(`bad-destination:${String(error)}`, String(error));
      return new UnsampledSpan({ traceId: newTraceId() });
    }
  });
  return frame === undefined ? work() : runIn(frame, work);
}
