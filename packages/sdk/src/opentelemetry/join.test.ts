/**
 * Spans of a program's own OpenTelemetry set-up in Sightline, with both versions of OpenTelemetry's SDK.
 */
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import * as version2 from "@opentelemetry/sdk-trace-base";
import * as version1 from "sdk-trace-base-1";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { init, shutdown, stats } from "../init.ts";
import { type Receiver, spanNamed, startReceiver } from "../testing/receiver.ts";
import { SightlineSpanExporter, SightlineSpanProcessor } from "./index.ts";

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await shutdown();
  await receiver.close();
});

// That they are accepted here is the test of their types.
const versions = [
  {
    version: "1.30",
    withProcessor: (processor: SightlineSpanProcessor) =>
      new version1.BasicTracerProvider({ spanProcessors: [processor] }),
    withExporter: (exporter: SightlineSpanExporter) =>
      new version1.BasicTracerProvider({ spanProcessors: [new version1.BatchSpanProcessor(exporter)] }),
    unsampled: (processor: SightlineSpanProcessor) =>
      new version1.BasicTracerProvider({ sampler: new version1.AlwaysOffSampler(), spanProcessors: [processor] }),
  },
  {
    version: "2",
    withProcessor: (processor: SightlineSpanProcessor) =>
      new version2.BasicTracerProvider({ spanProcessors: [processor] }),
    withExporter: (exporter: SightlineSpanExporter) =>
      new version2.BasicTracerProvider({ spanProcessors: [new version2.BatchSpanProcessor(exporter)] }),
    unsampled: (processor: SightlineSpanProcessor) =>
      new version2.BasicTracerProvider({ sampler: new version2.AlwaysOffSampler(), spanProcessors: [processor] }),
  },
];

describe.for(versions)("sdk-trace-base $version", ({ withProcessor, withExporter, unsampled }) => {
  const ways = {
    processor: () => withProcessor(new SightlineSpanProcessor({ url: receiver.url, experiment: "theirs" })),
    exporter: () => withExporter(new SightlineSpanExporter({ url: receiver.url, experiment: "theirs" })),
  };

  test.for(Object.entries(ways))("a span comes through the %s as it is", async ([, provide]) => {
    const provider = provide();
    const tracer = provider.getTracer("their-library", "1.2.3");
    const parent = tracer.startSpan("parent", { kind: SpanKind.SERVER, startTime: [1_700_000_000, 123_456_789] });
    const { traceId, spanId } = parent.spanContext();
    const other = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 };
    parent.setAttributes({ text: "t", number: 1.5, flag: true, list: ["a", "b"] });
    parent.addEvent("happened", { "what.kind": "event" }, [1_700_000_001, 0]);
    parent.addLink({ context: other, attributes: { why: "queue" } });
    parent.setStatus({ code: SpanStatusCode.ERROR, message: "went wrong" });
    parent.updateName("renamed");
    parent.end([1_700_000_002, 987_654_321]);
    await provider.forceFlush();
    const span = spanNamed(receiver.spans, "renamed");
    expect(span).toMatchObject({
      traceId,
      spanId,
      parentSpanId: "",
      kind: 2,
      statusCode: 2,
      statusMessage: "went wrong",
      attributes: {
        text: "t",
        number: 1.5,
        flag: true,
        list: ["a", "b"],
        "otel.scope.name": "their-library",
        "otel.scope.version": "1.2.3",
      },
      events: [{ name: "happened", timeUnixNano: 1_700_000_001_000_000_000n, attributes: { "what.kind": "event" } }],
      links: [{ traceId: other.traceId, spanId: other.spanId, attributes: { why: "queue" } }],
    });
    // A double of milliseconds resolves a quarter of a microsecond.
    expect(Math.abs(Number(span.startTimeUnixNano - 1_700_000_000_123_456_789n))).toBeLessThan(500);
    expect(Math.abs(Number(span.endTimeUnixNano - 1_700_000_002_987_654_321n))).toBeLessThan(500);
    expect(receiver.exports[0]!.headers["x-sightline-experiment"]).toBe("theirs");
    await provider.shutdown();
  });

  test("what the program's sampler leaves out is not sent", async () => {
    const provider = unsampled(new SightlineSpanProcessor({ url: receiver.url }));
    provider.getTracer("t").startSpan("left out").end();
    await provider.forceFlush();
    expect(receiver.spans).toEqual([]);
  });

  test("a filter decides by what a span has at its end", async () => {
    const filter = (span: { readonly attributes: Readonly<Record<string, unknown>> }): boolean =>
      span.attributes["keep"] === true;
    const provider = withProcessor(new SightlineSpanProcessor({ url: receiver.url, filter }));
    const tracer = provider.getTracer("t");
    tracer.startSpan("kept").setAttribute("keep", true).end();
    tracer.startSpan("not kept").end();
    await provider.forceFlush();
    expect(receiver.spans.map(({ name }) => name)).toEqual(["kept"]);
  });

  test("a filter that throws loses its span, counted, and nothing else", async () => {
    const failures = stats().failures;
    const filter = (): boolean => {
      throw new Error("bug");
    };
    const provider = withProcessor(new SightlineSpanProcessor({ url: receiver.url, filter }));
    provider.getTracer("t").startSpan("span").end();
    await provider.forceFlush();
    expect(stats().failures).toBe(failures + 1);
  });

  test("after its shutdown the processor takes nothing, and our own tracing goes on", async () => {
    init({ url: receiver.url });
    const processor = new SightlineSpanProcessor();
    const provider = withProcessor(processor);
    const tracer = provider.getTracer("t");
    tracer.startSpan("before").end();
    await processor.shutdown();
    expect(receiver.spans.map(({ name }) => name)).toEqual(["before"]);
    tracer.startSpan("after").end();
    expect(stats().queued).toBe(0);
  });

  test("without an address an exporter says that it failed", async () => {
    await shutdown();
    const failed: unknown[] = [];
    const exporter = new SightlineSpanExporter();
    const provider = withProcessor(new SightlineSpanProcessor());
    const span = provider.getTracer("t").startSpan("nowhere");
    span.end();
    exporter.export([span as never], (result) => failed.push(result));
    expect(failed).toEqual([{ code: 1, error: new Error("1 of 1 spans have no Sightline server to go to.") }]);
  });
});
