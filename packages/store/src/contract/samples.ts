/**
 * Span records for the contract suites.
 */
import type { SpanRecord } from "../telemetry-store.ts";

/** 2026-11-24T08:25:09.717123456Z */
export const SAMPLE_START = 1_795_508_709_717_123_456n;

/** A trace id no other test run uses. */
export function freshTraceId(): string {
  return `tr-${crypto.randomUUID().replaceAll("-", "")}`;
}

/** An experiment id no other test run uses. */
export function freshExperimentId(): string {
  return String(Math.floor(Math.random() * 2 ** 48) + 1);
}

/** The span id of a small number: 16 hex digits. */
export function spanId(number: number): string {
  return number.toString(16).padStart(16, "0");
}

/** A root span that ended well after 200 ms, with what is given put in. */
export function sampleSpan(facts: Partial<SpanRecord> & Pick<SpanRecord, "traceId">): SpanRecord {
  const startTimeUnixNano = facts.startTimeUnixNano ?? SAMPLE_START;
  return {
    experimentId: "0",
    spanId: spanId(1),
    parentSpanId: "",
    name: "agent",
    spanType: "AGENT",
    service: "shop",
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano + 200_000_000n,
    statusCode: "OK",
    statusMessage: "",
    model: "",
    provider: "",
    sessionId: "",
    userId: "",
    attributes: {},
    events: [],
    links: [],
    traceTags: {},
    traceMetadata: {},
    requestPreview: "",
    responsePreview: "",
    ...facts,
  };
}
