import { expect, test } from "vitest";
import { sampleSpan, spanId } from "../contract/samples.ts";
import type { KnownTrace } from "./known-trace.ts";
import { RecentTraces } from "./recent-traces.ts";
import { toSpanRow } from "./rows.ts";
import { SpanDigest } from "./span-digest.ts";

function trace(count: number): KnownTrace {
  const rows = Array.from({ length: count }, (_, index) =>
    toSpanRow(sampleSpan({ traceId: "t", spanId: spanId(index) })),
  );
  return { experimentId: "0", traceId: "t", spans: new Map(rows.map((row) => [row.spanId, row])), client: undefined };
}

test("a trace that is taken is forgotten until it is put back", () => {
  const recent = new RecentTraces();
  const two = trace(2);
  recent.put("a", two);
  expect(recent.take("a")).toBe(two);
  expect(recent.take("a")).toBeUndefined();
});

test("those used longest ago make room", () => {
  const recent = new RecentTraces(10);
  for (const id of ["a", "b", "c"]) recent.put(id, trace(3));
  recent.put("a", trace(4));
  recent.put("d", trace(3));
  expect(["a", "b", "c", "d"].filter((id) => recent.take(id) !== undefined)).toEqual(["a", "c", "d"]);
});

test("a trace larger than the whole room pushes nothing out", () => {
  const recent = new RecentTraces(10);
  recent.put("a", trace(3));
  recent.put("b", trace(11));
  expect(recent.take("b")).toBeUndefined();
  expect(recent.take("a")?.spans.size).toBe(3);
});

test("short traces that have ended push out each other, not the running ones", () => {
  const ended = (): KnownTrace => {
    const { spans, ...rest } = trace(500);
    const root = toSpanRow(sampleSpan({ traceId: "t", spanId: spanId(0), parentSpanId: "", endTimeUnixNano: 9n }));
    const all = new Map([...spans, [root.spanId, root]]);
    return { ...rest, spans: all, digest: new SpanDigest(all.values()) };
  };
  const recent = new RecentTraces();
  recent.put("running", trace(500));
  const ids = Array.from({ length: 40 }, (_, index) => `ended ${index}`);
  for (const id of ids) recent.put(id, ended());
  expect(recent.experimentOf("running")).toBe("0");
  expect(ids.filter((id) => recent.take(id) !== undefined)).toEqual(ids.slice(-20));
});
