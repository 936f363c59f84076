import { expect, test } from "vitest";
import {
  baggageValue,
  checkTraceState,
  formatBaggage,
  formatTraceParent,
  parseBaggage,
  parseTraceParent,
} from "./w3c.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";

test("traceparent is read and written", () => {
  const text = `00-${traceId}-${spanId}-01`;
  const parent = parseTraceParent(text);
  expect(parent).toEqual({ traceId, spanId, isSampled: true });
  expect(formatTraceParent(parent!)).toBe(text);
  expect(parseTraceParent(` ${text}\t`)).toEqual(parent);
});

test("the sampled flag is one bit among others", () => {
  expect(parseTraceParent(`00-${traceId}-${spanId}-00`)?.isSampled).toBe(false);
  expect(parseTraceParent(`00-${traceId}-${spanId}-02`)?.isSampled).toBe(false);
  expect(parseTraceParent(`00-${traceId}-${spanId}-ff`)?.isSampled).toBe(true);
  expect(formatTraceParent({ traceId, spanId, isSampled: false })).toBe(`00-${traceId}-${spanId}-00`);
});

test("later versions may be longer, version 00 may not", () => {
  expect(parseTraceParent(`cc-${traceId}-${spanId}-01-what-the-future-brings`)).toEqual({
    traceId,
    spanId,
    isSampled: true,
  });
  expect(parseTraceParent(`cc-${traceId}-${spanId}-01.what`)).toBeUndefined();
  expect(parseTraceParent(`00-${traceId}-${spanId}-01-more`)).toBeUndefined();
});

test.for([
  "",
  "garbage",
  `ff-${traceId}-${spanId}-01`,
  `00-${"0".repeat(32)}-${spanId}-01`,
  `00-${traceId}-${"0".repeat(16)}-01`,
  `00-${traceId.toUpperCase()}-${spanId}-01`,
  `00-${traceId}-${spanId}-1`,
  `00-${traceId}-${spanId}`,
  `00-${traceId}-${spanId}-01,00-${traceId}-${spanId}-01`,
  `0-${traceId}-${spanId}-01`,
])("traceparent %j is malformed", (text) => {
  expect(parseTraceParent(text)).toBeUndefined();
});

test("tracestate is handed on without its empty members", () => {
  expect(checkTraceState("rojo=00f067aa0ba902b7, ,congo=t61rcWkgMzE,")).toBe("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
  expect(checkTraceState("fw529a3039@dt=FfQAAAAHYnUAAA==")).toBeUndefined(); // "=" is not for values
  expect(checkTraceState("fw529a3039@dt=FfQ AAA;AH")).toBe("fw529a3039@dt=FfQ AAA;AH");
  expect(checkTraceState(" , ")).toBe("");
});

test("tracestate is dropped as a whole when a member is malformed, comes twice, or there are more than 32", () => {
  expect(checkTraceState("rojo=1,=2")).toBeUndefined();
  expect(checkTraceState("Rojo=1")).toBeUndefined();
  expect(checkTraceState("rojo=1,rojo=2")).toBeUndefined();
  expect(checkTraceState("rojo")).toBeUndefined();
  const members = Array.from({ length: 33 }, (_, index) => `k${index}=v`);
  expect(checkTraceState(members.slice(0, 32).join(","))).toBe(members.slice(0, 32).join(","));
  expect(checkTraceState(members.join(","))).toBeUndefined();
});

test("baggage is read member by member, and what is malformed is counted", () => {
  const { members, dropped } = parseBaggage("userId=al%C3%AFce , isProduction = false;p=1,broken,ä=1,lone=%");
  expect([...members]).toEqual([
    ["userId", "userId=al%C3%AFce"],
    ["isProduction", "isProduction = false;p=1"],
    ["lone", "lone=%"],
  ]);
  expect(dropped).toBe(2);
  expect(baggageValue(members, "userId")).toBe("alïce");
  expect(baggageValue(members, "isProduction")).toBe("false");
  expect(baggageValue(members, "lone")).toBeUndefined();
  expect(baggageValue(members, "none")).toBeUndefined();
});

test("any text comes through baggage, beside members of others", () => {
  const session = 'a, b; "c" = ü\n\\';
  const { members } = parseBaggage("tenant=t1;p=2,session.id=old");
  const text = formatBaggage(members, { "session.id": session, "user.id": undefined });
  expect(text).toMatch(/^session\.id=[!-~]+,tenant=t1;p=2$/);
  expect(baggageValue(parseBaggage(text).members, "session.id")).toBe(session);
});

test("no more than 64 members and 8,192 bytes of baggage are handed on", () => {
  const many = Array.from({ length: 70 }, (_, index) => `k${index}=v`).join(",");
  expect(parseBaggage(many)).toMatchObject({ dropped: 6 });
  const long = parseBaggage(`a=${"x".repeat(8000)},b=${"y".repeat(1000)},c=1`);
  expect([...long.members.keys()]).toEqual(["a", "c"]);
  expect(formatBaggage(long.members, { "session.id": "s".repeat(500) }).length).toBeLessThanOrEqual(8192);
});
