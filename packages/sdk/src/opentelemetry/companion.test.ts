/**
 * `init({ provider: "global" })`: one tree with the spans of the program's OpenTelemetry set-up; and by default, no touch of it.
 */
import { context, SpanKind, type Tracer, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import * as version2 from "@opentelemetry/sdk-trace-base";
import * as version1 from "sdk-trace-base-1";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { init, shutdown } from "../init.ts";
import { runProgram } from "../testing/program.ts";
import { type Receiver, spanNamed, startReceiver } from "../testing/receiver.ts";
import { withTraceHeaders } from "../tracing/propagation.ts";
import { startSpan, withSpan } from "../tracing/trace.ts";
import { SightlineSpanProcessor } from "./index.ts";

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await shutdown();
  trace.disable();
  context.disable();
  await receiver.close();
});

/** What a test reads of a span of either version. */
interface Theirs {
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly name: string }[];
  readonly status: { readonly code: number; readonly message?: string };
  spanContext(): { readonly traceId: string; readonly spanId: string };
}
const parentOf = (span: Theirs): string | undefined => {
  const { parentSpanContext, parentSpanId } = span as Partial<{
    parentSpanContext: { spanId: string };
    parentSpanId: string;
  }>;
  return parentSpanContext?.spanId ?? parentSpanId;
};

const versions = [
  {
    version: "1.30",
    start: (more: SightlineSpanProcessor[] = []) => {
      const memory = new version1.InMemorySpanExporter();
      const processor = new version1.SimpleSpanProcessor(memory);
      trace.setGlobalTracerProvider(new version1.BasicTracerProvider({ spanProcessors: [processor, ...more] }));
      return memory as { getFinishedSpans(): Theirs[] };
    },
  },
  {
    version: "2",
    start: (more: SightlineSpanProcessor[] = []) => {
      const memory = new version2.InMemorySpanExporter();
      const processor = new version2.SimpleSpanProcessor(memory);
      trace.setGlobalTracerProvider(new version2.BasicTracerProvider({ spanProcessors: [processor, ...more] }));
      return memory as { getFinishedSpans(): Theirs[] };
    },
  },
];

/** The spans by name: those that the program's own set-up saw. */
function named(memory: { getFinishedSpans(): Theirs[] }, name: string): Theirs {
  const found = memory.getFinishedSpans().filter((span) => span.name === name);
  expect(found).toHaveLength(1);
  return found[0]!;
}

describe.for(versions)("with a global provider of sdk-trace-base $version", ({ start }) => {
  let theirs: Tracer;
  beforeEach(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    theirs = trace.getTracer("theirs");
    init({ url: receiver.url, provider: "global" });
  });

  test("a trace that our sampler leaves out begins no span there; all roots inside one of their traces go alike", () => {
    const memory = start();
    init({ url: receiver.url, provider: "global", sampler: 0 });
    withSpan({ name: "left out" }, () => {
      expect(trace.getActiveSpan()).toBeUndefined();
    });
    init({ url: receiver.url, provider: "global", sampler: 0.5 });
    for (let request = 0; request < 20; request += 1) {
      theirs.startActiveSpan("request", (span) => {
        const [first, ...others] = [1, 2, 3].map(() => withSpan({ name: "step" }, ({ isRecording }) => isRecording));
        expect(others).toEqual([first, first]);
        span.end();
      });
    }
    expect(memory.getFinishedSpans().some(({ name }) => name === "left out")).toBe(false);
  });

  test("our spans begin under theirs and theirs under ours, with the same ids in both systems", async () => {
    const memory = start();
    await theirs.startActiveSpan("request", async (request) => {
      await withSpan({ name: "agent" }, async () => {
        await theirs.startActiveSpan("http call", async (call) => {
          await withSpan({ name: "inner" }, async (inner) => {
            inner.setAttribute("plain", 1);
            await null;
          });
          call.end();
        });
      });
      request.end();
    });
    await shutdown();
    const [request, agent, call, inner] = ["request", "agent", "http call", "inner"].map((name) => named(memory, name));
    expect([parentOf(agent!), parentOf(call!), parentOf(inner!)]).toEqual([
      request!.spanContext().spanId,
      agent!.spanContext().spanId,
      call!.spanContext().spanId,
    ]);
    expect(inner!.attributes).toMatchObject({ plain: 1, "mlflow.spanType": "UNKNOWN" });
    for (const span of [agent!, inner!]) {
      expect(spanNamed(receiver.spans, span.name)).toMatchObject({
        ...(span.spanContext().traceId && { traceId: span.spanContext().traceId }),
        spanId: span.spanContext().spanId,
        parentSpanId: parentOf(span),
      });
    }
    expect(receiver.spans).toHaveLength(2);
  });

  test("payloads go to Sightline only; errors show in both", async () => {
    const memory = start();
    expect(() =>
      withSpan({ name: "fails", inputs: { secret: "payload" }, kind: 3 }, () => {
        throw new TypeError("no good");
      }),
    ).toThrow("no good");
    const span = named(memory, "fails");
    expect(span).toMatchObject({ kind: SpanKind.CLIENT, status: { code: 2, message: "no good" } });
    expect(span.events.map(({ name }) => name)).toEqual(["exception"]);
    expect(JSON.stringify(span.attributes)).not.toContain("payload");
    await shutdown();
    expect(spanNamed(receiver.spans, "fails").attributes["mlflow.spanInputs"]).toBe('{"secret":"payload"}');
  });

  test("with a mask, the other system gets names and times alone", () => {
    const memory = start();
    init({ url: receiver.url, provider: "global", mask: (value) => value });
    expect(() =>
      withSpan({ name: "masked", attributes: { card: "4242" } }, () => {
        throw new Error("card 4242 was refused");
      }),
    ).toThrow();
    const { attributes, events, status } = named(memory, "masked");
    expect({ attributes, events, status }).toEqual({ attributes: {}, events: [], status: { code: 2 } });
  });

  test("an explicit parent is the parent, wherever its child begins", async () => {
    const memory = start();
    const parent = startSpan({ name: "parent" });
    theirs.startActiveSpan("elsewhere", (elsewhere) => {
      withSpan({ name: "child", parent }, () => undefined);
      withSpan({ name: "root", parent: null }, () => undefined);
      elsewhere.end();
    });
    parent.end();
    expect(parentOf(named(memory, "child"))).toBe(parent.spanId);
    expect(parentOf(named(memory, "root"))).toBeUndefined();
    await shutdown();
    expect(spanNamed(receiver.spans, "root").traceId).not.toBe(spanNamed(receiver.spans, "child").traceId);
  });

  test("a caller in another process is the parent in both", async () => {
    const memory = start();
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    withTraceHeaders({ traceparent, tracestate: "rojo=1" }, () => withSpan({ name: "served" }, () => undefined));
    expect(parentOf(named(memory, "served"))).toBe("b".repeat(16));
    await shutdown();
    expect(spanNamed(receiver.spans, "served")).toMatchObject({
      traceId: "a".repeat(32),
      parentSpanId: "b".repeat(16),
      spanId: named(memory, "served").spanContext().spanId,
    });
  });

  test("a Sightline processor beside it sends the spans of others, and ours once", async () => {
    start([new SightlineSpanProcessor()]);
    await theirs.startActiveSpan("request", async (request) => {
      await withSpan({ name: "agent" }, async () => null);
      request.end();
    });
    await shutdown();
    const sent = receiver.exports.flatMap(({ spans }) => spans.map(({ name }) => name));
    expect(sent.sort()).toEqual(["agent", "request"]);
    expect(spanNamed(receiver.spans, "agent").parentSpanId).toBe(spanNamed(receiver.spans, "request").spanId);
  });
});

test("the sampler of the program's set-up decides for our spans too", async () => {
  trace.setGlobalTracerProvider(new version2.BasicTracerProvider({ sampler: new version2.AlwaysOffSampler() }));
  init({ url: receiver.url, provider: "global" });
  withSpan({ name: "left out" }, (span) => expect(span.isRecording).toBe(false));
  await shutdown();
  expect(receiver.spans).toEqual([]);
});

test("without a global provider our spans go out all the same, and a sentence says so", async () => {
  const program = await runProgram(
    `
      import { diag } from "@opentelemetry/api";
      import * as sightline from "@sightline/sdk";
      diag.setLogger({ error() {}, info() {}, debug() {}, verbose() {}, warn: (...said) => console.log(...said) });
      sightline.init({ provider: "global" });
      sightline.withSpan({ name: "outer" }, () => sightline.withSpan({ name: "inner" }, () => null));
      await sightline.flush();
    `,
    { env: { SIGHTLINE_URL: receiver.url } },
  );
  expect(program.stdout.match(/no global|none is registered/g)).toHaveLength(1);
  const outer = spanNamed(receiver.spans, "outer");
  expect(outer.parentSpanId).toBe("");
  expect(spanNamed(receiver.spans, "inner")).toMatchObject({ traceId: outer.traceId, parentSpanId: outer.spanId });
});

test("nothing global is touched by importing, starting and using the SDK", async () => {
  const program = await runProgram(
    `
      import * as api from "@opentelemetry/api";
      const globals = () => JSON.stringify(Object.keys(globalThis[Symbol.for("opentelemetry.js.api.1")] ?? {}));
      const before = globals();
      const sightline = await import("@sightline/sdk");
      const { tracer } = await import("@sightline/sdk/opentelemetry");
      sightline.init({ url: process.env.URL });
      await sightline.withSpan({ name: "used" }, async () => tracer("t").startActiveSpan("theirs", (span) => span.end()));
      await sightline.flush();
      const fields = [api.trace.getTracerProvider().getDelegate().constructor.name, api.propagation.fields()];
      const active = api.context.with(api.ROOT_CONTEXT.setValue("k", 1), () => api.context.active().getValue("k"));
      console.log(JSON.stringify({ before, after: globals(), fields, active }));
    `,
    { env: { URL: receiver.url } },
  );
  expect(program.stderr).toBe("");
  expect(JSON.parse(program.stdout)).toEqual({ before: "[]", after: "[]", fields: ["NoopTracerProvider", []] });
  expect(receiver.spans).toHaveLength(2);
});
