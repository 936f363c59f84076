/**
 * Both codecs against OpenTelemetry's own, in both directions, on random spans; then against damaged and hostile bodies.
 *
 * Official in the direction "they write, we read": the serializers of @opentelemetry/otlp-transformer 0.220. Official in the
 * direction "we write, they read": the generated protobuf decoder of release 0.214, as later ones only write. Nobody publishes a reader of OTLP/JSON requests for JavaScript; there the JSON itself is compared.
 */
import { createRequire } from "node:module";
import type { HrTime } from "@opentelemetry/api";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SightlineError } from "../errors.ts";
import {
  decodeExportRequestJson,
  decodeExportResponseJson,
  encodeExportRequestJson,
  encodeExportResponseJson,
} from "./json.ts";
import { decodeExportRequest, decodeExportResponse, encodeExportRequest, encodeExportResponse } from "./protobuf.ts";
import type { Attributes, AttributeValue, ExportTraceRequest, OtlpSpan } from "./span.ts";

const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: digits, maxLength: digits });
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.constantFrom("", "\ufeffbom", "\0", "x".repeat(5000), "é".repeat(3000), "__proto__", "constructor"),
);
const time = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

/** Integers outside ±2^53 are bigints, others numbers: the one form of each value. */
function normalInt(value: bigint): number | bigint {
  const rounded = Number(value);
  return Number.isSafeInteger(rounded) ? rounded : value;
}

const value = fc.letrec<{ value: AttributeValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text,
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    int64.map(normalInt),
    fc.double(),
    fc.constantFrom<AttributeValue>(0, -0, -1, Number.NaN, 1e300, 2 ** 53, null),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;
const attributes: fc.Arbitrary<Attributes> = fc.dictionary(text, value, { maxKeys: 6, noNullPrototype: true });

const span: fc.Arbitrary<OtlpSpan> = fc.record({
  traceId: hex(32),
  spanId: hex(16),
  parentSpanId: fc.oneof(hex(16), fc.constant("")),
  name: text,
  kind: fc.integer({ min: 0, max: 5 }),
  startTimeUnixNano: time,
  endTimeUnixNano: time,
  statusCode: fc.integer({ min: 0, max: 2 }),
  statusMessage: text,
  attributes,
  events: fc.array(fc.record({ name: text, timeUnixNano: time, attributes }), { maxLength: 3 }),
  links: fc.array(fc.record({ traceId: hex(32), spanId: hex(16), attributes }), { maxLength: 3 }),
});
const request: fc.Arbitrary<ExportTraceRequest> = fc.array(
  fc.record({
    resource: attributes,
    scope: fc.record({ name: text, version: text }),
    spans: fc.array(span, { maxLength: 4 }),
  }),
  { maxLength: 3 },
);

const utf8 = new TextDecoder();
const codecs = [
  {
    name: "protobuf",
    encode: encodeExportRequest,
    decode: (body: Uint8Array) => decodeExportRequest(body),
    officialWrite: (spans: ReadableSpan[]) => ProtobufTraceSerializer.serializeRequest(spans),
    /** What the official writer makes of a double that is not finite. */
    notFinite: (double: number): AttributeValue => double,
    encodeResponse: encodeExportResponse,
    decodeResponse: decodeExportResponse,
    officialResponse: (body: Uint8Array) => ProtobufTraceSerializer.deserializeResponse(body),
  },
  {
    name: "JSON",
    encode: (groups: ExportTraceRequest) => new TextEncoder().encode(encodeExportRequestJson(groups)),
    decode: (body: Uint8Array) => decodeExportRequestJson(JSON.parse(utf8.decode(body))),
    officialWrite: (spans: ReadableSpan[]) => JsonTraceSerializer.serializeRequest(spans),
    notFinite: (): AttributeValue => null,
    encodeResponse: (partial?: { rejectedSpans: number; errorMessage: string }) =>
      new TextEncoder().encode(encodeExportResponseJson(partial)),
    decodeResponse: (body: Uint8Array) => decodeExportResponseJson(JSON.parse(utf8.decode(body))),
    officialResponse: (body: Uint8Array) => JsonTraceSerializer.deserializeResponse(body),
  },
];

describe.each(codecs)("$name", (codec) => {
  test("what is written is read back unchanged", () => {
    fc.assert(
      fc.property(request, (groups) => {
        expect(codec.decode(codec.encode(groups))).toEqual(groups);
      }),
      { numRuns: 150 },
    );
  });

  test("what OpenTelemetry's exporter writes is read", () => {
    fc.assert(
      fc.property(
        fc.array(span, { minLength: 1, maxLength: 4 }),
        attributes,
        text,
        text,
        (spans, resource, name, version) => {
          const shared = { resource: { attributes: asGiven(resource) }, instrumentationScope: { name, version } };
          const body = codec.officialWrite(spans.map((one) => readableSpan(one, shared)));
          const expected = {
            resource: asWritten(resource, codec.notFinite),
            scope: { name, version },
            spans: spans.map((one) => ({
              ...one,
              attributes: asWritten(one.attributes, codec.notFinite),
              events: one.events.map((event) => ({
                ...event,
                attributes: asWritten(event.attributes, codec.notFinite),
              })),
              links: one.links.map((link) => ({ ...link, attributes: asWritten(link.attributes, codec.notFinite) })),
            })),
          };
          expect(codec.decode(body as Uint8Array)).toEqual([expected]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("the response is empty when all was accepted, and OpenTelemetry's exporter reads it when not", () => {
    expect(utf8.decode(codec.encodeResponse())).toBe(codec.name === "JSON" ? "{}" : "");
    expect(codec.decodeResponse(codec.encodeResponse())).toBeUndefined();
    const partial = { rejectedSpans: 3, errorMessage: "ünï" };
    const body = codec.encodeResponse(partial);
    expect(codec.decodeResponse(body)).toEqual(partial);
    const read = codec.officialResponse(body).partialSuccess;
    // Their JSON reader hands over the document, in which a 64-bit integer is a string.
    expect({ ...read, rejectedSpans: Number(read?.rejectedSpans) }).toEqual(partial);
    expect(codec.decodeResponse(codec.encodeResponse({ rejectedSpans: 0, errorMessage: "slow down" }))).toEqual({
      rejectedSpans: 0,
      errorMessage: "slow down",
    });
  });

  test("a damaged body is refused with OTLP_MALFORMED or read, never anything else", () => {
    fc.assert(
      fc.property(request, fc.nat(), fc.nat(255), fc.nat(), (groups, at, byte, cut) => {
        const body = codec.encode(groups);
        if (body.length === 0) return;
        const flipped = Uint8Array.from(body);
        flipped[at % body.length] = byte;
        readOrRefuse(codec, flipped);
        readOrRefuse(codec, body.subarray(0, cut % body.length));
      }),
      { numRuns: 300 },
    );
  });

  test("values nested too deep are refused", () => {
    let deep: AttributeValue = 1;
    for (let i = 0; i < 64; i++) deep = [deep];
    const groups = (nested: AttributeValue) => [{ resource: { nested }, scope: { name: "", version: "" }, spans: [] }];
    expect(codec.decode(codec.encode(groups(deep)))).toEqual(groups(deep));
    // One more level is written as its JSON text, so that no receiver refuses the request for it.
    let innermost = codec.decode(codec.encode(groups([deep])))[0]?.resource["nested"];
    for (let i = 0; i < 64; i++) innermost = (innermost as readonly AttributeValue[])[0];
    expect(innermost).toBe("[1]");
  });
});

/** JSON.parse stands between a body and the JSON codec; what it refuses does not reach us. */
function readOrRefuse(codec: (typeof codecs)[number], body: Uint8Array): void {
  try {
    codec.decode(body);
  } catch (error) {
    if (codec.name === "JSON" && error instanceof SyntaxError) return;
    expect(error).toBeInstanceOf(SightlineError);
    expect(error).toMatchObject({ code: "OTLP_MALFORMED", status: 400 });
  }
}

test("OpenTelemetry's generated decoder reads the protobuf that we write", () => {
  fc.assert(
    fc.property(request, (groups) => {
      expect(readOfficially(encodeExportRequest(groups))).toEqual(groups);
    }),
    { numRuns: 150 },
  );
});

test("our JSON is the official JSON, but for 64-bit integers as strings and fields we do not keep", () => {
  const one: OtlpSpan = {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    parentSpanId: "00f067aa0ba902b7",
    name: "chat",
    kind: 3,
    startTimeUnixNano: 1_795_000_000_000_000_001n,
    endTimeUnixNano: 1_795_000_001_000_000_001n,
    statusCode: 2,
    statusMessage: "bad",
    attributes: { s: "x", i: 7, d: 0.5, b: true, bytes: new Uint8Array([1, 2, 255]), list: [1, "a"], map: { k: null } },
    events: [{ name: "e", timeUnixNano: 5n, attributes: { a: 1 } }],
    links: [{ traceId: "1af7651916cd43dd8448eb211c80319c", spanId: "c7ad6b7169203331", attributes: {} }],
  };
  const shared = {
    resource: { attributes: { "service.name": "s" } },
    instrumentationScope: { name: "n", version: "1" },
  };
  const theirs = JSON.parse(
    utf8.decode(JsonTraceSerializer.serializeRequest([readableSpan(one, shared)])),
    (key, item) =>
      key.startsWith("dropped") || key === "flags" ? undefined : key === "intValue" ? String(item) : item,
  );
  const ours = encodeExportRequestJson([
    { resource: { "service.name": "s" }, scope: { name: "n", version: "1" }, spans: [one] },
  ]);
  expect(JSON.parse(ours)).toEqual(theirs);
});

test("random bytes are refused with OTLP_MALFORMED or hold no spans", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      readOrRefuse(codecs[0] as (typeof codecs)[number], Uint8Array.from(bytes));
    }),
    { numRuns: 2000 },
  );
});

test("any JSON under the names of OTLP is refused with OTLP_MALFORMED or read", () => {
  const names = fc.constantFrom(
    ..."resourceSpans resource scopeSpans scope spans attributes key value stringValue intValue doubleValue boolValue arrayValue kvlistValue values bytesValue events links status code kind traceId startTimeUnixNano".split(
      " ",
    ),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 12, depthSize: "large" },
      fc.jsonValue({ maxDepth: 1 }),
      fc.dictionary(names, tie("tree"), { maxKeys: 5 }),
      fc.array(tie("tree"), { maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(tree, (body) => {
      try {
        decodeExportRequestJson(body);
      } catch (error) {
        expect(error).toMatchObject({ name: "SightlineError", code: "OTLP_MALFORMED" });
      }
    }),
    { numRuns: 1000 },
  );
});

/** An OpenTelemetry SDK span with the same content; only what the serializers read. */
function readableSpan(one: OtlpSpan, shared: object): ReadableSpan {
  const hrTime = (nanos: bigint): HrTime => [Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n)];
  const fields = {
    name: one.name,
    kind: one.kind === 0 ? undefined : one.kind - 1,
    spanContext: () => ({ traceId: one.traceId, spanId: one.spanId, traceFlags: 1 }),
    parentSpanContext:
      one.parentSpanId === "" ? undefined : { traceId: one.traceId, spanId: one.parentSpanId, traceFlags: 1 },
    startTime: hrTime(one.startTimeUnixNano),
    endTime: hrTime(one.endTimeUnixNano),
    status: { code: one.statusCode, message: one.statusMessage },
    attributes: asGiven(one.attributes),
    events: one.events.map((event) => ({
      name: event.name,
      time: hrTime(event.timeUnixNano),
      attributes: asGiven(event.attributes),
      droppedAttributesCount: 2,
    })),
    links: one.links.map(({ traceId, spanId, attributes }) => ({
      context: { traceId, spanId, traceFlags: 1 },
      attributes: asGiven(attributes),
    })),
    droppedAttributesCount: 1,
    droppedEventsCount: 0,
    droppedLinksCount: 300,
    ...shared,
  };
  return fields as unknown as ReadableSpan;
}

/** OpenTelemetry's SDK has no bigint: it holds large integers as numbers, which is where they lose digits. */
function asGiven(given: Attributes): Record<string, unknown> {
  return mapValues(given, (item) => (typeof item === "bigint" ? Number(item) : item)) as Record<string, unknown>;
}

/** What is on the wire after OpenTelemetry's serializers wrote the values of {@link asGiven}. */
function asWritten(given: Attributes, notFinite: (double: number) => AttributeValue): Attributes {
  const written = (item: AttributeValue): AttributeValue => {
    const number = typeof item === "bigint" ? Number(item) : item;
    if (typeof number !== "number") return number;
    if (!Number.isFinite(number)) return notFinite(number);
    if (!Number.isInteger(number) || Math.abs(number) > 2 ** 63 || number === 2 ** 63) return number;
    return normalInt(BigInt(number));
  };
  return mapValues(given, written) as Attributes;
}

function mapValues(item: AttributeValue, map: (leaf: AttributeValue) => AttributeValue): AttributeValue {
  if (item === null || typeof item !== "object" || item instanceof Uint8Array) return map(item);
  if (Array.isArray(item)) return item.map((inner) => mapValues(inner, map));
  const entries = Object.entries(item).map(([key, inner]) => [key, mapValues(inner, map)] as const);
  return Object.fromEntries(entries);
}

interface OfficialAnyValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: { toString(): string };
  doubleValue?: number;
  arrayValue?: { values: OfficialAnyValue[] };
  kvlistValue?: { values: OfficialKeyValue[] };
  bytesValue?: Uint8Array;
}
interface OfficialKeyValue {
  key: string;
  value?: OfficialAnyValue | null;
}
interface OfficialSpan {
  traceId: Uint8Array;
  spanId: Uint8Array;
  parentSpanId: Uint8Array;
  name: string;
  kind: number;
  startTimeUnixNano: { toString(): string };
  endTimeUnixNano: { toString(): string };
  attributes: OfficialKeyValue[];
  events: { name: string; timeUnixNano: { toString(): string }; attributes: OfficialKeyValue[] }[];
  links: { traceId: Uint8Array; spanId: Uint8Array; attributes: OfficialKeyValue[] }[];
  status?: { message?: string; code?: number } | null;
}
interface OfficialRequest {
  resourceSpans: {
    resource?: { attributes: OfficialKeyValue[] } | null;
    scopeSpans: { scope?: { name?: string; version?: string } | null; spans: OfficialSpan[] }[];
  }[];
}

const requireOfficial = createRequire(import.meta.resolve("otlp-transformer-0214/package.json"));
const { opentelemetry } = requireOfficial("./build/src/generated/root.js");
const protobufjs = requireOfficial("protobufjs/minimal");
// Without this protobufjs reads 64-bit integers as rounded numbers.
const long = requireOfficial("long");
protobufjs.util.Long = long.default ?? long;
protobufjs.configure();

/** Reads with OpenTelemetry's generated code (protobufjs); absent fields are null or undefined there. */
function readOfficially(body: Uint8Array): ExportTraceRequest {
  const read: OfficialRequest = opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest.decode(body);
  return read.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.map(({ scope, spans }) => ({
      resource: fromKeyValues(resource?.attributes ?? []),
      scope: { name: scope?.name ?? "", version: scope?.version ?? "" },
      spans: spans.map((one) => ({
        traceId: toHex(one.traceId),
        spanId: toHex(one.spanId),
        parentSpanId: toHex(one.parentSpanId),
        name: one.name ?? "",
        kind: one.kind ?? 0,
        startTimeUnixNano: BigInt(one.startTimeUnixNano?.toString() ?? 0),
        endTimeUnixNano: BigInt(one.endTimeUnixNano?.toString() ?? 0),
        statusCode: one.status?.code ?? 0,
        statusMessage: one.status?.message ?? "",
        attributes: fromKeyValues(one.attributes),
        events: one.events.map((event) => ({
          name: event.name ?? "",
          timeUnixNano: BigInt(event.timeUnixNano?.toString() ?? 0),
          attributes: fromKeyValues(event.attributes),
        })),
        links: one.links.map((link) => ({
          traceId: toHex(link.traceId),
          spanId: toHex(link.spanId),
          attributes: fromKeyValues(link.attributes),
        })),
      })),
    })),
  );
}

function fromKeyValues(pairs: OfficialKeyValue[]): Attributes {
  return Object.fromEntries(pairs.map(({ key, value }) => [key ?? "", fromAnyValue(value ?? {})]));
}

function fromAnyValue(any: OfficialAnyValue): AttributeValue {
  if (any.stringValue != null) return any.stringValue;
  if (any.boolValue != null) return any.boolValue;
  if (any.intValue != null) return normalInt(BigInt(any.intValue.toString()));
  if (any.doubleValue != null) return any.doubleValue;
  if (any.bytesValue != null) return Uint8Array.from(any.bytesValue);
  if (any.arrayValue != null) return any.arrayValue.values.map(fromAnyValue);
  return any.kvlistValue == null ? null : fromKeyValues(any.kvlistValue.values);
}

function toHex(bytes: Uint8Array | null | undefined): string {
  return Array.from(bytes ?? [], (byte) => byte.toString(16).padStart(2, "0")).join("");
}
