import { expect, test } from "vitest";
import { SightlineError } from "../errors.ts";
import { decodeExportRequestJson, encodeExportRequestJson } from "./json.ts";
import { MAX_MESSAGES } from "./messages.ts";

function spanOf(span: unknown) {
  return decodeExportRequestJson({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })[0]?.spans[0];
}

function refusal(body: unknown): string {
  try {
    decodeExportRequestJson(body);
  } catch (error) {
    if (error instanceof SightlineError && error.code === "OTLP_MALFORMED") return error.message;
    throw error;
  }
  throw new Error("the body was read");
}

function refusalOfSpan(span: unknown): string {
  return refusal({ resourceSpans: [{ scopeSpans: [{ spans: [{}, span] }] }] }).replace(/ See .*/, "");
}

test("the example of the OTLP specification is read", () => {
  const body = {
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "my.service" } }] },
        scopeSpans: [
          {
            scope: { name: "my.library", version: "1.0.0", attributes: [{ key: "a", value: { stringValue: "b" } }] },
            spans: [
              {
                traceId: "5B8EFFF798038103D269B633813FC60C",
                spanId: "EEE19B7EC3C1B174",
                parentSpanId: "EEE19B7EC3C1B173",
                name: "I'm a server span",
                startTimeUnixNano: "1544712660000000000",
                endTimeUnixNano: "1544712661000000000",
                kind: 2,
                attributes: [{ key: "my.span.attr", value: { stringValue: "some value" } }],
              },
            ],
          },
        ],
      },
    ],
  };
  expect(decodeExportRequestJson(body)).toEqual([
    {
      resource: { "service.name": "my.service" },
      scope: { name: "my.library", version: "1.0.0" },
      spans: [
        {
          traceId: "5b8efff798038103d269b633813fc60c",
          spanId: "eee19b7ec3c1b174",
          parentSpanId: "eee19b7ec3c1b173",
          name: "I'm a server span",
          kind: 2,
          startTimeUnixNano: 1544712660000000000n,
          endTimeUnixNano: 1544712661000000000n,
          statusCode: 0,
          statusMessage: "",
          attributes: { "my.span.attr": "some value" },
          events: [],
          links: [],
        },
      ],
    },
  ]);
});

test("snake_case, names of enums, numbers as text and null are read", () => {
  const [group] = decodeExportRequestJson({
    resource_spans: [
      {
        resource: null,
        scope_spans: [
          {
            spans: [
              {
                trace_id: "ab",
                start_time_unix_nano: "7",
                end_time_unix_nano: 8,
                kind: "SPAN_KIND_CLIENT",
                status: { code: "STATUS_CODE_ERROR", message: null },
                attributes: [
                  { key: "i", value: { int_value: "-9223372036854775808" } },
                  { key: "d", value: { double_value: "Infinity" } },
                  { key: "l", value: { array_value: { values: [{ bool_value: false }, {}, null] } } },
                  { key: "m", value: { kvlist_value: { values: [{ key: "k", value: { bytes_value: "-_8=" } }] } } },
                  { key: "n", value: null },
                ],
                events: null,
                unknown_field: [{}],
              },
            ],
          },
        ],
      },
    ],
  });
  expect(group?.spans[0]).toMatchObject({
    traceId: "ab",
    startTimeUnixNano: 7n,
    endTimeUnixNano: 8n,
    kind: 3,
    statusCode: 2,
    statusMessage: "",
    attributes: {
      i: -(2n ** 63n),
      d: Number.POSITIVE_INFINITY,
      l: [false, null, null],
      m: { k: new Uint8Array([0xfb, 0xff]) },
      n: null,
    },
    events: [],
  });
});

test("refusals name the field and what is wrong there", () => {
  expect(refusal([])).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in JSON: the whole must be an object, not an array. See https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding."`,
  );
  expect(refusal({ resourceSpans: [{ scopeSpans: {} }] })).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in JSON: resourceSpans[0].scopeSpans must be an array, not an object. See https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding."`,
  );
  expect(refusalOfSpan({ name: 5 })).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in JSON: resourceSpans[0].scopeSpans[0].spans[1].name must be a string, not 5."`,
  );
  expect(refusalOfSpan({ startTimeUnixNano: "yesterday" })).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in JSON: resourceSpans[0].scopeSpans[0].spans[1].startTimeUnixNano must be a whole number, not "yesterday"."`,
  );
  expect(refusalOfSpan({ startTimeUnixNano: -1 })).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in JSON: resourceSpans[0].scopeSpans[0].spans[1].startTimeUnixNano does not fit in 64 bits without a sign: -1."`,
  );
  expect(refusalOfSpan({ kind: "CLIENT" })).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in JSON: resourceSpans[0].scopeSpans[0].spans[1].kind must be a number or one of SPAN_KIND_UNSPECIFIED, SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, SPAN_KIND_CLIENT, SPAN_KIND_PRODUCER, SPAN_KIND_CONSUMER, not "CLIENT"."`,
  );
  expect(refusalOfSpan({ attributes: [{ key: "a", value: { intValue: 1.5 } }] })).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in JSON: resourceSpans[0].scopeSpans[0].spans[1].attributes[0].value.intValue must be a whole number, not 1.5."`,
  );
  expect(
    refusalOfSpan({ attributes: [{ key: "a", value: { intValue: "9223372036854775808" } }] }),
  ).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in JSON: resourceSpans[0].scopeSpans[0].spans[1].attributes[0].value.intValue does not fit in 64 bits: "9223372036854775808"."`,
  );
  expect(
    refusalOfSpan({ attributes: [{ key: "a", value: { arrayValue: { values: [{ bytesValue: "§" }] } } }] }),
  ).toMatchInlineSnapshot(
    `"The body is not an OTLP trace export request in JSON: resourceSpans[0].scopeSpans[0].spans[1].attributes[0].value.arrayValue.values[0].bytesValue must be base64, not "§"."`,
  );
});

test("values nested without end are refused before the stack is", () => {
  let value: unknown = { stringValue: "x" };
  for (let i = 0; i < 100_000; i++) value = { arrayValue: { values: [value] } };
  expect(refusalOfSpan({ attributes: [{ key: "a", value }] })).toContain("is nested more than 64 deep");
});

test("a body of empty spans is refused when it has too many", () => {
  expect(refusal({ resourceSpans: [{ scopeSpans: [{ spans: Array(MAX_MESSAGES).fill({}) }] }] })).toContain(
    "is one of more than 500000 spans, events and links",
  );
});

test("64-bit integers are written as strings, numbers that JSON lacks too", () => {
  const attributes = { int: 7, half: 0.5, nan: Number.NaN, minusZero: -0, none: null };
  const written = encodeExportRequestJson([{ resource: attributes, scope: { name: "", version: "" }, spans: [] }]);
  expect(JSON.parse(written).resourceSpans[0].resource.attributes).toEqual([
    { key: "int", value: { intValue: "7" } },
    { key: "half", value: { doubleValue: 0.5 } },
    { key: "nan", value: { doubleValue: "NaN" } },
    { key: "minusZero", value: { doubleValue: "-0" } },
    { key: "none", value: {} },
  ]);
});

test("of several variants of a value the last in the specification's order wins, and a key twice keeps the last value", () => {
  const attributes = [
    { key: "a", value: { intValue: 1, stringValue: "s" } },
    { key: "b", value: { intValue: 1 } },
    { key: "b", value: { intValue: 2 } },
  ];
  expect(spanOf({ attributes })?.attributes).toEqual({ a: 1, b: 2 });
});
