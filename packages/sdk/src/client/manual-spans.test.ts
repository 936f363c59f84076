/**
 * Spans by hand: where they go, and what they do when they are used wrongly. What they look like on a server is tested against one.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { disable, enable, flush, init, shutdown, stats } from "../init.ts";
import { type Receiver, spanNamed, startReceiver } from "../testing/receiver.ts";
import { getCurrentSpan } from "../tracing/context.ts";
import { withSpan } from "../tracing/trace.ts";
import { SightlineClient } from "./sightline-client.ts";

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await shutdown();
  await receiver.close();
});

describe("with init()", () => {
  beforeEach(() => init({ url: receiver.url, experiment: "of init" }));

  test("a trace has its spans below each other, and none of them is ever current", async () => {
    const client = new SightlineClient();
    const root = client.startTrace({ name: "root", tags: { a: "1" } });
    const child = client.startSpan({ name: "child", parent: root });
    expect(getCurrentSpan()).toBeUndefined();
    client.endSpan(child, { outputs: [1] });
    client.endTrace(root, { sessionId: "s" });
    expect(await flush()).toBe(true);
    const [rootSpan, childSpan] = [spanNamed(receiver.spans, "root"), spanNamed(receiver.spans, "child")];
    expect(childSpan).toMatchObject({
      traceId: rootSpan.traceId,
      parentSpanId: rootSpan.spanId,
      attributes: { "mlflow.spanOutputs": "[1]" },
    });
    expect(rootSpan).toMatchObject({
      parentSpanId: "",
      attributes: { "mlflow.traceTag.a": "1", "session.id": "s" },
    });
    expect(`tr-${rootSpan.traceId}`).toBe(root.traceId);
  });

  test("a trace begins a tree of its own inside of a span, and can be made current by hand", async () => {
    const client = new SightlineClient();
    withSpan({ name: "around" }, () => {
      const root = client.startTrace({ name: "own" });
      root.run(() => withSpan({ name: "inside" }, () => undefined));
      client.endTrace(root);
    });
    await flush();
    const own = spanNamed(receiver.spans, "own");
    expect(own.parentSpanId).toBe("");
    expect(spanNamed(receiver.spans, "inside").parentSpanId).toBe(own.spanId);
  });

  test("a trace goes to the experiment that it names", async () => {
    const client = new SightlineClient();
    client.endTrace(client.startTrace({ name: "a" }));
    client.endTrace(client.startTrace({ name: "b", experiment: "another" }));
    await flush();
    const experiments = receiver.exports.map(({ headers }) => headers["x-sightline-experiment"]).sort();
    expect(experiments).toEqual(["another", "of init"]);
  });

  test("while tracing is disabled nothing is recorded", async () => {
    const client = new SightlineClient({ url: receiver.url });
    disable();
    const root = client.startTrace({ name: "root" });
    const child = client.startSpan({ name: "child", parent: root });
    enable();
    client.endSpan(child);
    client.endTrace(root);
    await flush();
    expect([root.isRecording, child.isRecording, receiver.spans]).toEqual([false, false, []]);
  });

  test("whatever they are called with, they do not throw", () => {
    const client = new SightlineClient();
    const begins = [undefined, null, 1, "x", {}, { traceId: "no", spanId: "no" }];
    const before = stats().failures;
    for (const parent of begins) {
      const span = client.startSpan({ name: "child", parent: parent as never });
      expect(span.traceId).toMatch(/^tr-/);
      client.endSpan(span, { status: "NONE" as never, endTime: "yesterday" as never });
    }
    for (const span of [undefined, null, 1, {}]) {
      client.endSpan(span as never);
      client.endTrace(span as never);
    }
    expect(stats().failures).toBeGreaterThan(before);
  });
});

test("without init() a client that names no server records nothing", () => {
  const root = new SightlineClient().startTrace({ name: "root" });
  expect(root.isRecording).toBe(false);
  new SightlineClient().endTrace(root);
});

test("after shutdown() nothing is recorded any more, whatever server a client names", async () => {
  init({ url: receiver.url });
  await shutdown();
  expect(new SightlineClient({ url: receiver.url }).startTrace({ name: "root" }).isRecording).toBe(false);
});
