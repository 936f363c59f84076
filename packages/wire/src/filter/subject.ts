/**
 * What a filter is applied to in memory.
 */
import type { Assessment } from "../model/assessment.ts";
import type { SpanStatusCode, TokenUsage } from "../model/span.ts";
import type { TraceInfo } from "../model/trace.ts";
import type { TraceLink } from "../model/trace-link.ts";

/** A trace, with what its row in a list does not hold. Absent spans and links are none. */
export interface FilterSubject {
  /** With the edits of tags and metadata laid over, and its assessments. */
  readonly info: TraceInfo;
  /** Assessments of other traces that judge the whole session this trace is in: they count for it too. */
  readonly ofSession?: readonly Assessment[];
  /** Needed if `readsSpans(filter)`. */
  readonly spans?: readonly SpanFacts[];
  /** Needed if `readsLinks(filter)`: links to runs and prompts. */
  readonly links?: readonly TraceLink[];
}

/** What filters may ask of a span; "" is nothing, as in the store. */
export interface SpanFacts {
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly spanType: string;
  readonly service: string;
  /** Nanoseconds since the epoch. */
  readonly startTimeUnixNano: bigint;
  /** 0n while the span is running. */
  readonly endTimeUnixNano: bigint;
  readonly statusCode: SpanStatusCode;
  readonly model: string;
  readonly provider: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly usage?: TokenUsage;
  /** US dollars */
  readonly costUsd?: number;
  /** Texts of inputs and outputs as `payloadText` gives them. */
  readonly inputText: string;
  readonly outputText: string;
  /** `Type: message` of a failing span. */
  readonly errorText: string;
  /** JSON text of every attribute, also of those that inputs and outputs were taken from. */
  readonly attributes: Readonly<Record<string, string>>;
}
