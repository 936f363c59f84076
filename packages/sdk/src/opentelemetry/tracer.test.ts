/**
 * Libraries that take an OpenTelemetry tracer.
 */
import { context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { afterEach, beforeEach, expect, test } from "vitest";
import { init, shutdown } from "../init.ts";
import { type Receiver, spanNamed, startReceiver } from "../testing/receiver.ts";
import { getCurrentSpan } from "../tracing/context.ts";
import { withSpan } from "../tracing/trace.ts";
import { tracer } from "./index.ts";

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
  init({ url: receiver.url });
});
afterEach(async () => {
  await shutdown();
  context.disable();
  await receiver.close();
});

test("a library's spans are ours: under the current span, with everything that was set", async () => {
  const library = tracer("their-library", "4.5.6");
  await withSpan({ name: "agent" }, () =>
    library.startActiveSpan(
      "generate",
      { kind: SpanKind.CLIENT, attributes: { "gen_ai.system": "x" } },
      async (span) => {
        span
          .setAttribute("n", 1)
          .setAttributes({ list: ["a"] })
          .updateName("generate text");
        span.addEvent("first token", { ms: 5 }).addEvent("at", [1_700_000_000, 0]);
        span.addLink({ context: { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 } });
        span.recordException(new TypeError("bad"));
        span.setStatus({ code: SpanStatusCode.ERROR, message: "failed" });
        await null;
        expect(getCurrentSpan()?.spanId).toBe(span.spanContext().spanId);
        withSpan({ name: "ours inside" }, () => undefined);
        expect(span.isRecording()).toBe(true);
        span.end();
        span.end();
        expect(span.isRecording()).toBe(false);
        expect(span.spanContext().traceFlags).toBe(1);
      },
    ),
  );
  await shutdown();
  const agent = spanNamed(receiver.spans, "agent");
  const generate = spanNamed(receiver.spans, "generate text");
  expect(generate).toMatchObject({
    traceId: agent.traceId,
    parentSpanId: agent.spanId,
    kind: 3,
    statusCode: 2,
    statusMessage: "failed",
    attributes: {
      "gen_ai.system": "x",
      n: 1,
      list: ["a"],
      "otel.scope.name": "their-library",
      "otel.scope.version": "4.5.6",
      "error.type": "TypeError",
    },
    links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16) }],
  });
  expect(generate.events.map(({ name }) => name)).toEqual(["first token", "at", "exception"]);
  expect(generate.events[1]!.timeUnixNano).toBe(1_700_000_000_000_000_000n);
  expect(spanNamed(receiver.spans, "ours inside").parentSpanId).toBe(generate.spanId);
});

test("startActiveSpan takes its arguments in all forms, and gives what the function gives", async () => {
  const library = tracer();
  const giving = (value: number) => (span: Span) => {
    span.end();
    return value;
  };
  expect(library.startActiveSpan("one", giving(1))).toBe(1);
  expect(library.startActiveSpan("two", {}, giving(2))).toBe(2);
  expect(library.startActiveSpan("three", {}, ROOT_CONTEXT, giving(3))).toBe(3);
  expect(() =>
    library.startActiveSpan("four", () => {
      throw new Error("as it is");
    }),
  ).toThrow("as it is");
});

test("the parent is the one in the context that is handed over, ours or another's", async () => {
  const library = tracer("t");
  const parent = library.startSpan("parent");
  const { spanId } = parent.spanContext();
  library.startSpan("child", {}, trace.setSpan(ROOT_CONTEXT, parent)).end();
  const foreign = { traceId: "c".repeat(32), spanId: "d".repeat(16), traceFlags: 1 };
  library.startSpan("below another's", {}, trace.setSpanContext(ROOT_CONTEXT, foreign)).end();
  const notSampled = { ...foreign, traceFlags: 0 };
  const leftOut = library.startSpan("left out", {}, trace.setSpanContext(ROOT_CONTEXT, notSampled));
  expect(leftOut.spanContext().traceFlags).toBe(0);
  leftOut.end();
  withSpan({ name: "current" }, () => library.startSpan("root", { root: true }).end());
  parent.end();
  await shutdown();
  expect(spanNamed(receiver.spans, "child").parentSpanId).toBe(spanId);
  expect(spanNamed(receiver.spans, "below another's")).toMatchObject({
    traceId: foreign.traceId,
    parentSpanId: foreign.spanId,
  });
  expect(spanNamed(receiver.spans, "root").parentSpanId).toBe("");
  expect(receiver.spans.map(({ name }) => name)).not.toContain("left out");
});

test("with a context manager of the program, spans nest by the active context too", async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const library = tracer("t");
  const outer = library.startSpan("outer");
  await context.with(trace.setSpan(context.active(), outer), async () => {
    await null;
    library.startSpan("inner").end();
  });
  outer.end();
  await shutdown();
  expect(spanNamed(receiver.spans, "inner").parentSpanId).toBe(outer.spanContext().spanId);
});

test("times are understood in every form of OpenTelemetry", async () => {
  const library = tracer("t");
  const date = new Date(1_700_000_000_500);
  library.startSpan("date", { startTime: date }).end(new Date(1_700_000_001_000));
  library.startSpan("hr", { startTime: [1_700_000_000, 500_000_000] }).end([1_700_000_001, 0]);
  library.startSpan("ms", { startTime: date.getTime() }).end(1_700_000_001_000);
  library.startSpan("performance", { startTime: 1000 }).end(1500);
  await shutdown();
  for (const name of ["date", "hr", "ms"]) {
    const { startTimeUnixNano, endTimeUnixNano } = spanNamed(receiver.spans, name);
    expect([startTimeUnixNano, endTimeUnixNano]).toEqual([1_700_000_000_500_000_000n, 1_700_000_001_000_000_000n]);
  }
  const { startTimeUnixNano, endTimeUnixNano } = spanNamed(receiver.spans, "performance");
  expect(Math.round(Number(endTimeUnixNano - startTimeUnixNano) / 1e6)).toBe(500);
});

test("while tracing is off, a library's spans record nothing", async () => {
  await shutdown();
  const span = tracer("t").startSpan("off");
  expect(span.isRecording()).toBe(false);
  expect(trace.isSpanContextValid(span.spanContext())).toBe(false);
  span.setAttribute("a", 1).end();
});
