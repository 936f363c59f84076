import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { flush, init, shutdown } from "../init.ts";
import { type Receiver, spanNamed, startReceiver } from "../testing/receiver.ts";
import { getCurrentSpan } from "./context.ts";
import { getLastActiveTraceId, updateCurrentTrace } from "./current.ts";
import { trace, withSpan } from "./trace.ts";

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
  init({ url: receiver.url });
});
afterEach(async () => {
  await shutdown();
  await receiver.close();
});

test("what is said about the trace, from anywhere inside, is on its root span", async () => {
  const inner = trace(async () => {
    await wait(1);
    updateCurrentTrace({ tags: { fruit: "apple" }, metadata: { version: "1.2" }, userId: "u" });
  });
  await withSpan({ name: "root" }, async () => {
    updateCurrentTrace({ tags: { fruit: "pear", env: "prod" }, sessionId: "s" });
    await inner();
    updateCurrentTrace({ clientRequestId: "r", requestPreview: "asked", responsePreview: "answered" });
    updateCurrentTrace({ version: "v3", state: "ERROR" });
    updateCurrentTrace({ state: "GREAT" as "OK" });
  });
  await flush();
  expect(spanNamed(receiver.spans, "root").attributes).toMatchObject({
    "mlflow.traceTag.fruit": "apple",
    "mlflow.traceTag.env": "prod",
    "mlflow.traceMetadata.version": "1.2",
    "session.id": "s",
    "user.id": "u",
    "sightline.trace.clientRequestId": "r",
    "sightline.trace.requestPreview": "asked",
    "sightline.trace.responsePreview": "answered",
    "mlflow.traceMetadata.sightline.version": "v3",
    "sightline.trace.state": "ERROR",
  });
});

test("values that are not texts become texts", async () => {
  withSpan({ name: "root" }, () => {
    updateCurrentTrace({ tags: { n: 1, o: { a: 1 } } as unknown as Record<string, string> });
  });
  await flush();
  expect(receiver.spans[0]!.attributes).toMatchObject({ "mlflow.traceTag.n": "1", "mlflow.traceTag.o": '{"a":1}' });
});

test("outside of a trace nothing happens", () => {
  updateCurrentTrace({ tags: { a: "b" } });
  expect(getCurrentSpan()).toBeUndefined();
});

test("work that outlives its root says it on its own span", async () => {
  let late: Promise<void> = Promise.resolve();
  withSpan({ name: "root" }, () => {
    late = withSpan({ name: "late" }, async () => {
      await wait(1);
      updateCurrentTrace({ tags: { late: "yes" } });
    });
  });
  await late;
  await flush();
  expect(spanNamed(receiver.spans, "late").attributes["mlflow.traceTag.late"]).toBe("yes");
});

test("the last active trace is the one running here, else the one that began or ended last", async () => {
  const ids: (string | undefined)[] = [];
  const first = withSpan({ name: "first" }, (span) => {
    ids.push(getLastActiveTraceId());
    return span.traceId;
  });
  expect(first).toMatch(/^tr-[0-9a-f]{32}$/);
  expect(ids).toEqual([first]);
  expect(getLastActiveTraceId()).toBe(first);
  await withSpan({ name: "second" }, async (span) => {
    withSpan({ name: "child" }, () => undefined);
    expect(getLastActiveTraceId()).toBe(span.traceId);
  });
  expect(getLastActiveTraceId()).not.toBe(first);
});
