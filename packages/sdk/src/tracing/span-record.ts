/**
 * What is recorded of a span: plain data, owned by the SDK, filled on the caller's path and encoded later elsewhere.
 */
import type { Snapshot } from "../capture/serialize.ts";

/** A value as a span carries it: primitives and arrays of them as they are; everything else as a snapshot. */
export type RecordValue =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly number[]
  | readonly boolean[]
  | Snapshot;

/** Takes spans when they begin and when they have ended: the exporter. Must be quick, and must not throw. */
export interface SpanSink {
  onStart(record: SpanRecord): void;
  onEnd(record: SpanRecord): void;
}

/** Where a trace goes. */
export interface Route {
  readonly exporter: SpanSink;
  /** Name of the experiment; absent = the server's default experiment. */
  readonly experiment?: string;
}

export interface RecordedEvent {
  readonly name: string;
  /** Milliseconds since the epoch, with fractions. */
  readonly timeMs: number;
  readonly attributes: Map<string, RecordValue>;
}

export interface RecordedLink {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly attributes: Map<string, RecordValue>;
}

/** One span. It changes until it ends, and not afterwards. */
export interface SpanRecord {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** "" on a root. */
  readonly parentSpanId: string;
  name: string;
  /** As OTLP counts: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  /** Milliseconds since the epoch, with fractions: a double resolves 0.25 µs of today's times. */
  readonly startMs: number;
  /** Undefined while it runs. */
  endMs: number | undefined;
  /** 0 unset, 1 OK, 2 error. */
  statusCode: 0 | 1 | 2;
  /** "" unless the status is an error. */
  statusMessage: string;
  /** Inputs and outputs too: `mlflow.spanInputs` and `mlflow.spanOutputs` hold a snapshot. */
  readonly attributes: Map<string, RecordValue>;
  readonly events: RecordedEvent[];
  readonly links: RecordedLink[];
  /** Where it goes; children go where their root goes. */
  readonly route: Route;
  /** 1, 2, 3 … over the ended spans of one exporter; 0 until it ends. Given by the exporter in `onEnd`. */
  sequence: number;
  /** About the memory it holds, kept up to date as things are set. */
  bytes: number;
  /** Places that were cut off in what it holds, because they were too large or too many. */
  truncations: number;
}

/** Ids, times, name, status and the objects around them. */
export const SPAN_BASE_BYTES = 500;

/** About the memory that a value holds. */
export function bytesOf(value: RecordValue): number {
  switch (typeof value) {
    case "string":
      return value.length;
    case "object":
      return isSnapshot(value) ? value.bytes : arrayBytes(value);
    default:
      return 8;
  }
}

/** Whether a value is a snapshot: it becomes JSON text when the span is sent. */
export function isSnapshot(value: RecordValue): value is Snapshot {
  return typeof value === "object" && !Array.isArray(value);
}

function arrayBytes(values: readonly (string | number | boolean)[]): number {
  if (typeof values[0] !== "string") return 8 * values.length;
  let bytes = 0;
  for (const value of values) bytes += (value as string).length + 8;
  return bytes;
}
