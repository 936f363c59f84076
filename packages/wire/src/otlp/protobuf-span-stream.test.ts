import fc from "fast-check";
import { expect, test } from "vitest";
import { SightlineError } from "../errors.ts";
import { MAX_MESSAGES } from "./messages.ts";
import { decodeExportRequest, encodeExportRequest } from "./protobuf.ts";
import { streamExportRequest } from "./protobuf-span-stream.ts";
import type { OtlpSpan } from "./span.ts";

/** All groups, spans in arrays. */
function readAll(body: Uint8Array) {
  return Array.from(streamExportRequest(body), (group) => ({ ...group, spans: Array.from(group.spans) }));
}

/** What a decoder makes of a body: its groups, or the code of its refusal. */
function outcomeOf(decode: (body: Uint8Array) => unknown, body: Uint8Array) {
  try {
    return { groups: decode(body) };
  } catch (error) {
    if (error instanceof SightlineError) return { refused: error.code };
    throw error;
  }
}

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const time = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const attributes = fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean(), fc.double(), fc.array(text)), {
  maxKeys: 4,
  noNullPrototype: true,
});
const id = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => Buffer.from(value).toString("hex"));
const span: fc.Arbitrary<OtlpSpan> = fc.record({
  traceId: id(16),
  spanId: id(8),
  parentSpanId: fc.oneof(id(8), fc.constant("")),
  name: text,
  kind: fc.integer({ min: 0, max: 5 }),
  startTimeUnixNano: time,
  endTimeUnixNano: time,
  statusCode: fc.integer({ min: 0, max: 2 }),
  statusMessage: text,
  attributes,
  events: fc.array(fc.record({ name: text, timeUnixNano: time, attributes }), { maxLength: 2 }),
  links: fc.array(fc.record({ traceId: id(16), spanId: id(8), attributes }), { maxLength: 2 }),
});
const request = fc.array(
  fc.record({
    resource: attributes,
    scope: fc.record({ name: text, version: text }),
    spans: fc.array(span, { maxLength: 5 }),
  }),
  { maxLength: 4 },
);

test("spans come as the decoder of whole requests gives them", () => {
  fc.assert(
    fc.property(request, (groups) => {
      const body = encodeExportRequest(groups);
      expect(readAll(body)).toEqual(decodeExportRequest(body));
    }),
    { numRuns: 200 },
  );
});

test("a body that is cut is refused exactly where the whole decoder refuses it", () => {
  fc.assert(
    fc.property(request, fc.nat(), (groups, cut) => {
      const whole = encodeExportRequest(groups);
      const body = whole.subarray(0, cut % (whole.length + 1));
      const message = (decode: () => unknown) => {
        try {
          return decode();
        } catch (error) {
          return (error as Error).message;
        }
      };
      expect(message(() => readAll(body))).toEqual(message(() => decodeExportRequest(body)));
    }),
    { numRuns: 300 },
  );
});

test("bodies with wrong bytes are refused, or read, as by the whole decoder", () => {
  fc.assert(
    fc.property(
      request,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (groups, damage) => {
        const body = encodeExportRequest(groups);
        for (const [at, byte] of damage) if (body.length > 0) body[at % body.length] = byte;
        expect(outcomeOf(readAll, body)).toEqual(outcomeOf(decodeExportRequest, body));
      },
    ),
    { numRuns: 1000 },
  );
});

/** A length-delimited field. */
function field(number: number, content: readonly number[]): number[] {
  return [number * 8 + 2, content.length, ...content];
}
const keyValue = (key: string, value: string) => [
  ...field(1, [...Buffer.from(key)]),
  ...field(2, field(1, [...Buffer.from(value)])),
];

test("a resource and a scope that stand behind their spans, in two parts, hold for all of them", () => {
  const named = (name: string) => field(2, field(5, [...Buffer.from(name)]));
  const scopeSpans = [
    ...named("a"),
    ...field(1, field(1, [...Buffer.from("lib")])),
    ...named("b"),
    ...field(1, field(2, [...Buffer.from("1.0")])),
  ];
  const body = Uint8Array.from(
    field(1, [
      ...field(2, scopeSpans),
      ...field(1, field(1, keyValue("service.name", "s"))),
      ...field(2, named("c")),
      ...field(1, field(1, keyValue("host", "h"))),
    ]),
  );
  const groups = readAll(body);
  expect(groups).toEqual(decodeExportRequest(body));
  expect(
    groups.map(({ resource, scope, spans }) => ({ resource, scope, names: spans.map(({ name }) => name) })),
  ).toEqual([
    { resource: { "service.name": "s", host: "h" }, scope: { name: "lib", version: "1.0" }, names: ["a", "b"] },
    { resource: { "service.name": "s", host: "h" }, scope: { name: "", version: "" }, names: ["c"] },
  ]);
});

test("groups whose spans nobody walks are passed over", () => {
  const one = (name: string) => ({ resource: {}, scope: { name, version: "" }, spans: [] });
  const scopes = Array.from(streamExportRequest(encodeExportRequest([one("a"), one("b")])), ({ scope }) => scope.name);
  expect(scopes).toEqual(["a", "b"]);
});

test("spans before a defect are given before the refusal", () => {
  const good = field(2, field(5, [0x61]));
  const bad = field(2, [0x2a, 9, 0x61]);
  const names: string[] = [];
  const walk = () => {
    for (const { spans } of streamExportRequest(Uint8Array.from(field(1, field(2, [...good, ...bad]))))) {
      for (const { name } of spans) names.push(name);
    }
  };
  expect(walk).toThrow("runs past the end");
  expect(names).toEqual(["a"]);
});

test("a body of empty spans is refused when it has too many", () => {
  const spans = new Uint8Array(2 * MAX_MESSAGES).map((_, i) => (i % 2 === 0 ? 0x12 : 0));
  const varint = (value: number) => [(value & 0x7f) | 0x80, ((value >> 7) & 0x7f) | 0x80, value >> 14];
  const inner = [0x12, ...varint(spans.length)];
  const body = Uint8Array.from([0x0a, ...varint(spans.length + inner.length), ...inner, ...spans]);
  const walk = () => {
    for (const { spans } of streamExportRequest(body)) for (const { name } of spans) if (name !== "") return;
  };
  expect(walk).toThrow("more than 500000 spans, events and links");
});
