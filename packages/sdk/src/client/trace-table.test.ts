/**
 * Traces as rows, and as `console.table` prints them.
 */
import { Console } from "node:console";
import { Writable } from "node:stream";
import type { Span } from "@sightline/wire/model/span";
import type { TraceInfo } from "@sightline/wire/model/trace";
import { expect, expectTypeOf, test } from "vitest";
import { Trace } from "./trace.ts";
import { type TraceRow, toTable } from "./trace-table.ts";

let count = 0;
function makeTrace(fields: Partial<TraceInfo> = {}, spans?: Span[]): Trace<readonly Span[] | undefined> {
  count += 1;
  return new Trace(
    {
      traceId: `tr-${String(count).padStart(32, "0")}`,
      experimentId: "0",
      name: "agent",
      state: "OK",
      requestTime: "2026-11-24T08:25:09.717123Z",
      durationMs: 12.5,
      requestPreview: "How is\n  the weather?",
      responsePreview: "Fine.",
      tags: { env: "prod", team: "a", region: "eu" },
      metadata: {},
      spanCount: 1,
      assessments: [],
      ...fields,
    },
    spans,
  );
}

function rootSpan(inputs: unknown): Span {
  const facts = { spanId: "00000000000000a1", name: "agent", spanType: "AGENT", status: { code: "OK" as const } };
  const times = { startTimeUnixNano: "1", endTimeUnixNano: "2" };
  return { ...facts, ...times, inputs, outputs: null, attributes: {}, events: [], links: [] };
}

test("a row has what one looks for, in one line, and the trace", () => {
  const trace = makeTrace();
  expect(toTable([trace])).toEqual([
    {
      traceId: trace.info.traceId,
      request: "How is the weather?",
      response: "Fine.",
      status: "OK",
      durationMs: 12.5,
      tags: { env: "prod", team: "a", region: "eu" },
      trace,
    },
  ]);
  expectTypeOf(toTable([trace])).toEqualTypeOf<TraceRow[]>();
  expect(toTable([])).toEqual([]);
});

test("a failed trace without an answer shows its error, one without a question nothing", () => {
  const { requestPreview, responsePreview, ...rest } = makeTrace().info;
  const failed = new Trace({ ...rest, state: "ERROR", errorPreview: "TimeoutError: too late" }, undefined);
  expect(toTable([failed])).toMatchObject([{ request: "", response: "TimeoutError: too late", status: "ERROR" }]);
});

test("texts are cut to a length, and not where it is infinite", () => {
  const trace = makeTrace({ requestPreview: "x".repeat(1000), responsePreview: "💡".repeat(100) });
  expect(toTable([trace])[0]).toMatchObject({ request: `${"x".repeat(79)}…`, response: `${"💡".repeat(39)}…` });
  expect(toTable([trace], { maxChars: Number.POSITIVE_INFINITY })[0]?.request).toHaveLength(1000);
});

test("of traces with the same field the first stays; texts are compared as a whole", () => {
  const same = "x".repeat(200);
  const traces = [
    makeTrace({ requestPreview: `${same}1`, tags: { a: "1", b: "2" } }),
    makeTrace({ requestPreview: `${same}2`, tags: { b: "2", a: "1" } }),
    makeTrace({ requestPreview: `${same}1`, tags: {}, durationMs: 1, sessionId: "s" }),
  ];
  const kept = (dropDuplicatesBy: Parameters<typeof toTable>[1] & object) =>
    toTable(traces, dropDuplicatesBy).map(({ trace }) => traces.indexOf(trace));
  expect(kept({ dropDuplicatesBy: "request" })).toEqual([0, 1]);
  expect(kept({ dropDuplicatesBy: "response" })).toEqual([0]);
  expect(kept({ dropDuplicatesBy: "tags" })).toEqual([0, 2]);
  expect(kept({ dropDuplicatesBy: "status" })).toEqual([0]);
  expect(kept({ dropDuplicatesBy: "durationMs" })).toEqual([0, 2]);
  expect(kept({ dropDuplicatesBy: "traceId" })).toEqual([0, 1, 2]);
  expect(kept({ dropDuplicatesBy: ({ info }) => info.sessionId })).toEqual([0, 2]);
  expect(kept({})).toEqual([0, 1, 2]);
});

test("with their spans, requests are compared by the whole inputs", () => {
  const traces = [{ q: 1 }, { q: 2 }, { q: 1 }].map((inputs) => makeTrace({}, [rootSpan(inputs)]));
  expect(toTable(traces, { dropDuplicatesBy: "request" }).map(({ trace }) => trace)).toEqual(traces.slice(0, 2));
});

test("console.table shows it readably", () => {
  count = 0;
  let printed = "";
  const stdout = new Writable({
    write(chunk, _, done) {
      printed += String(chunk);
      done();
    },
  });
  new Console({ stdout, colorMode: false }).table(toTable([makeTrace(), makeTrace({ tags: {} }, [])]));
  expect(printed.replaceAll("0".repeat(30), "0…0")).toMatchInlineSnapshot(`
    "┌─────────┬───────────────────────────────────────┬───────────────────────┬──────────┬────────┬────────────┬───────────────────────────┬──────────────────────────────────────────────────┐
    │ (index) │ traceId                               │ request               │ response │ status │ durationMs │ tags                      │ trace                                            │
    ├─────────┼───────────────────────────────────────┼───────────────────────┼──────────┼────────┼────────────┼───────────────────────────┼──────────────────────────────────────────────────┤
    │ 0       │ 'tr-0…001' │ 'How is the weather?' │ 'Fine.'  │ 'OK'   │ 12.5       │ env=prod team=a region=eu │ tr-0…001 (OK, 1 span) │
    │ 1       │ 'tr-0…002' │ 'How is the weather?' │ 'Fine.'  │ 'OK'   │ 12.5       │                           │ tr-0…002 (OK, 1 span) │
    └─────────┴───────────────────────────────────────┴───────────────────────┴──────────┴────────┴────────────┴───────────────────────────┴──────────────────────────────────────────────────┘
    "
  `);
});
