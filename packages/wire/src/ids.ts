/**
 * Identifiers as they cross process borders.
 *
 * OpenTelemetry ids are lower-case hex (trace 32 digits, span 16); the API shows a trace id as MLflow does, `tr-` + 32 hex.
 */

/** `tr-` + 32 lower-case hex digits. */
export type TraceId = string;
/** 16 lower-case hex digits. */
export type SpanId = string;

const HEX_32 = /^[0-9a-f]{32}$/;
const HEX_16 = /^[0-9a-f]{16}$/;
const TRACE_ID = /^tr-[0-9a-f]{32}$/;

/** The API form of an OpenTelemetry trace id: `tr-` + 32 hex digits. */
export function toTraceId(otelTraceId: string): TraceId {
  return `tr-${otelTraceId}`;
}

/** The OpenTelemetry form of an API trace id: 32 hex digits. Accepts both forms. */
export function toOtelTraceId(traceId: string): string {
  return traceId.startsWith("tr-") ? traceId.slice(3) : traceId;
}

/** Whether `value` is an API trace id (`tr-` + 32 lower-case hex digits). */
export function isTraceId(value: string): value is TraceId {
  return TRACE_ID.test(value);
}

/**
 * Whether `value` is a valid OpenTelemetry trace id: 32 lower-case hex digits, not all zero.
 *
 * @see https://www.w3.org/TR/trace-context/#trace-id
 */
export function isOtelTraceId(value: string): boolean {
  return HEX_32.test(value) && value !== "00000000000000000000000000000000";
}

/** Whether `value` is a valid span id: 16 lower-case hex digits, not all zero. */
export function isSpanId(value: string): value is SpanId {
  return HEX_16.test(value) && value !== "0000000000000000";
}
