import { expect, test } from "vitest";
import { sampleSpan, spanId } from "../contract/samples.ts";
import type { KnownTrace } from "./known-trace.ts";
import { RecentTraces } from "./recent-traces.ts";
import { toSpanRow } from "./rows.ts";

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
