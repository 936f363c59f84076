/**
 * The span as users see it, and what they can say when one begins.
 */
import type { SpanType } from "@sightline/wire/model/span-type";
import type { SpanTime } from "./span-time.ts";

/** A span while it runs. After `end()` changes are ignored. No method throws. */
export interface LiveSpan extends Disposable, AsyncDisposable {
  /** `tr-` + 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** False while tracing is off, and in traces that the sampler left out: nothing that is set is kept. */
  readonly isRecording: boolean;
  /** What went in; a snapshot is taken now, any value is fine. */
  setInputs(inputs: unknown): this;
  /** What came out; a snapshot is taken now, any value is fine. */
  setOutputs(outputs: unknown): this;
  /**
   * Strings, numbers, booleans and lists of one of these stay as they are, dates become ISO text, other values JSON text. A
   * snapshot is taken now. Setting a key again replaces its value.
   */
  setAttribute(key: string, value: unknown): this;
  /** Several at once; see `setAttribute`. */
  setAttributes(attributes: Readonly<Record<string, unknown>>): this;
  /** Replaces the name. */
  setName(name: string): this;
  /** Replaces the type, e.g. `SpanType.TOOL`; any other text is fine. */
  setSpanType(spanType: SpanType): this;
  /**
   * The last call counts; an error that leaves the traced function counts as one. `OK` is set by itself when the span ends
   * without another status. The message is kept for errors only.
   */
  setStatus(code: "OK" | "ERROR" | "UNSET", message?: string): this;
  /** Adds an `exception` event with type, message and stack trace (those of its causes too), and sets the status to ERROR. */
  recordException(error: unknown): this;
  /** Adds something that happened at one moment. @param time  default: now */
  addEvent(name: string, attributes?: Readonly<Record<string, unknown>>, time?: SpanTime): this;
  /** Points at a span that has to do with this one without being its parent, e.g. the one that queued the job. */
  addLink(to: SpanReference, attributes?: Readonly<Record<string, unknown>>): this;
  /** Runs `work` with this span as the current one: spans that begin in it become its children. */
  run<T>(work: () => T): T;
  /** Ends the span; a second call does nothing. `using` and `await using` call it at the end of the block. */
  end(options?: EndOptions): void;
}

/** How a span ends. */
export interface EndOptions {
  /** Default: now. Before the start counts as the start. */
  readonly endTime?: SpanTime | undefined;
  /** As with `setOutputs`. */
  readonly outputs?: unknown;
}

/** A span by its ids. */
export interface SpanReference {
  /** 32 hex digits, with or without `tr-` before them. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
}

/** A span in another process, as W3C trace context hands it over. */
export interface RemoteParent extends SpanReference {
  /** The flag of `traceparent`: false = the caller does not record the trace, so its children are not recorded here. Default true. */
  readonly isSampled?: boolean | undefined;
  /** `tracestate`, handed on as it came. */
  readonly traceState?: string | undefined;
}

/** Where a trace goes when not to where `init()` says; what is absent is as in `init()`. */
export interface Destination {
  /** Address of the Sightline server. Without `apiKey`, the key of `init()` goes to the server of `init()` only. */
  readonly url?: string | undefined;
  readonly apiKey?: string | undefined;
  /** Name of the experiment. */
  readonly experiment?: string | undefined;
}

/** What is known of a span when it begins. */
export interface SpanOptions {
  readonly name: string;
  /** What kind of step it is, e.g. `SpanType.TOOL`; default `UNKNOWN`. */
  readonly spanType?: SpanType | undefined;
  /** As OTLP counts: 1 internal (default), 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind?: number | undefined;
  readonly inputs?: unknown;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
  /** Default: the current span. `null` = none, the span begins a trace. */
  readonly parent?: LiveSpan | RemoteParent | null | undefined;
  readonly links?: readonly SpanReference[] | undefined;
  /** Default: now. */
  readonly startTime?: SpanTime | undefined;
  /** On a span that begins a trace: where the trace goes. On others it is ignored: they go where their root goes. */
  readonly destination?: Destination | undefined;
  /** Short for `destination: { experiment }`. */
  readonly experiment?: string | undefined;
}
