/**
 * Small OTLP/JSON export requests, written by hand so that tests do not depend on the codec they test.
 */
import { randomBytes } from "node:crypto";

export interface TestSpan {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly error?: string;
}

/** 32 hex digits. */
export function newTraceId(): string {
  return randomBytes(16).toString("hex");
}

/** 16 hex digits. */
export function newSpanId(): string {
  return randomBytes(8).toString("hex");
}

/** The body of an OTLP/JSON export request with the spans of one trace, each 1 ms long, starting now. */
export function exportRequestJson(traceId: string, spans: readonly TestSpan[]): string {
  const start = BigInt(Date.now()) * 1_000_000n;
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "test" } }] },
        scopeSpans: [
          {
            scope: { name: "test" },
            spans: spans.map((span, index) => ({
              traceId,
              spanId: span.spanId,
              parentSpanId: span.parentSpanId ?? "",
              name: span.name,
              kind: 1,
              startTimeUnixNano: String(start + BigInt(index)),
              endTimeUnixNano: String(start + 1_000_000n),
              attributes: Object.entries(span.attributes ?? {}).map(([key, value]) => ({
                key,
                value: { stringValue: value },
              })),
              status: span.error === undefined ? { code: 1 } : { code: 2, message: span.error },
            })),
          },
        ],
      },
    ],
  });
}

/** Posts an OTLP/JSON body; the answer's status decides what the caller may rely on. */
export function postSpans(url: string, body: string, experiment?: string): Promise<Response> {
  return fetch(`${url}/v1/traces`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(experiment === undefined ? {} : { "x-sightline-experiment": experiment }),
    },
    body,
  });
}
