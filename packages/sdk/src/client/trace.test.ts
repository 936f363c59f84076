/**
 * Traces as objects: their JSON, their questions, how they print.
 */
import { inspect } from "node:util";
import type { Span } from "@sightline/wire/model/span";
import type { TraceInfo } from "@sightline/wire/model/trace";
import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { iterateTraces, searchTraces } from "./default-client.ts";
import type { TraceSearch } from "./search-traces.ts";
import { Trace, type TraceJson } from "./trace.ts";

const info: TraceInfo = {
  traceId: `tr-${"0a".repeat(16)}`,
  experimentId: "0",
  name: "agent",
  state: "OK",
  requestTime: "2026-11-24T08:25:09.717123Z",
  durationMs: 12.5,
  requestPreview: "How is the weather?",
  responsePreview: "Fine.",
  tags: {},
  metadata: {},
  spanCount: 3,
  assessments: [],
};

function makeSpan(fields: Partial<Span>): Span {
  return {
    spanId: "0000000000000001",
    name: "agent",
    spanType: "AGENT",
    startTimeUnixNano: "1795508709717123456",
    endTimeUnixNano: "1795508709729623456",
    status: { code: "OK" },
    inputs: null,
    outputs: null,
    attributes: {},
    events: [],
    links: [],
    ...fields,
  };
}

const root = makeSpan({ spanId: "00000000000000a1" });
const search = makeSpan({
  spanId: "00000000000000a2",
  parentSpanId: root.spanId,
  name: "search_web",
  spanType: "TOOL",
});
const fetched = makeSpan({ spanId: "00000000000000a3", parentSpanId: search.spanId, name: "fetch", spanType: "TOOL" });
const trace: Trace = new Trace(info, [root, search, fetched]);

/** Data as the API answers it: JSON of any shape in inputs, outputs and attributes. */
const traceJson: fc.Arbitrary<TraceJson> = (() => {
  const text = fc.string({ unit: "binary" });
  // -0 has no JSON.
  const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
  const texts = fc.dictionary(text, text, { noNullPrototype: true });
  const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
  const attributes = fc.dictionary(text, json, { noNullPrototype: true });
  const span = fc.record(
    {
      spanId: text,
      parentSpanId: text,
      name: text,
      spanType: text,
      startTimeUnixNano: fc.bigInt({ min: 0n }).map(String),
      endTimeUnixNano: fc.bigInt({ min: 0n }).map(String),
      status: fc.record({ code: fc.constantFrom("UNSET", "OK", "ERROR"), message: text }, { requiredKeys: ["code"] }),
      inputs: json,
      outputs: json,
      costUsd: number,
      attributes,
      events: fc.array(fc.record({ name: text, timeUnixNano: text, attributes })),
      links: fc.array(fc.record({ traceId: text, spanId: text, attributes })),
    },
    {
      requiredKeys: [
        ...(["spanId", "name", "spanType", "startTimeUnixNano", "endTimeUnixNano", "status"] as const),
        ...(["inputs", "outputs", "attributes", "events", "links"] as const),
      ],
    },
  );
  const infos = fc.record({ name: text, tags: texts, metadata: texts, durationMs: number, sessionId: text });
  const whole = fc.record(
    { info: infos.map((fields) => ({ ...info, ...fields })), spans: fc.array(span, { maxLength: 3 }) },
    { requiredKeys: ["info"] },
  );
  return whole as fc.Arbitrary<TraceJson>;
})();

describe("as JSON", () => {
  test("a trace comes back as it was, from its text and from its object", () => {
    fc.assert(
      fc.property(traceJson, (json) => {
        const original = new Trace(json.info, json.spans);
        for (const form of [JSON.stringify(original), JSON.parse(JSON.stringify(original)), original.toJSON()]) {
          const read = Trace.fromJSON(form);
          expect(read).toBeInstanceOf(Trace);
          expect(read).toEqual(original);
          expect("spans" in read).toBe("spans" in json);
        }
        expect(JSON.parse(JSON.stringify(original))).toEqual(json);
      }),
      { numRuns: 50 },
    );
  });

  test("what is no trace is refused", () => {
    for (const json of [undefined, null, 1, "", "{}", "{", [], {}, { info: {} }, { info, spans: 1 }, [info]]) {
      expect(() => Trace.fromJSON(json)).toThrow("This is not the JSON of a trace");
    }
  });

  test("a trace takes itself apart like the plain data it is", () => {
    const { info: kept, spans } = trace;
    expect([kept, spans]).toEqual([info, [root, search, fetched]]);
    expect(Object.keys(trace)).toEqual(["info", "spans"]);
    expect(Object.keys(new Trace(info, undefined))).toEqual(["info"]);
    expect(structuredClone(trace)).toEqual({ ...trace });
  });
});

describe("questions", () => {
  test("the root is the first span whose parent is not in the trace", () => {
    expect(trace.root).toBe(root);
    expect(new Trace(info, [fetched, search]).root).toBe(search);
    expect(new Trace(info, []).root).toBeUndefined();
  });

  test("spans are found by type, by name, and by both", () => {
    expect(trace.findSpans({ type: "TOOL" })).toEqual([search, fetched]);
    expect(trace.findSpans({ name: "fetch" })).toEqual([fetched]);
    expect(trace.findSpans({ name: /^search_/g })).toEqual([search]);
    expect(trace.findSpans({ type: "AGENT", name: "fetch" })).toEqual([]);
    expect(trace.findSpans()).toEqual([root, search, fetched]);
  });

  test("a trace without its spans says how to get them", () => {
    const bare = new Trace(info, undefined);
    const message = 'was found without its spans. Search with include: ["spans"], or call getTrace.';
    expect(() => bare.root).toThrow(message);
    expect(() => bare.findSpans()).toThrow(message);
  });
});

test("a trace is one line inside of other values, and all of itself when it is printed", () => {
  expect(inspect({ trace }, { depth: 0 })).toBe(`{ trace: ${info.traceId} (OK, 3 spans) }`);
  expect(inspect(trace)).toMatch(/^Trace \{\s+info: \{[\s\S]*search_web/);
});

test("a search says whether its traces have spans", () => {
  expectTypeOf(() => searchTraces({ include: ["spans"] })).returns.resolves.toEqualTypeOf<Trace[]>();
  expectTypeOf(() => searchTraces({ filter: "status = 'OK'" })).returns.resolves.toEqualTypeOf<
    Trace<readonly Span[] | undefined>[]
  >();
  expectTypeOf(() => searchTraces()).returns.resolves.toEqualTypeOf<Trace<readonly Span[] | undefined>[]>();
  expectTypeOf(() => searchTraces({} as TraceSearch)).returns.resolves.toEqualTypeOf<
    Trace<readonly Span[] | undefined>[]
  >();
  expectTypeOf(() => iterateTraces({ include: ["spans"] })).returns.toEqualTypeOf<
    AsyncGenerator<Trace, void, undefined>
  >();
  expectTypeOf(trace.spans).toEqualTypeOf<readonly Span[]>();
  expectTypeOf(Trace.fromJSON).returns.toHaveProperty("spans").toEqualTypeOf<readonly Span[] | undefined>();
  // @ts-expect-error matches are for the UI
  const wrong: TraceSearch = { include: ["matches"] };
  expect(wrong.include).toEqual(["matches"]);
});
