/**
 * Trace headers between real servers and clients, in two processes.
 */
import { once } from "node:events";
import { createServer, request as requestHttp, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { request as requestUndici } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { flush, init, shutdown, stats } from "../init.ts";
import { type Program, startProgram } from "../testing/program.ts";
import { type Receiver, spanNamed, startReceiver } from "../testing/receiver.ts";
import { updateCurrentTrace } from "./current.ts";
import { getTraceHeaders, withTraceHeaders } from "./propagation.ts";
import { startSpan, withSpan } from "./trace.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${spanId}-01`;

let receiver: Receiver;
/** Another process: answers with the headers that it would send on, from inside its span. */
let service: Program;
let serviceUrl: string;
/** In this process: answers with the headers that came. */
let echo: Server;
let echoUrl: string;

beforeAll(async () => {
  receiver = await startReceiver();
  service = startProgram(
    `
      import { createServer } from "node:http";
      import * as sightline from "@sightline/sdk";
      createServer((request, response) =>
        sightline.withTraceHeaders(
          request.headers,
          () =>
            sightline.withSpan({ name: "serve " + request.url }, async () => {
              for await (const _ of request) await null;
              response.end(JSON.stringify(sightline.getTraceHeaders({ baggage: true })));
            }),
          { baggage: true },
        ),
      ).listen(0, "127.0.0.1", function () {
        console.log("port=" + this.address().port + ";");
      });
    `,
    { env: { SIGHTLINE_URL: receiver.url } },
  );
  const line = await service.printed(";");
  serviceUrl = `http://127.0.0.1:${/port=(\d+);/.exec(line)![1]}`;
  echo = createServer((request, response) => response.end(JSON.stringify(request.headers)));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  echoUrl = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
});
afterAll(async () => {
  service.process.kill();
  echo.close();
  echo.closeAllConnections();
  await service.ended;
  await receiver.close();
});
beforeEach(() => init({ url: receiver.url }));
afterEach(() => shutdown());

/** A request by `node:http`; gives the answer's JSON. */
async function viaHttp(url: string, headers: Record<string, string> = {}): Promise<Record<string, string>> {
  const request = requestHttp(url, { method: "POST", headers });
  request.end("body");
  const [response] = (await once(request, "response")) as [NodeJS.ReadableStream];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return JSON.parse(text) as Record<string, string>;
}

const clients = {
  fetch: async (url: string, headers: Record<string, string> = {}) =>
    (await fetch(url, { method: "POST", body: "body", headers })).json() as Promise<Record<string, string>>,
  undici: async (url: string, headers: Record<string, string> = {}) =>
    (await requestUndici(url, { method: "POST", body: "body", headers })).body.json() as Promise<
      Record<string, string>
    >,
  "node:http": viaHttp,
};

for (const [name, call] of Object.entries(clients)) {
  test(`a service called by ${name} goes on with the trace`, async () => {
    const path = `/manual/${name}`;
    await withSpan({ name: `caller of ${path}` }, () => call(serviceUrl + path, getTraceHeaders()));
    await flush();
    await receiver.waitForSpanNamed(`serve ${path}`);
    const caller = spanNamed(receiver.spans, `caller of ${path}`);
    expect(spanNamed(receiver.spans, `serve ${path}`)).toMatchObject({
      traceId: caller.traceId,
      parentSpanId: caller.spanId,
    });
  });
}

test("session, user and the state of other systems go through a service that is asked to hand them on", async () => {
  const state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
  const answer = await withTraceHeaders({ traceparent, tracestate: state, baggage: "tenant=t%201;p=1" }, () =>
    withSpan({ name: "front" }, () => {
      updateCurrentTrace({ sessionId: "s, 1", userId: "ü" });
      expect(getTraceHeaders()).not.toHaveProperty("baggage");
      return clients.fetch(`${serviceUrl}/baggage`, getTraceHeaders({ baggage: true }));
    }),
  );
  expect(answer).toEqual({
    traceparent: expect.stringMatching(`^00-${traceId}-[0-9a-f]{16}-01$`),
    tracestate: state,
    baggage: "session.id=s%2C%201,user.id=%C3%BC,tenant=t%201;p=1",
  });
  const served = await receiver.waitForSpanNamed("serve /baggage");
  expect(served.attributes).toMatchObject({ "session.id": "s, 1", "user.id": "ü" });
  await flush();
  expect(spanNamed(receiver.spans, "front")).toMatchObject({ traceId, parentSpanId: spanId });
});

test("baggage is not believed unless asked for", async () => {
  const headers = { traceparent, baggage: "session.id=stolen" };
  withTraceHeaders(headers, () => withSpan({ name: "careful" }, () => undefined));
  await flush();
  expect(spanNamed(receiver.spans, "careful").attributes).not.toHaveProperty("session.id");
});

test.for([
  ["Headers", new Headers({ traceparent })],
  ["an object of node:http", { traceparent, host: "localhost", "set-cookie": ["a", "b"] }],
  ["an object in any case", { Host: "localhost", TraceParent: traceparent }],
  ["a list of one value", { traceparent: [traceparent] }],
  ["a Map", new Map([["traceparent", traceparent]])],
] as const)("headers are read from %s", async ([name, headers]) => {
  withTraceHeaders(headers, () => withSpan({ name: `from ${name}` }, () => undefined));
  await flush();
  expect(spanNamed(receiver.spans, `from ${name}`)).toMatchObject({ traceId, parentSpanId: spanId });
});

test("malformed headers are ignored and counted", async () => {
  const before = stats().malformedHeaders;
  const inside = (headers: Parameters<typeof withTraceHeaders>[0]) =>
    withTraceHeaders(headers, () => getTraceHeaders({ baggage: true }));
  expect(inside({ traceparent: "garbage", tracestate: "a=1" })).toEqual({});
  expect(inside({ traceparent: [traceparent, traceparent] })).toEqual({});
  expect(inside({ traceparent, tracestate: "=" })).toEqual({ traceparent });
  expect(inside({ traceparent, baggage: "ok=1,b r o k e n" })).toEqual({ traceparent, baggage: "ok=1" });
  expect(stats().malformedHeaders - before).toBe(4);
  const span = withTraceHeaders({ traceparent: "garbage" }, () => startSpan({ name: "on its own" }));
  span.end();
  await flush();
  expect(spanNamed(receiver.spans, "on its own").parentSpanId).toBe("");
});

test.for([undefined, null, "text", 7])("headers that are %j do no harm", (headers) => {
  const failures = stats().failures;
  expect(withTraceHeaders(headers as unknown as Headers, () => "result")).toBe("result");
  expect(stats().failures).toBe(failures);
});

test("headers whose getter throws are a failure of tracing, not of the work", () => {
  const before = stats().failures;
  const broken = {
    get(): string {
      throw new Error("detached");
    },
  };
  expect(withTraceHeaders(broken, () => "result")).toBe("result");
  expect(stats().failures).toBe(before + 1);
});

test("what the caller does not record is not recorded here, and the flag is handed on", async () => {
  const notSampled = `00-${traceId}-${spanId}-00`;
  const ended = stats().ended;
  const headers = withTraceHeaders({ traceparent: notSampled }, () => {
    expect(getTraceHeaders()).toEqual({ traceparent: notSampled });
    return withSpan({ name: "left out" }, (span) => {
      expect(span.isRecording).toBe(false);
      return withSpan({ name: "below" }, () => getTraceHeaders());
    });
  });
  expect(headers["traceparent"]).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  expect(stats().ended).toBe(ended);
});

test("a request's trace has nothing to do with the span in which its server was started", async () => {
  await withSpan({ name: "starter" }, () =>
    withTraceHeaders({ traceparent }, () => withSpan({ name: "of the request" }, () => undefined)),
  );
  await flush();
  expect(spanNamed(receiver.spans, "of the request")).toMatchObject({ traceId, parentSpanId: spanId });
});

test("without a trace there are no headers", () => {
  expect(getTraceHeaders()).toEqual({});
  expect(getTraceHeaders({ baggage: true })).toEqual({});
});

test("a span that has ended is handed on still, e.g. by work that outlives it", () => {
  const span = startSpan({ name: "early" });
  span.end();
  expect(span.run(() => getTraceHeaders())["traceparent"]).toMatch(new RegExp(`-${span.spanId}-01$`));
});

for (const [name, call] of Object.entries(clients)) {
  test(`${name} carries the headers by itself to the origins that were named, and to no other`, async () => {
    init({ url: receiver.url, propagateTo: [serviceUrl, /^https:\/\/never\./g] });
    const path = `/automatic/${name}`;
    await withSpan({ name: `caller of ${path}` }, async () => {
      await call(serviceUrl + path);
      expect(await call(echoUrl)).not.toHaveProperty("traceparent");
    });
    const outside = await call(serviceUrl + path.replace("automatic", "outside"));
    await flush();
    const served = await receiver.waitForSpanNamed(`serve ${path}`);
    const caller = spanNamed(receiver.spans, `caller of ${path}`);
    expect(served).toMatchObject({ traceId: caller.traceId, parentSpanId: caller.spanId });
    expect(outside["traceparent"]).not.toContain(caller.traceId);
  });

  test(`${name} keeps a traceparent that the program sets itself`, async () => {
    init({ url: receiver.url, propagateTo: [new RegExp(`:${new URL(echoUrl).port}$`, "g")] });
    await withSpan({ name: "caller" }, async (span) => {
      const own = await call(echoUrl, { TraceParent: traceparent });
      expect(own["traceparent"]).toBe(traceparent);
      // Twice: a pattern with the flag g looks from where it found something.
      for (const _ of [1, 2]) expect((await call(echoUrl))["traceparent"]).toContain(span.spanId);
    });
  });
}

test("after shutdown, requests carry nothing", async () => {
  init({ url: receiver.url, propagateTo: [echoUrl] });
  const span = startSpan({ name: "left over" });
  await shutdown();
  for (const call of Object.values(clients)) {
    expect(await span.run(() => call(echoUrl))).not.toHaveProperty("traceparent");
  }
});
