import type { OtlpSpan } from "@sightline/wire/otlp/span";
import { expect, test } from "vitest";
import { isRoot, refusalOf } from "./span-rules.ts";

const good: OtlpSpan = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentSpanId: "",
  name: "span",
  kind: 1,
  startTimeUnixNano: 1_795_000_000_000_000_000n,
  endTimeUnixNano: 0n,
  statusCode: 0,
  statusMessage: "",
  attributes: {},
  events: [],
  links: [],
};

test("a running root span is kept", () => {
  expect(refusalOf(good)).toBeUndefined();
  expect(
    refusalOf({ ...good, parentSpanId: "b7ad6b7169203332", endTimeUnixNano: 4_294_967_295_999_999_999n }),
  ).toBeUndefined();
});

test("a span that ends before it starts is kept: clocks are set back", () => {
  expect(refusalOf({ ...good, endTimeUnixNano: 1n })).toBeUndefined();
});

test("what cannot be kept is refused with the reason", () => {
  const bad: Partial<OtlpSpan>[] = [
    { traceId: "" },
    { traceId: "0".repeat(32) },
    { traceId: "0AF7651916CD43DD8448EB211C80319C" },
    { spanId: "0000000000000000" },
    { parentSpanId: "abc" },
    { parentSpanId: good.spanId },
    { startTimeUnixNano: 0n },
    { startTimeUnixNano: 2n ** 63n },
    { endTimeUnixNano: 2n ** 64n - 1n },
    { name: "n".repeat(4097) },
    { attributes: Object.fromEntries(Array.from({ length: 20_001 }, (_, index) => [`k${index}`, 1])) },
    { events: Array.from({ length: 50_001 }, () => ({ name: "e", timeUnixNano: 1n, attributes: {} })) },
    { links: Array.from({ length: 10_001 }, () => ({ traceId: good.traceId, spanId: good.spanId, attributes: {} })) },
  ];
  expect(bad.map((part) => refusalOf({ ...good, ...part })).join("\n")).toMatchInlineSnapshot(`
    "trace id "" is not 32 hex digits, not all 0
    trace id "00000000000000000000000000000000" is not 32 hex digits, not all 0
    trace id "0AF7651916CD43DD8448EB211C80319C" is not 32 hex digits, not all 0
    span id "0000000000000000" is not 16 hex digits, not all 0
    parent span id "abc" is not 16 hex digits
    it names itself as its parent
    start time 0 is not in nanoseconds since 1970, or is after 2106
    start time 9223372036854775808 is not in nanoseconds since 1970, or is after 2106
    end time 18446744073709551615 is not in nanoseconds since 1970, or is after 2106
    it has 4097 characters in its name, the limit is 4096
    it has 20001 attributes, the limit is 20000
    it has 50001 events, the limit is 50000
    it has 10001 links, the limit is 10000"
  `);
});

test("a parent of zeros is no parent", () => {
  expect(isRoot({ ...good, parentSpanId: "0000000000000000" })).toBe(true);
  expect(isRoot({ ...good, parentSpanId: "b7ad6b7169203332" })).toBe(false);
  expect(refusalOf({ ...good, parentSpanId: "0000000000000000" })).toBeUndefined();
});
