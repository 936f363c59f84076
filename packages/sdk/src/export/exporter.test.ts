/**
 * From the queue to a real server: what is delivered, what is tried again, what is counted.
 */
import { readFileSync } from "node:fs";
import { encodeExportResponse } from "@sightline/wire/otlp/protobuf";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { flush, init, type Stats, shutdown, stats } from "../init.ts";
import { type Receiver, startReceiver } from "../testing/receiver.ts";
import { startSpan, trace } from "../tracing/trace.ts";
import { SCOPE } from "./exporter.ts";

let receiver: Receiver;
let before: Stats;
// Warnings go to standard error; here they are looked at.
const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
beforeEach(async () => {
  receiver = await startReceiver();
  before = stats();
});
afterEach(async () => {
  await shutdown(0);
  await receiver.close();
});

const work = trace((n: number) => n, { name: "work" });
function makeSpans(count: number): void {
  for (let n = 0; n < count; n++) work(n);
}
/** What was counted in this test. */
function counted() {
  const now = stats();
  const dropped = Object.entries(now.dropped).map(([key, value]) => [
    key,
    value - before.dropped[key as keyof Stats["dropped"]],
  ]);
  return {
    ended: now.ended - before.ended,
    sent: now.sent - before.sent,
    retries: now.retries - before.retries,
    dropped: Object.fromEntries(dropped.filter(([, value]) => value !== 0)),
  };
}

describe("delivery", () => {
  test("comes by itself, in batches, with experiment, key and resource", async () => {
    init({ url: receiver.url, experiment: "prod 50% 客服", apiKey: "secret", serviceName: "bot" });
    makeSpans(1500);
    await receiver.waitForSpans(1500);
    expect(receiver.exports.length).toBeLessThan(10);
    const [first] = receiver.exports;
    expect(first!.path).toBe("/v1/traces");
    expect(first!.headers).toMatchObject({
      "content-type": "application/x-protobuf",
      "content-encoding": "gzip",
      authorization: "Bearer secret",
    });
    expect(decodeURIComponent(first!.headers["x-sightline-experiment"] as string)).toBe("prod 50% 客服");
    expect(first!.resource).toMatchObject({ "service.name": "bot", "telemetry.sdk.name": "sightline" });
    expect(await flush()).toBe(true);
    expect(counted()).toEqual({ ended: 1500, sent: 1500, retries: 0, dropped: {} });
  });

  test("goes on when the server closed the kept connection, without a word", async () => {
    init({ url: receiver.url });
    makeSpans(1);
    expect(await flush()).toBe(true);
    receiver.closeConnections();
    makeSpans(1);
    expect(await flush()).toBe(true);
    expect(counted()).toEqual({ ended: 2, sent: 2, retries: 0, dropped: {} });
  });

  test("names the version of the package", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(SCOPE).toEqual({ name: "@sightline/sdk", version });
  });

  test("of a large payload is whole", async () => {
    init({ url: receiver.url });
    const messages = Array.from({ length: 1000 }, (_, n) => ({ role: "user", content: `${n} ${"é🌧".repeat(1000)}` }));
    trace((input: unknown) => input, { name: "large" })(messages);
    expect(await flush()).toBe(true);
    expect(JSON.parse(String(receiver.spans[0]!.attributes["mlflow.spanOutputs"]))).toEqual(messages);
  });

  test("goes to the new server after init(), and to the old one for what began before", async () => {
    const second = await startReceiver();
    init({ url: receiver.url });
    const open = startSpan({ name: "before" });
    init({ url: second.url });
    makeSpans(1);
    const child = startSpan({ name: "child of before", parent: open });
    child.end();
    open.end();
    expect(await flush()).toBe(true);
    expect(second.spans.map(({ name }) => name)).toEqual(["work"]);
    expect(receiver.spans.map(({ name }) => name)).toEqual(["child of before", "before"]);
    expect(counted()).toMatchObject({ ended: 3, sent: 3, dropped: {} });
    await shutdown();
    await second.close();
  });

  test("of spans that run long shows them while they run", async () => {
    init({ url: receiver.url });
    const span = startSpan({ name: "long", inputs: "q" });
    const [running] = await receiver.waitForSpans(1);
    expect(running).toMatchObject({ name: "long", endTimeUnixNano: 0n, statusCode: 0 });
    span.setOutputs("a").end();
    await flush();
    expect(receiver.spans).toMatchObject([
      { spanId: span.spanId, statusCode: 1, attributes: { "mlflow.spanOutputs": '"a"' } },
    ]);
    expect(receiver.spans[0]!.endTimeUnixNano).toBeGreaterThan(0n);
    expect(counted()).toEqual({ ended: 1, sent: 1, retries: 0, dropped: {} });
  });
});

describe("a server that says later", () => {
  test.each([429, 502, 503, 504])("%d is asked again after Retry-After", async (status) => {
    receiver.answer((request) => (request < 3 ? { status, headers: { "retry-after": "0" } } : { status: 200 }));
    init({ url: receiver.url });
    makeSpans(2);
    expect(await flush()).toBe(true);
    expect(receiver.exports).toHaveLength(3);
    expect(counted()).toEqual({ ended: 2, sent: 2, retries: 2, dropped: {} });
  });

  test("by a date, and by a broken connection, is asked again too", async () => {
    receiver.answer((request) =>
      request === 1 ? { status: 503, headers: { "retry-after": new Date(0).toUTCString() } } : { status: 200 },
    );
    init({ url: receiver.url });
    makeSpans(1);
    expect(await flush()).toBe(true);
    const { port } = receiver;
    await receiver.close();
    makeSpans(1);
    expect(await flush(50)).toBe(false);
    receiver = await startReceiver(port);
    expect(await flush()).toBe(true);
    expect(receiver.spans).toHaveLength(1);
    expect(counted()).toMatchObject({ ended: 2, sent: 2, dropped: {} });
  });
});

describe("a server that says no", () => {
  test.each([400, 401, 404, 413, 500, 302])(
    "with %d is not asked again; what it refused is counted",
    async (status) => {
      receiver.answer(() => ({ status, body: JSON.stringify({ error: { message: "Not like this." } }) }));
      init({ url: receiver.url });
      makeSpans(3);
      expect(await flush()).toBe(false);
      expect(receiver.exports).toHaveLength(1);
      expect(counted()).toEqual({ ended: 3, sent: 0, retries: 0, dropped: { refused: 3 } });
      receiver.answer(() => ({ status: 200 }));
      makeSpans(1);
      expect(await flush()).toBe(true);
    },
  );

  test("to a part of a request is counted for that part", async () => {
    receiver.answer(() => ({
      status: 200,
      body: encodeExportResponse({ rejectedSpans: 2, errorMessage: "2 spans have no name." }),
    }));
    init({ url: receiver.url });
    makeSpans(5);
    expect(await flush()).toBe(false);
    expect(counted()).toEqual({ ended: 5, sent: 3, retries: 0, dropped: { refused: 2 } });
  });

  test("by a page instead of OTLP is no server of ours", async () => {
    receiver.answer(() => ({ status: 200, headers: { "content-type": "text/html" }, body: "<html>Hello</html>" }));
    init({ url: receiver.url });
    makeSpans(1);
    expect(await flush()).toBe(false);
    expect(counted().dropped).toEqual({ refused: 1 });
  });
});

describe("a server that is away", () => {
  test("or stalls leaves the traced code alone; the queue keeps its bound and counts what it drops", async () => {
    receiver.answer(() => "stall");
    const maxQueueBytes = 50_000;
    init({ url: receiver.url, maxQueueBytes });
    makeSpans(10);
    await receiver.waitForExports(1);
    const payload = "x".repeat(1000);
    const echo = trace((text: string) => text, { name: "echo" });
    for (let n = 0; n < 1000; n++) expect(echo(payload)).toBe(payload);
    expect(stats().queuedBytes).toBeLessThanOrEqual(maxQueueBytes);
    const { ended, dropped } = counted();
    expect(ended).toBe(1010);
    expect(dropped["queueFull"] + stats().queued).toBe(1010);
    expect(await shutdown(0)).toBe(false);
    expect(counted()).toMatchObject({ ended: 1010, sent: 0 });
    const lost = counted().dropped;
    expect(lost["queueFull"] + lost["unsentAtExit"]).toBe(1010);
  });

  test("makes flush() give up in time, and shutdown() count", async () => {
    receiver.answer(() => "stall");
    init({ url: receiver.url });
    makeSpans(2);
    expect(await flush(20)).toBe(false);
    expect(await shutdown(20)).toBe(false);
    expect(counted()).toEqual({ ended: 2, sent: 0, retries: 0, dropped: { unsentAtExit: 2 } });
    work(1);
    expect(counted().ended).toBe(2);
  });

  test("a span that ends after shutdown() is counted", async () => {
    init({ url: receiver.url });
    const span = startSpan({ name: "late" });
    expect(await shutdown()).toBe(true);
    span.end();
    expect(counted()).toMatchObject({ ended: 1, dropped: { unsentAtExit: 1 } });
  });
});

test("settings that cannot be used leave tracing as it was and do not throw", async () => {
  init({ url: receiver.url });
  init({ url: "localhost:5500" });
  makeSpans(1);
  expect(await flush()).toBe(true);
  expect(receiver.spans).toHaveLength(1);
  expect(warnings).toHaveBeenLastCalledWith(expect.stringContaining('is "localhost:5500"'), "SightlineWarning");
});
