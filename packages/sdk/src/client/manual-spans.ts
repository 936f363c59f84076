/**
 * Spans by hand, without any current span: for code that is told of beginnings and ends by someone else (callbacks of a framework,
 * a queue, a log that is imported).
 *
 * They are the spans of `startSpan`: copied, bounded, sampled, masked and sent like all others.
 */
import { safely } from "../diagnostics.ts";
import type { Runtime } from "../runtime.ts";
import { describeTrace, type TraceUpdate } from "../tracing/current.ts";
import type { EndOptions, LiveSpan, RemoteParent, SpanOptions } from "../tracing/live-span.ts";
import { tryBegin } from "../tracing/traced-function.ts";
import { OFF_SPAN } from "../tracing/unsampled-span.ts";
import type { ConnectionOptions } from "./connection.ts";
import { runtimeFor } from "./detached-runtime.ts";

/** The span that begins a trace, and what is known of the trace by then. */
export interface StartTraceOptions extends Omit<SpanOptions, "parent" | "destination">, TraceUpdate {}

/** A span below another one. */
export interface StartChildOptions extends Omit<SpanOptions, "parent" | "destination" | "experiment"> {
  /** A span of this process, or the ids of one elsewhere. */
  readonly parent: LiveSpan | RemoteParent;
}

/** How a span by hand ended. */
export interface SpanEnd extends EndOptions {
  /** Default: OK, or ERROR with `error`. */
  readonly status?: "OK" | "ERROR" | "UNSET" | undefined;
  /** Kept for errors. */
  readonly statusMessage?: string | undefined;
  /** What made the step fail: recorded as an exception. */
  readonly error?: unknown;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

/** How a trace by hand ended, and what is said of it as a whole. */
export interface TraceEnd extends SpanEnd, TraceUpdate {}

/** The spans that one client begins. */
export class ManualSpans {
  readonly #server: ConnectionOptions;
  #runtime: Runtime | undefined;
  /** Of a span the one that began its trace. */
  readonly #roots = new WeakMap<LiveSpan, LiveSpan>();
  /** Of the span that began a trace those below it that run. */
  readonly #running = new WeakMap<LiveSpan, Set<LiveSpan>>();

  constructor(server: ConnectionOptions) {
    this.#server = server;
  }

  startTrace(options: StartTraceOptions): LiveSpan {
    const { url, apiKey } = this.#server;
    const destination = url === undefined && apiKey === undefined ? undefined : { url, apiKey };
    const root = this.#begin({ ...options, parent: null, destination });
    safely("startTrace", () => describeTrace(root, options));
    return root;
  }

  startSpan(options: StartChildOptions): LiveSpan {
    const span = this.#begin(options);
    safely("startSpan", () => this.#watch(span, options.parent));
    return span;
  }

  endSpan(span: LiveSpan, end: SpanEnd = {}): void {
    safely("endSpan", () => {
      const { status, statusMessage, error, attributes, outputs, endTime } = end;
      if (attributes !== undefined) span.setAttributes(attributes);
      if (error !== undefined) span.recordException(error);
      if (status !== undefined) span.setStatus(status, statusMessage);
      span.end({ outputs, endTime });
      const root = this.#roots.get(span);
      if (root !== undefined) this.#running.get(root)?.delete(span);
    });
  }

  endTrace(root: LiveSpan, end: TraceEnd = {}): void {
    const { endTime } = end;
    // Youngest first, so that no parent ends before its children.
    for (const span of [...(this.#running.get(root) ?? [])].reverse()) this.endSpan(span, { endTime });
    safely("endTrace", () => describeTrace(root, end));
    this.endSpan(root, end);
  }

  /** Notes a span below its root; spans that keep nothing need no end. */
  #watch(span: LiveSpan, parent: LiveSpan | RemoteParent): void {
    if (!span.isRecording || !("end" in parent)) return;
    const root = this.#roots.get(parent) ?? parent;
    this.#roots.set(span, root);
    const running = this.#running.get(root);
    if (running === undefined) this.#running.set(root, new Set([span]));
    else running.add(span);
  }

  #begin(options: SpanOptions): LiveSpan {
    const runtime = safely("startSpan", () => runtimeFor(this.#server, this.#runtime));
    this.#runtime = runtime;
    return (runtime && tryBegin("startSpan", runtime, () => options)) ?? OFF_SPAN;
  }
}
