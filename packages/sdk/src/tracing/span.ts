/**
 * A span that is recorded.
 *
 * Nothing here throws into user code: what fails is counted (`stats().failures`). The time that it takes on the user's path is
 * counted too (`stats().overhead`).
 */
import { toTraceId } from "@sightline/wire/ids";
import type { SpanType } from "@sightline/wire/model/span-type";
import { countFailure, sayOnce } from "../diagnostics.ts";
import { overhead } from "../overhead/meter.ts";
import type { TraceClock } from "./clock.ts";
import type { CompanionSpan } from "./companion.ts";
import { enter, noteTrace } from "./entry-storage.ts";
import { describeException } from "./exception.ts";
import { newSpanId } from "./ids.ts";
import type { EndOptions, LiveSpan, SpanOptions, SpanReference } from "./live-span.ts";
import { cutName, putRecordValue, snapshotOf, toRecordValue } from "./record-value.ts";
import { toReference } from "./reference.ts";
import { type RecordValue, type Route, SPAN_BASE_BYTES, type SpanRecord } from "./span-record.ts";
import { type SpanTime, toMillis } from "./span-time.ts";

/** Attribute names that the server reads, MLflow's where MLflow has one. */
const SpanAttribute = {
  SPAN_TYPE: "mlflow.spanType",
  INPUTS: "mlflow.spanInputs",
  OUTPUTS: "mlflow.spanOutputs",
  ERROR_TYPE: "error.type",
} as const;

/** The server takes more; a loop that sets attributes without end stays bounded. */
const MAX_ATTRIBUTES = 10_000;
const MAX_EVENTS = 10_000;
const MAX_LINKS = 128;
/** Of one event or link. */
const MAX_INNER_ATTRIBUTES = 128;
/** Messages are shown in one line; an error of a HTTP client may hold a whole page. */
const MAX_MESSAGE_CHARS = 100_000;

const STATUS_CODES = { UNSET: 0, OK: 1, ERROR: 2 } as const;
/** As OTLP counts kinds. */
export const KIND_INTERNAL = 1;

/** What a span gets from its surroundings when it begins. */
export interface SpanOrigin {
  readonly parent: RecordingSpan | undefined;
  /** Ids of a parent in another process, and of the trace; "" where there is none. */
  readonly traceId: string;
  readonly parentSpanId: string;
  readonly route: Route;
  /** Where traces that begin inside go. */
  readonly scope: Route | undefined;
  readonly traceState: string | undefined;
  readonly companion: CompanionSpan | undefined;
  readonly clock: TraceClock;
  readonly startMs: number;
}

/** Made by `beginSpan` (begin-span.ts). */
export class RecordingSpan implements LiveSpan {
  readonly kind = "recording";
  readonly isOff = false;
  readonly record: SpanRecord;
  /** The span that began the trace in this process; itself on a root. */
  readonly root: RecordingSpan;
  readonly clock: TraceClock;
  /** Where traces that begin inside go; undefined = to where `init()` says. */
  readonly scope: Route | undefined;
  /** `tracestate` of the caller, for whom this process calls. */
  readonly traceState: string | undefined;
  readonly companion: CompanionSpan | undefined;
  #hasStatus = false;
  #hasOutputs = false;

  constructor(options: SpanOptions, origin: SpanOrigin) {
    const { parent, companion } = origin;
    this.root = parent?.root ?? this;
    this.clock = origin.clock;
    this.scope = origin.scope;
    this.traceState = origin.traceState;
    this.companion = companion;
    const name = cutName(options.name);
    this.record = {
      traceId: companion?.traceId ?? origin.traceId,
      spanId: companion?.spanId ?? newSpanId(),
      parentSpanId: companion?.parentSpanId ?? origin.parentSpanId,
      name,
      kind: options.kind ?? KIND_INTERNAL,
      startMs: origin.startMs,
      endMs: undefined,
      statusCode: 0,
      statusMessage: "",
      attributes: new Map<string, RecordValue>(),
      events: [],
      links: [],
      route: origin.route,
      sequence: 0,
      bytes: SPAN_BASE_BYTES + name.length,
      truncations: 0,
    };
    if (parent === undefined) noteTrace(this.record.traceId);
    this.#put(SpanAttribute.SPAN_TYPE, options.spanType === undefined ? "UNKNOWN" : String(options.spanType));
    if (options.attributes) this.setAttributes(options.attributes);
    if (options.inputs !== undefined) this.setInputs(options.inputs);
    if (options.links) for (const link of options.links) this.addLink(link);
  }

  get traceId(): string {
    return toTraceId(this.record.traceId);
  }

  get spanId(): string {
    return this.record.spanId;
  }

  get isRecording(): boolean {
    return this.record.endMs === undefined;
  }

  get isEnded(): boolean {
    return this.record.endMs !== undefined;
  }

  get hasOutputs(): boolean {
    return this.#hasOutputs;
  }

  setInputs(inputs: unknown): this {
    return this.#change("setInputs", () => this.#put(SpanAttribute.INPUTS, snapshotOf(inputs)));
  }

  setOutputs(outputs: unknown): this {
    return this.#change("setOutputs", () => {
      this.#hasOutputs = true;
      this.#put(SpanAttribute.OUTPUTS, snapshotOf(outputs));
    });
  }

  setAttribute(key: string, value: unknown): this {
    return this.#change("setAttribute", () => this.#set(key, value));
  }

  setAttributes(attributes: Readonly<Record<string, unknown>>): this {
    return this.#change("setAttributes", () => {
      for (const key of Object.keys(attributes)) this.#set(key, attributes[key]);
    });
  }

  setName(name: string): this {
    return this.#change("setName", () => {
      this.record.bytes -= this.record.name.length;
      this.record.name = cutName(name);
      this.record.bytes += this.record.name.length;
    });
  }

  setSpanType(spanType: SpanType): this {
    return this.#change("setSpanType", () => this.#put(SpanAttribute.SPAN_TYPE, cutName(spanType)));
  }

  setStatus(code: "OK" | "ERROR" | "UNSET", message?: string): this {
    return this.#change("setStatus", () => {
      if (!Object.hasOwn(STATUS_CODES, code)) {
        sayOnce(
          "bad-status",
          "warn",
          `A status is ${JSON.stringify(code)}; give "OK", "ERROR" or "UNSET". It stays as it was.`,
        );
        return;
      }
      this.#hasStatus = code !== "UNSET";
      this.record.statusCode = STATUS_CODES[code];
      this.record.bytes -= this.record.statusMessage.length;
      this.record.statusMessage = code === "ERROR" && message !== undefined ? this.#message(message) : "";
      this.record.bytes += this.record.statusMessage.length;
    });
  }

  recordException(error: unknown): this {
    return this.#change("recordException", () => {
      const { type, message, stacktrace } = describeException(error);
      this.addEvent("exception", {
        "exception.type": type,
        "exception.message": message,
        "exception.stacktrace": stacktrace,
      });
      this.#put(SpanAttribute.ERROR_TYPE, type);
      this.setStatus("ERROR", message);
    });
  }

  addEvent(name: string, attributes: Readonly<Record<string, unknown>> = {}, time?: SpanTime): this {
    return this.#change("addEvent", () => {
      const { record } = this;
      if (record.events.length >= MAX_EVENTS) {
        record.truncations += 1;
        return;
      }
      const event = {
        name: cutName(name),
        timeMs: (time === undefined ? undefined : toMillis(time)) ?? this.clock.now(),
        attributes: this.#innerAttributes(attributes),
      };
      record.events.push(event);
      record.bytes += INNER_BYTES + event.name.length;
    });
  }

  addLink(to: SpanReference, attributes: Readonly<Record<string, unknown>> = {}): this {
    return this.#change("addLink", () => {
      const { record } = this;
      const reference = toReference(to);
      if (reference === undefined) {
        sayOnce(
          "bad-link",
          "warn",
          `addLink() takes a span or { traceId, spanId }, not ${JSON.stringify(to)}; no link was added.`,
        );
        return;
      }
      if (record.links.length >= MAX_LINKS) {
        record.truncations += 1;
        return;
      }
      record.links.push({ ...reference, attributes: this.#innerAttributes(attributes) });
      record.bytes += INNER_BYTES;
    });
  }

  run<T>(work: () => T): T {
    const { companion } = this;
    return companion === undefined ? enter(this, work) : enter(this, () => companion.run(work));
  }

  end(options?: EndOptions): void {
    this.#change("end", () => {
      const { record } = this;
      if (options?.outputs !== undefined) this.setOutputs(options.outputs);
      if (!this.#hasStatus) record.statusCode = STATUS_CODES.OK;
      const endMs = (options?.endTime === undefined ? undefined : toMillis(options.endTime)) ?? this.clock.now();
      record.endMs = Math.max(record.startMs, endMs);
      if (this.root === this) noteTrace(record.traceId);
      record.route.exporter.onEnd(record);
      this.companion?.end(record);
    });
  }

  [Symbol.dispose](): void {
    this.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  #set(key: string, value: unknown): void {
    const kept = toRecordValue(value);
    if (kept !== undefined) putRecordValue(this.record, this.record.attributes, key, kept, MAX_ATTRIBUTES);
  }

  #put(key: string, value: RecordValue): void {
    putRecordValue(this.record, this.record.attributes, key, value, MAX_ATTRIBUTES);
  }

  #innerAttributes(attributes: Readonly<Record<string, unknown>>): Map<string, RecordValue> {
    const kept = new Map<string, RecordValue>();
    for (const key of Object.keys(attributes)) {
      const value = toRecordValue(attributes[key]);
      if (value !== undefined) putRecordValue(this.record, kept, key, value, MAX_INNER_ATTRIBUTES);
    }
    return kept;
  }

  #message(message: unknown): string {
    const text = typeof message === "string" ? message : String(message);
    if (text.length <= MAX_MESSAGE_CHARS) return text;
    this.record.truncations += 1;
    return `${text.slice(0, MAX_MESSAGE_CHARS)}[truncated: ${text.length - MAX_MESSAGE_CHARS} more characters]`;
  }

  #change(what: string, change: () => void): this {
    if (this.record.endMs !== undefined) return this;
    const token = overhead.begin();
    try {
      change();
    } catch (error) {
      countFailure(`span.${what}`, error);
    } finally {
      overhead.end(token);
    }
    return this;
  }
}

/** An event or link, without its attributes. */
const INNER_BYTES = 100;
