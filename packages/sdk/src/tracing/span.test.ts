import { type DiagLogger, diag } from "@opentelemetry/api";
import type { OtlpSpan } from "@sightline/wire/otlp/span";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { flush, init, shutdown, stats } from "../init.ts";
import { jsonAttribute, type Receiver, spanNamed, startReceiver } from "../testing/receiver.ts";
import { getCurrentSpan } from "./context.ts";
import type { LiveSpan, SpanOptions } from "./live-span.ts";
import { startSpan, trace, withSpan } from "./trace.ts";

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
  init({ url: receiver.url });
});
afterEach(async () => {
  diag.disable();
  await shutdown();
  await receiver.close();
});

/** The span as it arrives after `fill`. */
async function recorded(fill: (span: LiveSpan) => void, options: Partial<SpanOptions> = {}): Promise<OtlpSpan> {
  withSpan({ name: "span", ...options }, fill);
  await flush();
  return spanNamed(receiver.spans, String(options.name ?? "span").slice(0, 1000));
}

/** Warnings that are said from now on. */
function warnings(): string[] {
  const said: string[] = [];
  const ignore = (): void => undefined;
  const logger: DiagLogger = {
    error: ignore,
    info: ignore,
    debug: ignore,
    verbose: ignore,
    warn: (_, text) => said.push(String(text)),
  };
  diag.setLogger(logger);
  return said;
}

describe("attributes", () => {
  test.each<[string, unknown, unknown]>([
    ["texts", "text", "text"],
    ["numbers", 1.5, 1.5],
    ["booleans", false, false],
    ["bigints as numbers", 7n, 7],
    ["large bigints as texts", 2n ** 70n, "1180591620717411303424"],
    ["dates as ISO texts", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["dates that are none", new Date(Number.NaN), "Invalid Date"],
    ["null as JSON", null, "null"],
    ["lists of one kind", ["a", "b"], ["a", "b"]],
    ["lists of several kinds as JSON", ["a", 1, null], '["a",1,null]'],
    ["long lists as JSON", Array(1001).fill(1), JSON.stringify(Array(1001).fill(1))],
    ["objects as JSON", { a: { b: [1] } }, '{"a":{"b":[1]}}'],
    ["maps as JSON", new Map([["k", new Set([1])]]), '{"k":[1]}'],
    ["functions by name", () => 1, '"[Function: anonymous]"'],
  ])("hold %s", async (_, value, sent) => {
    const span = await recorded((live) => live.setAttribute("key", value).setAttribute("none", undefined));
    expect(span.attributes["key"]).toEqual(sent);
    expect(span.attributes).not.toHaveProperty("none");
  });

  test("are those of the moment: lists and objects may change afterwards", async () => {
    const list = ["a"];
    const object = { steps: [1] };
    const span = await recorded((live) => {
      live.setAttributes({ list, object });
      list.push("b");
      object.steps.push(2);
    });
    expect(span.attributes).toMatchObject({ list: ["a"], object: '{"steps":[1]}' });
  });

  test("that are set again replace the value, and the weight of the span stays right", async () => {
    const weight = async (write: (span: LiveSpan) => void): Promise<number> => {
      const span = startSpan({ name: "weighed" });
      write(span);
      span.end();
      const bytes = stats().queuedBytes;
      await flush();
      return bytes;
    };
    const once = await weight((span) => span.setAttribute("key", "x".repeat(1000)));
    const often = await weight((span) => {
      for (let round = 0; round < 50; round++) span.setAttribute("key", "x".repeat(1000));
    });
    expect(once).toBeGreaterThan(1000);
    expect(often).toBe(once);
  });

  test("beyond 10,000, events beyond 10,000 and links beyond 128 are left out and counted", async () => {
    const before = stats().truncations;
    const link = { traceId: "1".repeat(32), spanId: "2".repeat(16) };
    const span = await recorded((live) => {
      for (let index = 0; index < 10_010; index++) live.setAttribute(`key ${index}`, index).addEvent(`event ${index}`);
      live.setAttribute("key 1", "set anew");
      for (let index = 0; index < 130; index++) live.addLink(link);
    });
    expect(Object.keys(span.attributes)).toHaveLength(10_000);
    expect(span.attributes["key 1"]).toBe("set anew");
    expect(span.events).toHaveLength(10_000);
    expect(span.links).toHaveLength(128);
    // The type of the span is an attribute too; the outputs are none.
    expect(stats().truncations - before).toBe(11 + 10 + 2);
  });

  test("with endless names are cut", async () => {
    const long = "n".repeat(5000);
    const cut = "n".repeat(1000);
    const span = await recorded((live) => live.setAttribute(long, 1).addEvent(long, { [long]: 1 }), { name: long });
    expect(span.attributes[cut]).toBe(1);
    expect(span.events[0]).toMatchObject({ name: cut, attributes: { [cut]: 1 } });
  });
});

test("an agent that appends to its messages shows at each step what they were then", async () => {
  const callModel = trace(
    async (messages: { role: string; content: string }[]) => ({
      role: "assistant",
      content: `answer ${messages.length}`,
    }),
    { name: "call_model" },
  );
  const messages = [{ role: "user", content: "question" }];
  for (let turn = 0; turn < 3; turn++) {
    const answer = await callModel(messages);
    messages.push(answer);
    answer.content = "changed later";
    messages[0]!.content = `changed ${turn}`;
  }
  await flush();
  const steps = receiver.spans.map((span) => [
    (jsonAttribute(span, "mlflow.spanInputs") as { messages: { content: string }[] }).messages.map(
      ({ content }) => content,
    ),
    (jsonAttribute(span, "mlflow.spanOutputs") as { content: string }).content,
  ]);
  expect(steps).toEqual([
    [["question"], "answer 1"],
    [["changed 0", "changed later"], "answer 2"],
    [["changed 1", "changed later", "changed later"], "answer 3"],
  ]);
});

describe("links", () => {
  test("point at spans of ours and at ids, with attributes", async () => {
    const other = startSpan({ name: "other" });
    other.end();
    const ids = { traceId: "a".repeat(32), spanId: "b".repeat(16) };
    const span = await recorded((live) => live.addLink(other, { why: "queued", n: { deep: 1 } }), { links: [ids] });
    expect(span.links).toEqual([
      { ...ids, attributes: {} },
      { traceId: other.traceId.slice(3), spanId: other.spanId, attributes: { why: "queued", n: '{"deep":1}' } },
    ]);
  });

  test("to nothing are left out, and that is said", async () => {
    const said = warnings();
    const span = await recorded((live) => live.addLink({ traceId: "tr-1", spanId: "2" }));
    expect(span.links).toEqual([]);
    expect(said).toEqual([
      'addLink() takes a span or { traceId, spanId }, not {"traceId":"tr-1","spanId":"2"}; no link was added.',
    ]);
  });
});

describe("times", () => {
  test.each([
    ["dates", new Date(1_700_000_000_000), new Date(1_700_000_001_000)],
    ["milliseconds", 1_700_000_000_000, 1_700_000_001_000],
    ["nanoseconds", 1_700_000_000_000_000_000n, 1_700_000_001_000_000_000n],
  ])("can be given as %s", async (_, startTime, endTime) => {
    const span = startSpan({ name: "past", startTime });
    span.addEvent("then", {}, startTime);
    span.end({ endTime, outputs: { done: true } });
    await flush();
    expect(spanNamed(receiver.spans, "past")).toMatchObject({
      startTimeUnixNano: 1_700_000_000_000_000_000n,
      endTimeUnixNano: 1_700_000_001_000_000_000n,
      events: [{ timeUnixNano: 1_700_000_000_000_000_000n }],
      attributes: { "mlflow.spanOutputs": '{"done":true}' },
    });
  });

  test("an end before the start is the start; the end of a child of the past is now", async () => {
    const span = startSpan({ name: "past", startTime: 1_700_000_000_000 });
    startSpan({ name: "child", parent: span }).end();
    span.end({ endTime: 1_600_000_000_000 });
    await flush();
    expect(spanNamed(receiver.spans, "past").endTimeUnixNano).toBe(1_700_000_000_000_000_000n);
    expect(spanNamed(receiver.spans, "child").endTimeUnixNano).toBeGreaterThan(1_700_000_000_000_000_000n);
  });

  test("that are none are said, and the present is taken", async () => {
    const said = warnings();
    const before = Date.now() - 1000;
    for (const time of [Number.NaN, 1_700_000_000_000_000_000, -1, "now"]) {
      startSpan({ name: "now", startTime: time as number }).end({ endTime: time as number });
    }
    await flush();
    expect(receiver.spans).toHaveLength(4);
    for (const span of receiver.spans) expect(Number(span.startTimeUnixNano / 1_000_000n)).toBeGreaterThan(before);
    expect(said).toEqual([
      "NaN is no time of a span; give a Date, milliseconds since the epoch, or nanoseconds as a bigint. The present is taken.",
    ]);
  });
});

describe("a parent", () => {
  test("in another process gives the trace, and the root of this part can be told from it", async () => {
    const parent = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
    withSpan({ name: "server", parent }, (server) => {
      expect(server.traceId).toBe(`tr-${parent.traceId}`);
      withSpan({ name: "inner" }, () => undefined);
    });
    startSpan({ name: "prefixed", parent: { ...parent, traceId: `tr-${parent.traceId}` } }).end();
    await flush();
    for (const name of ["server", "prefixed"]) {
      expect(spanNamed(receiver.spans, name)).toMatchObject({ traceId: parent.traceId, parentSpanId: parent.spanId });
    }
    expect(spanNamed(receiver.spans, "inner").parentSpanId).toBe(spanNamed(receiver.spans, "server").spanId);
  });

  test("that is null begins a trace inside another", async () => {
    withSpan({ name: "outer" }, () => withSpan({ name: "own", parent: null }, () => undefined));
    await flush();
    const own = spanNamed(receiver.spans, "own");
    expect(own.parentSpanId).toBe("");
    expect(own.traceId).not.toBe(spanNamed(receiver.spans, "outer").traceId);
  });

  test("that is no span is said, and the current one taken", async () => {
    const said = warnings();
    withSpan({ name: "outer" }, () => startSpan({ name: "inner", parent: { traceId: "x", spanId: "y" } }).end());
    await flush();
    expect(spanNamed(receiver.spans, "inner").parentSpanId).toBe(spanNamed(receiver.spans, "outer").spanId);
    expect(said).toHaveLength(1);
  });

  test("that has ended is one still", async () => {
    const parent = startSpan({ name: "parent" });
    parent.end();
    expect(parent.isRecording).toBe(false);
    startSpan({ name: "late", parent }).end();
    await flush();
    expect(spanNamed(receiver.spans, "late").parentSpanId).toBe(parent.spanId);
  });
});

test("await using ends a span with its block, whatever is thrown in it", async () => {
  const boom = new Error("boom");
  const run = async (): Promise<void> => {
    await using span = startSpan({ name: "block" });
    expect(span.isRecording).toBe(true);
    throw boom;
  };
  await expect(run()).rejects.toBe(boom);
  await flush();
  expect(receiver.spans.map(({ name }) => name)).toEqual(["block"]);
});

describe("the status", () => {
  test.each<[string, (span: LiveSpan) => void, { code: number; message: string }]>([
    ["is OK by itself", () => undefined, { code: 1, message: "" }],
    [
      "is what was set last",
      (span) => span.setStatus("ERROR", "no").setStatus("OK", "dropped"),
      { code: 1, message: "" },
    ],
    ["is OK again after UNSET", (span) => span.setStatus("ERROR", "no").setStatus("UNSET"), { code: 1, message: "" }],
    ["is ERROR after an exception", (span) => span.setStatus("OK").recordException("no"), { code: 2, message: "no" }],
    ["stays what it was for a word that is none", (span) => span.setStatus("FINE" as "OK"), { code: 1, message: "" }],
  ])("%s", async (_, fill, { code, message }) => {
    expect(await recorded(fill)).toMatchObject({ statusCode: code, statusMessage: message });
  });

  test("is ERROR when the work throws, though OK was set", async () => {
    const fail = (): never =>
      withSpan({ name: "failed" }, (span) => {
        span.setStatus("OK");
        throw new Error("after all");
      });
    expect(fail).toThrow("after all");
    await flush();
    expect(spanNamed(receiver.spans, "failed")).toMatchObject({ statusCode: 2, statusMessage: "after all" });
  });
});

test("a span can be renamed; types may be any text", async () => {
  const span = await recorded((live) => live.setName("span").setSpanType("MY_STEP"), { name: "span" });
  expect(span.attributes["mlflow.spanType"]).toBe("MY_STEP");
  withSpan({ name: "before" }, (live) => live.setName("after"));
  await flush();
  expect(spanNamed(receiver.spans, "after")).toBeDefined();
});

test("a name that cannot be read costs the span, not the call", () => {
  const failures = stats().failures;
  const name = {
    toString: () => {
      throw new Error("no name");
    },
  } as unknown as string;
  expect(withSpan({ name }, (span) => [span.isRecording, getCurrentSpan()])).toEqual([false, undefined]);
  expect(stats().failures).toBe(failures + 1);
});
