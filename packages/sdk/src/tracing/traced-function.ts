/**
 * A function whose every call is a span.
 */
import { isGeneratorFunction } from "node:util/types";
import type { SpanType } from "@sightline/wire/model/span-type";
import { takeSnapshot } from "../capture/serialize.ts";
import { countFailure, safely } from "../diagnostics.ts";
import { overhead } from "../overhead/meter.ts";
import { activeRuntime, type Runtime } from "../runtime.ts";
import { namedInputs, type Parameter, parametersOf } from "./argument-names.ts";
import { beginSpan } from "./begin-span.ts";
import { activeEntry, type OwnSpan, spanOf } from "./context.ts";
import type { Destination, SpanOptions } from "./live-span.ts";
import { fail, observeGenerator, settle } from "./settle.ts";
import type { AnyIterator } from "./stream.ts";

/** What the spans of a traced function have in common. */
export interface TraceOptions {
  /** Name of the spans; default: the function's name. */
  readonly name?: string | undefined;
  /** What kind of step it is, e.g. `SpanType.TOOL`; any other text is fine. */
  readonly spanType?: SpanType | undefined;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
  /** Where traces go that begin with a call; calls inside a trace go with it. */
  readonly destination?: Destination | undefined;
  /** Short for `destination: { experiment }`. */
  readonly experiment?: string | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: the only type that every function, with its own parameter types, extends
export type AnyFunction = (...args: any[]) => any;

/** Puts a span around every call of `fn`; type, `this`, name, length, prototype and own members stay. */
export function tracedFunction<F extends AnyFunction>(fn: F, options: TraceOptions): F {
  const { spanType, attributes, destination, experiment } = options;
  const name = options.name ?? (fn.name || "anonymous");
  const isGenerator = isGeneratorFunction(fn);
  let parameters: readonly Parameter[] | undefined;
  const describe = (args: readonly unknown[]): SpanOptions => {
    parameters ??= parametersOf(fn);
    return { name, spanType, attributes, inputs: namedInputs(parameters, args), destination, experiment };
  };
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    // A class, or a function of old that makes objects: what it makes is no result of a step.
    if (new.target !== undefined) return Reflect.construct(fn, args, new.target === wrapper ? fn : new.target);
    const runtime = activeRuntime();
    // Inside a trace that is left out nothing is done at all.
    if (runtime === undefined || spanOf(activeEntry())?.kind === "unsampled") return Reflect.apply(fn, this, args);
    if (isGenerator)
      return tracedGenerator(runtime, describe, args, () => Reflect.apply(fn, this, args) as AnyIterator);
    const span = tryBegin("trace", runtime, () => describe(args));
    return span === undefined ? Reflect.apply(fn, this, args) : runSpan(span, () => Reflect.apply(fn, this, args));
  };
  // Same prototype: `Object.prototype.toString.call(fn)` and `instanceof` tell async and generator functions apart.
  Object.setPrototypeOf(wrapper, Object.getPrototypeOf(fn));
  // Functions of sloppy code have two more, which can be neither read nor set.
  const { arguments: _, caller: __, ...own } = Object.getOwnPropertyDescriptors(fn) as PropertyDescriptorMap;
  Object.defineProperties(wrapper, own);
  return wrapper as unknown as F;
}

/** Its body runs with the first step, maybe much later and from elsewhere: inputs and parent are those of the call. */
function tracedGenerator(
  runtime: Runtime,
  describe: (args: readonly unknown[]) => SpanOptions,
  args: readonly unknown[],
  call: () => AnyIterator,
): AnyIterator {
  const entry = activeEntry();
  const begun = safely("trace", () => {
    const options = describe(args);
    return { ...options, inputs: takeSnapshot(options.inputs) };
  });
  const generator = call();
  if (begun === undefined) return generator;
  return observeGenerator(generator, () => tryBegin("trace", runtime, () => begun, entry));
}

/** Begins a span, and counts the time; undefined when that fails, which is counted. */
export function tryBegin(
  where: string,
  runtime: Runtime,
  describe: () => SpanOptions,
  entry = activeEntry(),
): OwnSpan | undefined {
  const token = overhead.begin();
  try {
    return beginSpan(runtime, describe(), entry);
  } catch (error) {
    countFailure(where, error);
    return undefined;
  } finally {
    overhead.end(token);
  }
}

/** Runs `work` inside a span that ends with its result. */
export function runSpan<T>(span: OwnSpan, work: () => T): T {
  if (span.kind === "unsampled") return span.run(work);
  let result: T;
  try {
    result = span.run(work);
  } catch (error) {
    fail(span, error);
    throw error;
  }
  return settle(span, result);
}
