/**
 * `POST /v1/traces` on a real server: formats, compression, experiments, refusals, limits, retries.
 */
import { deflateSync, gzipSync } from "node:zlib";
import { encodeExportRequestJson } from "@sightline/wire/otlp/json";
import { decodeExportResponse } from "@sightline/wire/otlp/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { encodeSpans, errorOf, makeSpan, makeTrace, START, send } from "./spans.ts";

let under: ServerUnderTest;
beforeAll(async () => {
  under = await startInProcess({ SIGHTLINE_MAX_BODY_BYTES: String(4 * 1024 * 1024) });
});
afterAll(() => under.stop());

const getTrace = async (otelTraceId: string) =>
  (await under.client.getTrace({ params: { traceId: `tr-${otelTraceId}` } })).trace;

describe("formats", () => {
  const requests = {
    protobuf: (spans: ReturnType<typeof makeTrace>) => ({ body: encodeSpans(spans), headers: {} }),
    "protobuf, gzip": (spans: ReturnType<typeof makeTrace>) => ({
      body: gzipSync(encodeSpans(spans)),
      headers: { "content-encoding": "gzip" },
    }),
    "protobuf, deflate": (spans: ReturnType<typeof makeTrace>) => ({
      body: deflateSync(encodeSpans(spans)),
      headers: { "content-encoding": "deflate" },
    }),
    "json with a charset": (spans: ReturnType<typeof makeTrace>) => ({
      body: Buffer.from(encodeExportRequestJson([{ resource: {}, scope: { name: "test", version: "" }, spans }])),
      headers: { "content-type": "application/json; charset=utf-8" },
    }),
  };
  for (const [name, make] of Object.entries(requests)) {
    test(`${name}: the trace is readable when the answer comes`, async () => {
      const spans = makeTrace(2);
      const { body, headers } = make(spans);
      const answer = await send(under.url, body, headers);
      expect(answer.status).toBe(200);
      const type = (headers as Record<string, string>)["content-type"] ? "application/json" : "application/x-protobuf";
      expect(answer.headers.get("content-type")).toBe(type);
      expect(await answer.text()).toBe(type === "application/json" ? "{}" : "");
      const trace = await getTrace(spans[0]!.traceId);
      expect(trace.info).toMatchObject({ experimentId: "0", name: "agent", state: "OK", spanCount: 3 });
      expect(trace.spans.map((span) => span.name)).toEqual(["agent", "step 0", "step 1"]);
    });
  }

  test("other content types and encodings are refused with 415", async () => {
    const plain = await send(under.url, makeTrace(0), { "content-type": "text/plain" });
    const zstd = await send(under.url, makeTrace(0), { "content-encoding": "zstd" });
    expect([plain.status, zstd.status]).toEqual([415, 415]);
    expect(await errorOf(plain)).toMatchObject({
      code: "UNSUPPORTED_MEDIA_TYPE",
      message: 'Content-Type is "text/plain"; send OTLP as application/x-protobuf or application/json.',
    });
  });

  test("what cannot be decoded is refused with 400", async () => {
    const cut = encodeSpans(makeTrace(3)).subarray(0, 100);
    const answers = await Promise.all([
      send(under.url, cut),
      send(under.url, Buffer.from("{ not json"), { "content-type": "application/json" }),
      send(under.url, Buffer.from('{"resourceSpans": 5}'), { "content-type": "application/json" }),
      send(under.url, Buffer.from("not gzip"), { "content-encoding": "gzip" }),
    ]);
    expect(await Promise.all(answers.map(async (answer) => [answer.status, (await errorOf(answer)).code]))).toEqual([
      [400, "OTLP_MALFORMED"],
      [400, "OTLP_MALFORMED"],
      [400, "OTLP_MALFORMED"],
      [400, "BAD_REQUEST"],
    ]);
  });

  test("a request without spans is accepted", async () => {
    expect((await send(under.url, new Uint8Array())).status).toBe(200);
  });

  test("a method other than POST is told what is allowed", async () => {
    const answer = await fetch(`${under.url}/v1/traces`);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

describe("spans", () => {
  test("attributes, events, links, times and texts come back as they were sent", async () => {
    const attributes = {
      text: '日本語 \u0000 " \\ 🦊',
      integer: 42,
      big: 9_007_199_254_740_993n,
      float: 0.1,
      flag: false,
      none: null,
      list: [1, "two", [true]],
      nested: { a: { b: 1 }, "c.d": [] },
      "mlflow.spanInputs": '{"question": "why",  "id": 12345678901234567890}',
      "mlflow.spanOutputs": "plain text",
      "mlflow.spanType": "AGENT",
    };
    const span = makeSpan({
      attributes,
      endTimeUnixNano: START + 1_234_567n,
      statusCode: 2,
      statusMessage: "boom",
      events: [{ name: "exception", timeUnixNano: START + 5n, attributes: { "exception.type": "E", n: 7 } }],
      links: [{ traceId: "ab".repeat(16), spanId: "cd".repeat(8), attributes: { why: "retry" } }],
    });
    expect((await send(under.url, [span])).status).toBe(200);
    const answer = await fetch(`${under.url}/api/v1/traces/tr-${span.traceId}`);
    const text = await answer.text();
    // Integers over 2^53 are written with all their digits, both in attributes and inside payloads.
    expect(text).toContain('"big":9007199254740993');
    expect(text).toContain('"id": 12345678901234567890');
    const trace = await getTrace(span.traceId);
    expect(trace.info).toMatchObject({ state: "ERROR", requestTime: "2026-11-24T08:25:09.717123Z", durationMs: 1.234 });
    const [stored] = trace.spans;
    expect(stored).toMatchObject({
      spanId: span.spanId,
      spanType: "AGENT",
      service: "test",
      startTimeUnixNano: String(START),
      endTimeUnixNano: String(START + 1_234_567n),
      status: { code: "ERROR", message: "boom" },
      inputs: { question: "why" },
      outputs: "plain text",
      events: [{ name: "exception", timeUnixNano: String(START + 5n), attributes: { "exception.type": "E", n: 7 } }],
      links: [{ traceId: "ab".repeat(16), spanId: "cd".repeat(8), attributes: { why: "retry" } }],
    });
    expect(stored?.attributes).toEqual({ ...attributes, big: Number(attributes.big) });
  });

  test("one request may hold many traces of many services", async () => {
    const traces = Array.from({ length: 20 }, () => makeTrace(3));
    expect((await send(under.url, traces.flat())).status).toBe(200);
    const found = await Promise.all(traces.map(([root]) => getTrace(root!.traceId)));
    expect(found.map(({ info }) => info.spanCount)).toEqual(traces.map(() => 4));
  });

  test("a trace may come in parts, in any order", async () => {
    const [root, ...steps] = makeTrace(2);
    for (const span of [...steps, root!]) expect((await send(under.url, [span])).status).toBe(200);
    expect((await getTrace(root!.traceId)).info).toMatchObject({ name: "agent", state: "OK", spanCount: 3 });
  });

  test("a running span is replaced by its end; sending again changes nothing", async () => {
    const span = makeSpan({ endTimeUnixNano: 0n, statusCode: 0 });
    await send(under.url, [span]);
    expect((await getTrace(span.traceId)).info.state).toBe("IN_PROGRESS");
    const ended = { ...span, endTimeUnixNano: START + 1_000_000n, statusCode: 1 };
    for (let round = 0; round < 3; round += 1) expect((await send(under.url, [ended])).status).toBe(200);
    const trace = await getTrace(span.traceId);
    expect(trace.info).toMatchObject({ state: "OK", spanCount: 1, durationMs: 1 });
    expect(trace.spans).toHaveLength(1);
  });

  test("within one request the later copy of a span wins", async () => {
    const span = makeSpan({ endTimeUnixNano: 0n });
    await send(under.url, [span, { ...span, name: "later", endTimeUnixNano: START + 1n }]);
    const trace = await getTrace(span.traceId);
    expect(trace.spans.map(({ name }) => name)).toEqual(["later"]);
    expect(trace.info).toMatchObject({ name: "later", spanCount: 1 });
  });

  test("resource attributes of the root become tags, without those of the SDK", async () => {
    const span = makeSpan({ attributes: { "mlflow.traceTag.env": "prod" } });
    const resource = { "service.name": "shop", "deployment.environment": "eu", env: "dev", "telemetry.sdk.name": "x" };
    await send(under.url, encodeSpans([span], resource));
    expect((await getTrace(span.traceId)).info.tags).toEqual({
      "service.name": "shop",
      "deployment.environment": "eu",
      env: "prod",
    });
  });
});

describe("partial success", () => {
  test("spans that cannot be kept are refused alone, with count and reasons", async () => {
    const good = makeTrace(1);
    const bad = [
      makeSpan({ traceId: "", name: "no trace id" }),
      makeSpan({ spanId: "0000000000000000" }),
      makeSpan({ startTimeUnixNano: 0n }),
      makeSpan({ parentSpanId: "abcd" }),
    ];
    const answer = await send(under.url, [good[0]!, ...bad, good[1]!]);
    expect(answer.status).toBe(200);
    expect(decodeExportResponse(new Uint8Array(await answer.arrayBuffer()))).toEqual({
      rejectedSpans: 4,
      errorMessage:
        '4 of 6 spans refused: span "no trace id": trace id "" is not 32 hex digits, not all 0; ' +
        'span "agent": span id "0000000000000000" is not 16 hex digits, not all 0; ' +
        'span "agent": start time 0 is not in nanoseconds since 1970, or is after 2106; and 1 more.',
    });
    expect((await getTrace(good[0]!.traceId)).info.spanCount).toBe(2);
  });

  test("JSON requests get the same as JSON", async () => {
    const body = encodeExportRequestJson([
      { resource: {}, scope: { name: "t", version: "" }, spans: [makeSpan({ spanId: "" })] },
    ]);
    const answer = await send(under.url, Buffer.from(body), { "content-type": "application/json" });
    expect(await answer.json()).toMatchObject({
      partialSuccess: {
        rejectedSpans: expect.anything(),
        errorMessage: expect.stringContaining("1 of 1 spans refused"),
      },
    });
  });
});

describe("experiments", () => {
  test("a name makes the experiment on first use, also when many requests come at once", async () => {
    const traces = Array.from({ length: 10 }, () => makeSpan());
    const answers = await Promise.all(
      traces.map((span) => send(under.url, [span], { "x-sightline-experiment": "support-bot" })),
    );
    expect(answers.map(({ status }) => status)).toEqual(traces.map(() => 200));
    const { experiments } = await under.client.listExperiments();
    const made = experiments.filter(({ name }) => name === "support-bot");
    expect(made).toHaveLength(1);
    expect(made[0]).toMatchObject({ traces: 10, lastTraceTime: "2026-11-24T08:25:09.717123Z" });
  });

  test("names in other scripts arrive percent-encoded or as UTF-8", async () => {
    const name = "客服 50%";
    for (const header of [encodeURIComponent(name), Buffer.from(name).toString("latin1")]) {
      const span = makeSpan();
      expect((await send(under.url, [span], { "x-sightline-experiment": header })).status).toBe(200);
      const { traces } = await under.client.searchTraces({ body: { experiments: [name] } });
      expect(traces.map(({ info }) => info.traceId)).toContain(`tr-${span.traceId}`);
    }
  });

  test("an id must exist", async () => {
    const { experiments } = await under.client.listExperiments();
    const id = experiments.find(({ name }) => name === "support-bot")?.experimentId ?? "";
    const span = makeSpan();
    expect((await send(under.url, [span], { "x-mlflow-experiment-id": id })).status).toBe(200);
    expect((await getTrace(span.traceId)).info.experimentId).toBe(id);
    for (const unknown of ["987654321", "support-bot", "1 OR 1=1"]) {
      const answer = await send(under.url, [makeSpan()], { "x-mlflow-experiment-id": unknown });
      expect([answer.status, (await errorOf(answer)).code]).toEqual([404, "EXPERIMENT_NOT_FOUND"]);
    }
  });

  test("a name that cannot be one is refused", async () => {
    for (const name of ["%20", "x".repeat(501), "a%0Ab"]) {
      const answer = await send(under.url, [makeSpan()], { "x-sightline-experiment": name });
      expect([answer.status, (await errorOf(answer)).code]).toEqual([400, "INVALID_PARAMETER"]);
    }
  });
});

describe("limits", () => {
  test("a body over the limit is refused with 413", async () => {
    const answer = await send(under.url, Buffer.alloc(4 * 1024 * 1024 + 1));
    expect([answer.status, (await errorOf(answer)).code]).toEqual([413, "BODY_TOO_LARGE"]);
  });

  test("a zip bomb is stopped while it inflates", async () => {
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024));
    const before = process.memoryUsage().rss;
    const answer = await send(under.url, bomb, { "content-encoding": "gzip" });
    expect([answer.status, (await errorOf(answer)).code]).toEqual([413, "BODY_TOO_LARGE"]);
    // Far below the 256 MiB that the bomb holds.
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  test("a payload of 3 MB goes in and comes out", async () => {
    const text = "0123456789 ".repeat(300_000);
    const span = makeSpan({ attributes: { "mlflow.spanInputs": JSON.stringify({ text }) } });
    expect((await send(under.url, [span])).status).toBe(200);
    expect((await getTrace(span.traceId)).spans[0]?.inputs).toEqual({ text });
  });

  test("a request of 10,000 spans is kept whole", async () => {
    const spans = makeTrace(9_999);
    expect((await send(under.url, spans)).status).toBe(200);
    expect((await getTrace(spans[0]!.traceId)).info.spanCount).toBe(10_000);
  });
});
