import { expect, test } from "vitest";
import { SightlineError } from "../errors.ts";
import { MAX_MESSAGES } from "./messages.ts";
import { decodeExportRequest, encodeExportRequest } from "./protobuf.ts";
import type { Attributes, OtlpSpan } from "./span.ts";

const SPAN: OtlpSpan = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentSpanId: "",
  name: "root",
  kind: 1,
  startTimeUnixNano: 1n,
  endTimeUnixNano: 2n,
  statusCode: 0,
  statusMessage: "",
  attributes: {},
  events: [],
  links: [],
};

function withAttributes(attributes: Attributes) {
  return [{ resource: {}, scope: { name: "", version: "" }, spans: [{ ...SPAN, attributes }] }];
}

function refusal(body: Uint8Array | readonly number[]): SightlineError {
  try {
    decodeExportRequest(Uint8Array.from(body));
  } catch (error) {
    if (error instanceof SightlineError) return error;
    throw error;
  }
  throw new Error("the body was read");
}

/** A length-delimited field. */
function field(number: number, content: readonly number[]): number[] {
  return [number * 8 + 2, content.length, ...content];
}

/** A request with one span, from the span's fields. */
function requestWithSpan(spanFields: readonly number[]): Uint8Array {
  return Uint8Array.from(field(1, field(2, field(2, spanFields))));
}

test("an empty body is a request without spans", () => {
  expect(decodeExportRequest(new Uint8Array())).toEqual([]);
  expect(encodeExportRequest([])).toEqual(new Uint8Array());
});

test("a span without fields has proto3's defaults", () => {
  expect(decodeExportRequest(requestWithSpan([]))).toEqual([
    {
      resource: {},
      scope: { name: "", version: "" },
      spans: [{ ...SPAN, traceId: "", spanId: "", name: "", kind: 0, startTimeUnixNano: 0n, endTimeUnixNano: 0n }],
    },
  ]);
});

test("refusals name the byte and what is wrong there", () => {
  expect(refusal([0x0a, 0x05, 0x12, 0x00]).message).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in protobuf: at byte 1 of 4, a length of 5 runs past the end of its message, which has 2 bytes left. Check that the sender's exporter speaks OTLP/HTTP protobuf and that nothing on the way cut the body."`,
  );
  expect(refusal([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).message).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in protobuf: at byte 1 of 11, a length of 18446744073709552000 runs past the end of its message, which has 0 bytes left. Check that the sender's exporter speaks OTLP/HTTP protobuf and that nothing on the way cut the body."`,
  );
  expect(refusal(Array(12).fill(0xff)).message).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in protobuf: at byte 0 of 12, a number does not end. Check that the sender's exporter speaks OTLP/HTTP protobuf and that nothing on the way cut the body."`,
  );
  expect(refusal([0x00]).message).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in protobuf: at byte 0 of 1, field number 0 is not possible. Check that the sender's exporter speaks OTLP/HTTP protobuf and that nothing on the way cut the body."`,
  );
  expect(refusal(requestWithSpan([0x39, 1, 2, 3])).message).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in protobuf: at byte 7 of 10, 8 bytes are needed, but its message has 3 left. Check that the sender's exporter speaks OTLP/HTTP protobuf and that nothing on the way cut the body."`,
  );
  expect(refusal([0x0a, 0x05, 0x12]).details).toEqual({ offset: 1 });
});

test("bodies of another kind are recognised", () => {
  expect(refusal(new TextEncoder().encode('{"resourceSpans":[]}')).message).toContain("Content-Type: application/json");
  expect(refusal([0x1f, 0x8b, 0x08, 0x00]).message).toContain("Content-Encoding: gzip");
});

test("a length beyond its message is refused even if the body has the bytes", () => {
  // Span.name claims 9 bytes; the span has 1 left, the body more.
  const body = [
    ...field(1, field(2, field(2, [0x2a, 9, 0x61]))),
    ...field(1, Array(0).fill(0)),
    ...Array(20).fill(0x0a),
  ];
  expect(refusal(body).code).toBe("OTLP_MALFORMED");
});

test("text that is not UTF-8 is replaced, and a byte order mark stays", () => {
  const [group] = decodeExportRequest(requestWithSpan(field(5, [0x61, 0xff, 0xef, 0xbb, 0xbf])));
  expect(group?.spans[0]?.name).toBe("a\ufffd\ufeff");
  const [long] = decodeExportRequest(requestWithSpan([...field(5, [0xef, 0xbb, 0xbf, ...Array(90).fill(0x78)])]));
  expect(long?.spans[0]?.name).toBe(`\ufeff${"x".repeat(90)}`);
});

test("unknown fields and known fields of another wire type are skipped", () => {
  const unknown = [0xf8, 0x07, 1, 0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8, 0xfa, 0x07, 2, 1, 2, 0xfd, 0x07, 1, 2, 3, 4];
  const nameAsVarint = [0x28, 7];
  const [group] = decodeExportRequest(requestWithSpan([...unknown, ...nameAsVarint, ...field(5, [0x61])]));
  expect(group?.spans[0]?.name).toBe("a");
});

test("a message field that comes twice is merged, a scalar one is replaced", () => {
  const status = [...field(15, field(2, [0x61])), ...field(15, [0x18, 2])];
  const [group] = decodeExportRequest(requestWithSpan([...status, ...field(5, [0x61]), ...field(5, [0x62])]));
  expect(group?.spans[0]).toMatchObject({ statusMessage: "a", statusCode: 2, name: "b" });
});

test("integers keep all 64 bits", () => {
  const attributes = {
    max: 2n ** 63n - 1n,
    min: -(2n ** 63n),
    safe: Number.MAX_SAFE_INTEGER,
    past: 2n ** 53n,
    minus: -1,
  };
  expect(decodeExportRequest(encodeExportRequest(withAttributes(attributes)))[0]?.spans[0]?.attributes).toEqual(
    attributes,
  );
  const tooLarge = encodeExportRequest(withAttributes({ big: 2n ** 63n }));
  expect(decodeExportRequest(tooLarge)[0]?.spans[0]?.attributes).toEqual({ big: "9223372036854775808" });
});

test("ids are not judged: any length is read, and one that is not hex is written as an empty one", () => {
  const spans = [
    { ...SPAN, traceId: "ab", spanId: "" },
    { ...SPAN, spanId: "not hex" },
  ];
  const body = encodeExportRequest([{ resource: {}, scope: { name: "", version: "" }, spans }]);
  expect(decodeExportRequest(body)[0]?.spans.map(({ traceId, spanId }) => [traceId, spanId])).toEqual([
    ["ab", ""],
    [SPAN.traceId, ""],
  ]);
});

test("values nested without end are refused before the stack is", () => {
  // AnyValue { arrayValue { values: AnyValue { … } } }, 100,000 levels, built from the inside
  const levels = 100_000;
  const head: number[] = [];
  let size = 0;
  const varint = (value: number) => {
    const bytes: number[] = [];
    for (let rest = value; ; rest = Math.floor(rest / 128)) {
      if (rest < 128) return [...bytes, rest];
      bytes.push((rest % 128) | 0x80);
    }
  };
  for (let i = 0; i < levels; i++) {
    for (const tag of [0x0a, 0x2a]) {
      const prefix = [tag, ...varint(size)];
      size += prefix.length;
      head.push(...prefix.reverse());
    }
  }
  const value = head.reverse();
  const wrap = (tag: number, content: readonly number[]) => [tag, ...varint(content.length)].concat(content);
  const body = wrap(0x0a, wrap(0x0a, wrap(0x0a, wrap(0x12, value))));
  expect(refusal(body).message).toContain("nested more than 64 deep");
});

test("a body of empty spans is refused when it has too many", () => {
  const count = MAX_MESSAGES;
  const spans = new Uint8Array(2 * count).map((_, i) => (i % 2 === 0 ? 0x12 : 0));
  const varint = (value: number) => [(value & 0x7f) | 0x80, ((value >> 7) & 0x7f) | 0x80, value >> 14];
  const inner = [0x12, ...varint(spans.length)];
  const body = Uint8Array.from([0x0a, ...varint(spans.length + inner.length), ...inner, ...spans]);
  expect(refusal(body).message).toContain("more than 500000 spans, events and links");
});
