/**
 * A second tracing system that goes along with ours: the OpenTelemetry provider that a program registered globally.
 */
import type { RemoteParent } from "./live-span.ts";
import type { SpanRecord } from "./span-record.ts";

/** Told of every span when `init({ provider: "global" })` joined the program's own set-up. */
export interface Companion {
  /** The trace (32 hex digits) of the other system's current span; undefined outside of all. */
  currentTraceId(): string | undefined;
  /** Begins the other system's span: its ids are ours, so that both show one tree. */
  start(span: {
    readonly name: string;
    /** As OTLP counts: 1 internal, 2 server, 3 client … */
    readonly kind: number;
    /** Milliseconds since the epoch, with fractions. */
    readonly startMs: number;
    /** The span of ours it is a child of. */
    readonly parent?: SpanRecord;
    /** Its parent in another process. With neither, the other system's current span is the parent. */
    readonly remote?: RemoteParent;
    /** The user asked for a new trace, whatever is current. */
    readonly isRoot?: boolean;
  }): CompanionSpan;
}

export interface CompanionSpan {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** "" on a root. */
  readonly parentSpanId: string;
  /** False: the other system's sampler left the span out, and so do we. */
  readonly isRecording: boolean;
  /** Runs `work` with the other system's span as the current one. */
  run<T>(work: () => T): T;
  end(record: SpanRecord): void;
}
