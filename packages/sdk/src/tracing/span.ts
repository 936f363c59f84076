/**
 * The span that users hold: inputs, outputs, attributes, events, status.
 *
 * Nothing here throws into user code: what fails is counted (`stats().failures`).
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import { toTraceId } from "@sightline/wire/ids";
import type { SpanType } from "@sightline/wire/model/span-type";
import { capture } from "../capture/captured.ts";
import { safely } from "../diagnostics.ts";
import { TraceClock } from "./clock.ts";
import { describeException } from "./exception.ts";

/** Attribute names that the server reads, MLflow's where MLflow has one. */
const SpanAttribute = {
  SPAN_TYPE: "mlflow.spanType",
  INPUTS: "mlflow.spanInputs",
  OUTPUTS: "mlflow.spanOutputs",
  ERROR_TYPE: "error.type",
} as const;

/** The server refuses names of more than 4,096 characters; nobody reads so many. */
const MAX_NAME_CHARS = 1000;

/** A span while it runs. After `end()` changes are ignored. */
export interface LiveSpan extends Disposable {
  /** `tr-` + 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** What went in; a snapshot is taken now, any value is fine. */
  setInputs(inputs: unknown): this;
  /** What came out; a snapshot is taken now, any value is fine. */
  setOutputs(outputs: unknown): this;
  /** Strings, numbers, booleans and lists of one of these stay as they are; other values become JSON text. */
  setAttribute(key: string, value: unknown): this;
  setAttributes(attributes: Readonly<Record<string, unknown>>): this;
  setSpanType(spanType: SpanType): this;
  /** `OK` is set by itself when the span ends without another status. */
  setStatus(code: "OK" | "ERROR" | "UNSET", message?: string): this;
  /** Adds an `exception` event with type, message and stack trace, and sets the status to ERROR. */
  recordException(error: unknown): this;
  addEvent(name: string, attributes?: Readonly<Record<string, unknown>>): this;
  /** Runs `work` with this span as the current one: spans that begin in it become its children. */
  run<T>(work: () => T): T;
  /** Ends the span now; a second call does nothing. `using` calls it at the end of the block. */
  end(): void;
}

export interface SpanOptions {
  readonly name: string;
  /** What kind of step it is, e.g. `SpanType.TOOL`; default `UNKNOWN`. */
  readonly spanType?: SpanType | undefined;
  readonly inputs?: unknown;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

// Our own storage: OpenTelemetry's global context manager stays the user's.
const storage = new AsyncLocalStorage<RecordingSpan>();
let lastTraceId: string | undefined;

/** The span whose work is running, in asynchronous code too; undefined outside of every span. */
export function activeSpan(): RecordingSpan | undefined {
  return storage.getStore();
}

/** The trace that a root span began or ended last, anywhere in the process. */
export function lastNotedTrace(): string | undefined {
  return lastTraceId;
}

/** Begins a span; without a parent it is the root of a new trace. */
export function beginSpan(tracer: Tracer, options: SpanOptions, parent: RecordingSpan | undefined): RecordingSpan {
  return new RecordingSpan(tracer, options, parent);
}

/** A span that is recorded, made by {@link beginSpan}. */
export class RecordingSpan implements LiveSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** The span that began the trace in this process; itself on a root. */
  readonly root: RecordingSpan;
  /** Children go where their parents go, also when `init()` is called again in between. */
  readonly tracer: Tracer;
  readonly #span: Span;
  readonly #clock: TraceClock;
  #hasStatus = false;
  #hasOutputs = false;
  #ended = false;

  constructor(tracer: Tracer, options: SpanOptions, parent: RecordingSpan | undefined) {
    this.tracer = parent?.tracer ?? tracer;
    const context = parent ? trace.setSpan(ROOT_CONTEXT, parent.#span) : ROOT_CONTEXT;
    this.#clock = parent === undefined ? new TraceClock() : parent.#clock;
    const name = String(options.name).slice(0, MAX_NAME_CHARS);
    this.#span = this.tracer.startSpan(name, { startTime: this.#clock.now() }, context);
    const { traceId, spanId } = this.#span.spanContext();
    this.traceId = toTraceId(traceId);
    this.spanId = spanId;
    this.root = parent?.root ?? this;
    if (parent === undefined) lastTraceId = this.traceId;
    this.setSpanType(options.spanType ?? "UNKNOWN");
    if (options.attributes) this.setAttributes(options.attributes);
    if (options.inputs !== undefined) this.setInputs(options.inputs);
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  get hasOutputs(): boolean {
    return this.#hasOutputs;
  }

  setInputs(inputs: unknown): this {
    return this.#change("setInputs", () => capture(this.#span, SpanAttribute.INPUTS, inputs));
  }

  setOutputs(outputs: unknown): this {
    return this.#change("setOutputs", () => {
      this.#hasOutputs = true;
      capture(this.#span, SpanAttribute.OUTPUTS, outputs);
    });
  }

  setAttribute(key: string, value: unknown): this {
    return this.#change("setAttribute", () => {
      if (value === undefined) return;
      if (isPlainAttribute(value)) this.#span.setAttribute(key, value);
      else capture(this.#span, key, value);
    });
  }

  setAttributes(attributes: Readonly<Record<string, unknown>>): this {
    for (const [key, value] of Object.entries(attributes)) this.setAttribute(key, value);
    return this;
  }

  setSpanType(spanType: SpanType): this {
    return this.#change("setSpanType", () => this.#span.setAttribute(SpanAttribute.SPAN_TYPE, spanType));
  }

  setStatus(code: "OK" | "ERROR" | "UNSET", message?: string): this {
    return this.#change("setStatus", () => {
      this.#hasStatus = code !== "UNSET";
      this.#span.setStatus({ code: SpanStatusCode[code], ...(message !== undefined && { message }) });
    });
  }

  recordException(error: unknown): this {
    return this.#change("recordException", () => {
      const { type, message, stacktrace } = describeException(error);
      this.addEvent("exception", {
        "exception.type": type,
        "exception.message": message,
        ...(stacktrace !== undefined && { "exception.stacktrace": stacktrace }),
      });
      this.#span.setAttribute(SpanAttribute.ERROR_TYPE, type);
      this.setStatus("ERROR", message);
    });
  }

  addEvent(name: string, attributes: Readonly<Record<string, unknown>> = {}): this {
    return this.#change("addEvent", () => {
      const plain = Object.entries(attributes).map(([key, value]) => [
        key,
        isPlainAttribute(value) ? value : String(JSON.stringify(value)),
      ]);
      this.#span.addEvent(name, Object.fromEntries(plain) as Attributes, this.#clock.now());
    });
  }

  run<T>(work: () => T): T {
    return storage.run(this, work);
  }

  end(): void {
    this.#change("end", () => {
      if (!this.#hasStatus) this.#span.setStatus({ code: SpanStatusCode.OK });
      this.#ended = true;
      if (this.root === this) lastTraceId = this.traceId;
      this.#span.end(this.#clock.now());
    });
  }

  [Symbol.dispose](): void {
    this.end();
  }

  #change(what: string, change: () => unknown): this {
    if (!this.#ended) safely(`span.${what}`, change);
    return this;
  }
}

/** What `withSpan` hands to its function while tracing is off: takes everything, records nothing. */
export const OFF_SPAN: LiveSpan = {
  traceId: toTraceId("0".repeat(32)),
  spanId: "0".repeat(16),
  setInputs: () => OFF_SPAN,
  setOutputs: () => OFF_SPAN,
  setAttribute: () => OFF_SPAN,
  setAttributes: () => OFF_SPAN,
  setSpanType: () => OFF_SPAN,
  setStatus: () => OFF_SPAN,
  recordException: () => OFF_SPAN,
  addEvent: () => OFF_SPAN,
  run: (work) => work(),
  end: () => undefined,
  [Symbol.dispose]: () => undefined,
};

/** The current span, in everything that a traced function calls; undefined outside of every span. */
export function getCurrentSpan(): LiveSpan | undefined {
  return activeSpan();
}

type PlainAttribute = string | number | boolean | string[] | number[] | boolean[];

function isPlainAttribute(value: unknown): value is PlainAttribute {
  if (!Array.isArray(value)) return isPrimitive(value);
  const type = typeof value[0];
  return isPrimitive(value[0]) && value.every((item) => typeof item === type);
}

function isPrimitive(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
