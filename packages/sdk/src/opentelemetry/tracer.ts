/**
 * An OpenTelemetry tracer for libraries that take one (`ai`, `@ax-llm/ax`): their spans become ours.
 *
 * Nothing is registered globally. The current span is ours, in our own storage: what a library begins inside another span of its
 * own is found there, with and without a context manager.
 */
import {
  type Attributes,
  type Context,
  context,
  type Link,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
  type TimeInput,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { toOtelTraceId } from "@sightline/wire/ids";
import type { LiveSpan, RemoteParent, SpanReference } from "../tracing/live-span.ts";
import type { SpanTime } from "../tracing/span-time.ts";
import { startSpan } from "../tracing/trace.ts";

/**
 * A tracer whose spans go where ours go, as children of the current span.
 *
 * ```ts
 * await generateText({ model, prompt, experimental_telemetry: { isEnabled: true, tracer: tracer("ai") } });
 * ```
 *
 * @param name  kept on the spans as `otel.scope.name`
 */
export function tracer(name?: string, version?: string): Tracer {
  return new SightlineTracer({
    ...(name !== undefined && { "otel.scope.name": name }),
    ...(version !== undefined && { "otel.scope.version": version }),
  });
}

class SightlineTracer implements Tracer {
  readonly #scope: Readonly<Record<string, string>>;

  constructor(scope: Readonly<Record<string, string>>) {
    this.#scope = scope;
  }

  startSpan(name: string, options: SpanOptions = {}, within: Context = context.active()): Span {
    const parent = options.root ? null : parentIn(within);
    const span = startSpan({
      name,
      parent,
      attributes: { ...this.#scope, ...options.attributes },
      ...(options.links && { links: options.links.map(({ context: to }) => to) }),
      ...(options.startTime !== undefined && { startTime: toSpanTime(options.startTime) }),
      ...(options.kind !== undefined && { kind: options.kind + 1 }),
    });
    return new AdaptedSpan(span);
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, ...rest: readonly unknown[]): ReturnType<F> {
    const work = rest.at(-1) as F;
    const [options, within] = rest.slice(0, -1) as [SpanOptions?, Context?];
    const span = this.startSpan(name, options, within) as AdaptedSpan;
    // In OpenTelemetry's context too: where the program has a context manager, libraries look there.
    return span.live.run(() =>
      context.with(trace.setSpan(within ?? context.active(), span), () => work(span)),
    ) as ReturnType<F>;
  }
}

/** The span in a context, if there is one; undefined = the current span of ours. */
function parentIn(within: Context): LiveSpan | RemoteParent | undefined {
  const span = trace.getSpan(within);
  if (span === undefined) return undefined;
  if (span instanceof AdaptedSpan) return span.live;
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const state = traceState?.serialize();
  return {
    traceId,
    spanId,
    isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
    ...(state !== undefined && { traceState: state }),
  };
}

/** A span of ours as OpenTelemetry's API has spans. */
class AdaptedSpan implements Span {
  readonly live: LiveSpan;
  #isEnded = false;

  constructor(live: LiveSpan) {
    this.live = live;
  }

  spanContext(): SpanContext {
    const { traceId, spanId } = this.live;
    const traceFlags = this.live.isRecording || this.#isEnded ? TraceFlags.SAMPLED : TraceFlags.NONE;
    return { traceId: toOtelTraceId(traceId), spanId, traceFlags };
  }

  setAttribute(key: string, value: unknown): this {
    this.live.setAttribute(key, value);
    return this;
  }

  setAttributes(attributes: Attributes): this {
    this.live.setAttributes(attributes);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    const isTime = isTimeInput(attributesOrTime);
    const at = isTime ? attributesOrTime : time;
    this.live.addEvent(name, isTime ? {} : (attributesOrTime ?? {}), at === undefined ? undefined : toSpanTime(at));
    return this;
  }

  addLink({ context: to, attributes }: Link): this {
    this.live.addLink(to as SpanReference, attributes ?? {});
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  setStatus({ code, message }: SpanStatus): this {
    this.live.setStatus((["UNSET", "OK", "ERROR"] as const)[code] ?? "UNSET", message);
    return this;
  }

  updateName(name: string): this {
    this.live.setName(name);
    return this;
  }

  end(endTime?: TimeInput): void {
    if (!this.live.isRecording) return;
    this.#isEnded = true;
    this.live.end(endTime === undefined ? {} : { endTime: toSpanTime(endTime) });
  }

  isRecording(): boolean {
    return this.live.isRecording;
  }

  /** In OpenTelemetry it leaves the status alone; libraries set that themselves, and those that forget meant an error all the same. */
  recordException(exception: unknown, _time?: TimeInput): void {
    this.live.recordException(exception);
  }
}

function isTimeInput(value: unknown): value is TimeInput {
  return typeof value === "number" || value instanceof Date || Array.isArray(value);
}

/** Three years: what is less is no time since the epoch but one of `performance.now()`. */
const MAX_UPTIME_MS = 1e11;

/** OpenTelemetry takes seconds and nanoseconds, a date, milliseconds since the epoch, or those of `performance.now()`. */
function toSpanTime(time: TimeInput): SpanTime {
  if (Array.isArray(time)) return BigInt(time[0]) * 1_000_000_000n + BigInt(time[1]);
  return typeof time === "number" && time < MAX_UPTIME_MS ? performance.timeOrigin + time : time;
}
