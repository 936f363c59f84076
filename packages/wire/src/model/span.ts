/**
 * A span as the API shows it.
 */
import * as z from "zod/mini";

/** Token counts. `inputTokens` and `outputTokens` include everything; the others are parts of them, in tokens. */
export const TokenUsage = z.object({
  inputTokens: z.number(),
  outputTokens: z.number(),
  totalTokens: z.number(),
  cacheReadInputTokens: z.optional(z.number()),
  cacheCreationInputTokens: z.optional(z.number()),
  reasoningTokens: z.optional(z.number()),
});
export type TokenUsage = z.infer<typeof TokenUsage>;

export const SpanStatusCode = z.enum(["UNSET", "OK", "ERROR"]);
export type SpanStatusCode = z.infer<typeof SpanStatusCode>;

export const SpanEvent = z.object({
  name: z.string(),
  /** Decimal string, nanoseconds since the epoch. */
  timeUnixNano: z.string(),
  attributes: z.record(z.string(), z.unknown()),
});
export type SpanEvent = z.infer<typeof SpanEvent>;

export const SpanLink = z.object({
  traceId: z.string(),
  spanId: z.string(),
  attributes: z.record(z.string(), z.unknown()),
});
export type SpanLink = z.infer<typeof SpanLink>;

export const Span = z.object({
  /** 16 hex digits. */
  spanId: z.string(),
  /** Absent on a root span. */
  parentSpanId: z.optional(z.string()),
  name: z.string(),
  /** One of `SpanType` (`span-type.ts`) or any string. */
  spanType: z.string(),
  /** Decimal string, nanoseconds since the epoch. */
  startTimeUnixNano: z.string(),
  /** Decimal string; `"0"` while the span is running. */
  endTimeUnixNano: z.string(),
  status: z.object({ code: SpanStatusCode, message: z.optional(z.string()) }),
  /** Any JSON; null when the span has none. */
  inputs: z.unknown(),
  /** Any JSON; null when the span has none. */
  outputs: z.unknown(),
  model: z.optional(z.string()),
  provider: z.optional(z.string()),
  tokenUsage: z.optional(TokenUsage),
  costUsd: z.optional(z.number()),
  /** `service.name` of the resource. */
  service: z.optional(z.string()),
  /** As they came. */
  attributes: z.record(z.string(), z.unknown()),
  events: z.array(SpanEvent),
  links: z.array(SpanLink),
});
export type Span = z.infer<typeof Span>;
