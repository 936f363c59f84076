/**
 * Spans and export requests for the server's tests.
 */
import { encodeExportRequest } from "@sightline/wire/otlp/protobuf";
import type { Attributes, OtlpSpan } from "@sightline/wire/otlp/span";
import { newSpanId, newTraceId } from "../../harness/otlp-json.ts";

/** 2026-11-24T08:25:09.717123456Z */
export const START = 1_795_508_709_717_123_456n;

/** A root span of 5 ms; override what the test is about. */
export function makeSpan(overrides: Partial<OtlpSpan> = {}): OtlpSpan {
  const start = overrides.startTimeUnixNano ?? START;
  return {
    traceId: newTraceId(),
    spanId: newSpanId(),
    parentSpanId: "",
    name: "agent",
    kind: 1,
    startTimeUnixNano: start,
    endTimeUnixNano: start + 5_000_000n,
    statusCode: 1,
    statusMessage: "",
    attributes: {},
    events: [],
    links: [],
    ...overrides,
  };
}

/** A trace of a root and `children` spans below it. */
export function makeTrace(children: number, overrides: Partial<OtlpSpan> = {}): OtlpSpan[] {
  const root = makeSpan(overrides);
  const rest = Array.from({ length: children }, (_, index) =>
    makeSpan({
      traceId: root.traceId,
      parentSpanId: root.spanId,
      name: `step ${index}`,
      startTimeUnixNano: root.startTimeUnixNano + BigInt(index + 1) * 1000n,
    }),
  );
  return [root, ...rest];
}

export function encodeSpans(spans: readonly OtlpSpan[], resource: Attributes = { "service.name": "test" }): Uint8Array {
  return encodeExportRequest([{ resource, scope: { name: "test", version: "1" }, spans }]);
}

/** Sends spans as protobuf. */
export function send(
  url: string,
  body: Uint8Array | readonly OtlpSpan[],
  headers: Record<string, string> = {},
): Promise<Response> {
  const bytes = body instanceof Uint8Array ? body : encodeSpans(body);
  return fetch(`${url}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf", ...headers },
    body: new Uint8Array(bytes),
  });
}

/** The `error` of an answer in our form. */
export async function errorOf(
  answer: Response,
): Promise<{ code: string; message: string; requestId: string; details?: unknown }> {
  const body = (await answer.json()) as { error: { code: string; message: string; requestId: string } };
  return body.error;
}
