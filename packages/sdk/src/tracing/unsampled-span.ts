/**
 * The span of a trace that is not recorded: the sampler left it out, or tracing is off. Takes everything, keeps nothing.
 */
import { toTraceId } from "@sightline/wire/ids";
import type { CompanionSpan } from "./companion.ts";
import { enter, innermost } from "./entry-storage.ts";
import { newSpanId } from "./ids.ts";
import type { LiveSpan, SpanReference } from "./live-span.ts";
import type { Route } from "./span-record.ts";

interface UnsampledOrigin {
  /** 32 hex digits. */
  readonly traceId: string;
  readonly scope?: Route | undefined;
  readonly traceState?: string | undefined;
  readonly companion?: CompanionSpan | undefined;
}

/** Stands for all spans of its trace: children of it are itself. */
export class UnsampledSpan implements LiveSpan {
  readonly kind = "unsampled";
  readonly isRecording = false;
  readonly isEnded = false;
  readonly hasOutputs = false;
  /** Where traces that begin inside go. */
  readonly scope: Route | undefined;
  /** `tracestate` of the caller. */
  readonly traceState: string | undefined;
  /** True on the one span of the off state. */
  readonly isOff: boolean = false;
  readonly #companion: CompanionSpan | undefined;
  readonly #traceId: string;
  #spanId: string | undefined;

  constructor({ traceId, scope, traceState, companion }: UnsampledOrigin) {
    this.#traceId = traceId;
    this.scope = scope;
    this.traceState = traceState;
    this.#companion = companion;
    this.#spanId = companion?.spanId;
  }

  get traceId(): string {
    return toTraceId(this.#traceId);
  }

  /** Made when somebody asks: to hand the context on, with the flag that says "not recorded". */
  get spanId(): string {
    this.#spanId ??= newSpanId();
    return this.#spanId;
  }

  setInputs(_inputs: unknown): this {
    return this;
  }

  setOutputs(_outputs: unknown): this {
    return this;
  }

  setAttribute(_key: string, _value: unknown): this {
    return this;
  }

  setAttributes(_attributes: Readonly<Record<string, unknown>>): this {
    return this;
  }

  setName(_name: string): this {
    return this;
  }

  setSpanType(_spanType: string): this {
    return this;
  }

  setStatus(_code: "OK" | "ERROR" | "UNSET", _message?: string): this {
    return this;
  }

  recordException(_error: unknown): this {
    return this;
  }

  addEvent(_name: string, _attributes?: Readonly<Record<string, unknown>>): this {
    return this;
  }

  addLink(_to: SpanReference, _attributes?: Readonly<Record<string, unknown>>): this {
    return this;
  }

  run<T>(work: () => T): T {
    if (innermost() === this) return work();
    const companion = this.#companion;
    return companion === undefined ? enter(this, work) : enter(this, () => companion.run(work));
  }

  end(): void {
    // Nothing was begun.
  }

  [Symbol.dispose](): void {
    this.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

class OffSpan extends UnsampledSpan {
  override readonly isOff = true;

  override get spanId(): string {
    return "0".repeat(16);
  }

  /** The context stays as it is: tracing may be turned on inside. */
  override run<T>(work: () => T): T {
    return work();
  }
}

/** What `withSpan` hands to its function while tracing is off. */
export const OFF_SPAN: UnsampledSpan = new OffSpan({ traceId: "0".repeat(32) });
