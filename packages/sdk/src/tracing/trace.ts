/**
 * Functions, blocks and methods as spans: `trace(fn)`, `@trace()`, `withSpan`, `startSpan`.
 */
import { isGeneratorFunction } from "node:util/types";
import type { SpanType } from "@sightline/wire/model/span-type";
import { takeSnapshot } from "../capture/serialize.ts";
import { safely } from "../diagnostics.ts";
import { activeRuntime } from "../runtime.ts";
import { namedInputs, type Parameter, parametersOf } from "./argument-names.ts";
import { beginSpan } from "./begin-span.ts";
import { activeEntry, type OwnSpan } from "./context.ts";
import type { LiveSpan, SpanOptions } from "./live-span.ts";
import { fail, observeGenerator, settle } from "./settle.ts";
import type { AnyIterator } from "./stream.ts";
import { OFF_SPAN } from "./unsampled-span.ts";

export interface TraceOptions {
  /** Name of the spans; default: the function's name. */
  readonly name?: string | undefined;
  /** What kind of step it is, e.g. `SpanType.TOOL`. */
  readonly spanType?: SpanType | undefined;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: the only type that every function, with its own parameter types, extends
type AnyFunction = (...args: any[]) => any;

/** What `trace(options)` gives: it wraps a function, or decorates a method. */
export interface TraceDecorator {
  <F extends AnyFunction>(fn: F, context?: ClassMethodDecoratorContext): F;
  /** For TypeScript's `experimentalDecorators`. */
  <F extends AnyFunction>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<F>): void;
}

/**
 * Makes a function whose every call is a span, with its arguments as inputs and its result as outputs.
 *
 * Type, `this`, name and length stay; so do results and errors. Works for functions, async functions, generators and async
 * generators. While tracing is off the function is called directly.
 *
 * ```ts
 * const getWeather = trace(async (city: string) => "rainy", { name: "get_weather", spanType: SpanType.TOOL });
 *
 * class Agent {
 *   @trace({ spanType: SpanType.AGENT })
 *   async answer(question: string) {}
 * }
 * ```
 */
export function trace<F extends AnyFunction>(fn: F, options?: TraceOptions | ClassMethodDecoratorContext): F;
export function trace(options?: TraceOptions): TraceDecorator;
export function trace(first?: AnyFunction | TraceOptions, second?: TraceOptions | ClassMethodDecoratorContext) {
  if (typeof first === "function") {
    // `@trace` without parentheses: the second argument is the decorator's context.
    const isDecorator = second !== undefined && "kind" in second && "addInitializer" in second;
    return isDecorator ? decorate(first, {}, second) : traced(first, (second as TraceOptions | undefined) ?? {});
  }
  return decoratorWith(first ?? {});
}

function decoratorWith(options: TraceOptions): TraceDecorator {
  const decorator = (target: unknown, context?: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (typeof descriptor?.value === "function") {
      descriptor.value = traced(descriptor.value as AnyFunction, { name: String(context), ...options });
      return undefined;
    }
    return decorate(target as AnyFunction, options, context as ClassMethodDecoratorContext | undefined);
  };
  return decorator as TraceDecorator;
}

function decorate(fn: AnyFunction, options: TraceOptions, context?: ClassMethodDecoratorContext): AnyFunction {
  return traced(fn, context === undefined ? options : { name: String(context.name), ...options });
}

function traced<F extends AnyFunction>(fn: F, options: TraceOptions): F {
  const name = options.name ?? (fn.name || "anonymous");
  let parameters: readonly Parameter[] | undefined;
  const begin = (runtime: NonNullable<ReturnType<typeof activeRuntime>>, args: unknown[]): OwnSpan => {
    parameters ??= parametersOf(fn);
    return beginSpan(runtime, { ...options, name, inputs: namedInputs(parameters, args) });
  };
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    const runtime = activeRuntime();
    if (runtime === undefined) return Reflect.apply(fn, this, args);
    if (isGeneratorFunction(fn)) {
      // Its body runs with the first step, maybe much later and from elsewhere: inputs and parent are those of the call.
      const entry = activeEntry();
      const inputs = safely("trace", () => {
        parameters ??= parametersOf(fn);
        return takeSnapshot(namedInputs(parameters, args)).tree;
      });
      const generator = Reflect.apply(fn, this, args) as AnyIterator;
      return observeGenerator(generator, () =>
        safely("trace", () => beginSpan(runtime, { ...options, name, inputs }, entry)),
      );
    }
    const span = safely("trace", () => begin(runtime, args));
    return span === undefined ? Reflect.apply(fn, this, args) : runSpan(span, () => Reflect.apply(fn, this, args));
  };
  // Same prototype: `Object.prototype.toString.call(fn)` and `instanceof` tell async and generator functions apart.
  Object.setPrototypeOf(wrapper, Object.getPrototypeOf(fn));
  const {
    prototype: _,
    arguments: __,
    caller: ___,
    ...own
  } = Object.getOwnPropertyDescriptors(fn) as PropertyDescriptorMap;
  Object.defineProperties(wrapper, own);
  return wrapper as F;
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
  const span = runtime && safely("withSpan", () => beginSpan(runtime, options));
  return span === undefined ? work(OFF_SPAN) : runSpan(span, () => work(span));
}

/**
 * Begins a span that ends with `end()`, or with the block when declared by `using`.
 *
 * It does not become the current span: work that begins elsewhere meanwhile must not become its child. Run work inside it with
 * `span.run(work)`, or name it as `parent`.
 */
export function startSpan(options: SpanOptions): LiveSpan {
  const runtime = activeRuntime();
  return (runtime && safely("startSpan", () => beginSpan(runtime, options))) ?? OFF_SPAN;
}

function runSpan<T>(span: OwnSpan, work: () => T): T {
  let result: T;
  try {
    result = span.run(work);
  } catch (error) {
    fail(span, error);
    throw error;
  }
  return settle(span, result);
}
