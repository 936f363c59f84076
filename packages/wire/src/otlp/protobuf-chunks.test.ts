import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodeExportRequest,
  type EncodableSpan,
  encodeExportRequest,
  encodeRequestOf,
  encodeSpanField,
} from "./protobuf.ts";
import type { OtlpSpan } from "./span.ts";
import { Utf8Text } from "./utf8-text.ts";

const SPAN: OtlpSpan = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentSpanId: "",
  name: "root",
  kind: 1,
  startTimeUnixNano: 1n,
  endTimeUnixNano: 2n,
  statusCode: 2,
  statusMessage: "",
  attributes: {},
  events: [],
  links: [],
};
const SENDER = { resource: { "service.name": "s" }, scope: { name: "scope", version: "1" } };

/** A text in chunks of a size. */
function inChunks(text: string, size: number): Utf8Text {
  const bytes = Buffer.from(text);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return new Utf8Text(chunks, bytes.length);
}

test("spans that are encoded one by one, their texts in chunks of any size, make the same request", () => {
  const text = fc.oneof(
    fc.string(),
    fc.nat(100_000).map((length) => "é".repeat(length)),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(text, text, text), { maxLength: 6 }),
      fc.integer({ min: 1000, max: 70_000 }),
      (rows, size) => {
        const spans = rows.map(([input, message, stack]) => ({
          ...SPAN,
          statusMessage: message,
          attributes: { first: 1, input, list: ["a", 2], last: true },
          events: [{ name: "exception", timeUnixNano: 3n, attributes: { stack } }],
          links: [{ traceId: SPAN.traceId, spanId: SPAN.spanId, attributes: { message } }],
        }));
        const fields = spans.flatMap((span): Uint8Array[] => {
          const { input } = span.attributes;
          const prepared: EncodableSpan = {
            ...span,
            statusMessage: span.statusMessage && inChunks(span.statusMessage, size),
            attributes: { ...span.attributes, input: inChunks(input, size) },
            events: span.events.map((event) => ({
              ...event,
              attributes: { stack: inChunks(event.attributes.stack, size) },
            })),
          };
          return encodeSpanField(prepared);
        });
        const request = Buffer.concat(encodeRequestOf(SENDER, fields));
        expect(request.equals(encodeExportRequest([{ ...SENDER, spans }]))).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test("long texts are handed on, not copied", () => {
  const input = inChunks("x".repeat(200_000), 50_000);
  const fields = encodeSpanField({ ...SPAN, attributes: { input } });
  const request = encodeRequestOf(SENDER, fields);
  for (const chunk of input.chunks) expect(request).toContain(chunk);
  expect(decodeExportRequest(Buffer.concat(request))[0]?.spans[0]?.attributes).toEqual({ input: "x".repeat(200_000) });
});

test("a span that cannot be written leaves nothing to the next one", () => {
  const broken = { ...SPAN, attributes: { fine: "x", bad: 1 }, startTimeUnixNano: "no time" as unknown as bigint };
  expect(() => encodeSpanField(broken)).toThrow();
  const request = Buffer.concat(encodeRequestOf(SENDER, encodeSpanField(SPAN)));
  expect(decodeExportRequest(request)[0]?.spans).toEqual([SPAN]);
});
