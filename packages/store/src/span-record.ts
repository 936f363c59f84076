/**
 * A span as the telemetry store takes it and gives it back.
 */
import type { Payload } from "@sightline/wire/conventions/normalized-span";
import type { SpanEvent, SpanLink, SpanStatusCode, TokenUsage } from "@sightline/wire/model/span";

/** A span that a store has made ready to be written; only the store that made it can write it. */
export interface PreparedSpan {
  readonly experimentId: string;
  readonly traceId: string;
}

/** A span ready to be kept: normalised facts beside the attributes as they came. */
export interface SpanRecord {
  /** Decimal digits. If the trace is already kept in another experiment, that one wins. */
  readonly experimentId: string;
  /** `tr-` + 32 hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** "" on a root span. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly spanType: string;
  readonly service: string;
  /** Nanoseconds since the epoch. */
  readonly startTimeUnixNano: bigint;
  /** 0n while the span is running. */
  readonly endTimeUnixNano: bigint;
  readonly statusCode: SpanStatusCode;
  readonly statusMessage: string;
  readonly model: string;
  readonly provider: string;
  readonly usage?: TokenUsage;
  /** US dollars */
  readonly costUsd?: number;
  /** Whether the cost was counted here from the price table: it is counted again when prices change. Absent = the sender said it. */
  readonly isCostComputed?: boolean;
  readonly sessionId: string;
  readonly userId: string;
  readonly inputs?: Payload;
  readonly outputs?: Payload;
  /** Attribute key → JSON text of its value, as it came, without those that `inputs` and `outputs` were taken from verbatim. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  /** Tags and metadata for the whole trace that this span carries. */
  readonly traceTags: Readonly<Record<string, string>>;
  readonly traceMetadata: Readonly<Record<string, string>>;
  /** Texts for the trace list when this is the root: at most 1,000 characters, "" when there is none. */
  readonly requestPreview: string;
  readonly responsePreview: string;
}

/** A span as it is read back; payloads and attribute values are JSON text. */
export type StoredSpan = Omit<SpanRecord, "traceTags" | "traceMetadata" | "requestPreview" | "responsePreview">;

/** A span without payloads, attributes, events and links. */
export type SpanOutline = Pick<
  StoredSpan,
  | "spanId"
  | "parentSpanId"
  | "name"
  | "spanType"
  | "startTimeUnixNano"
  | "endTimeUnixNano"
  | "statusCode"
  | "statusMessage"
  | "usage"
  | "costUsd"
>;
