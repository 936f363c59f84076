/**
 * The query API on a real server: every endpoint, held to its schemas by the client of `in-process.ts`.
 */
import { endpoints } from "@sightline/wire/api/registry";
import type { SightlineError } from "@sightline/wire/errors";
import type { OtlpSpan } from "@sightline/wire/otlp/span";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { errorOf, makeSpan, makeTrace, START, send } from "./spans.ts";

let under: ServerUnderTest;
/** 25 traces in `pages`, one second apart, every fifth failed; the last is the newest. */
let paged: OtlpSpan[];
beforeAll(async () => {
  under = await startInProcess();
  paged = Array.from({ length: 25 }, (_, index) =>
    makeSpan({
      name: `agent ${index}`,
      startTimeUnixNano: START + BigInt(index) * 1_000_000_000n,
      endTimeUnixNano: START + BigInt(index) * 1_000_000_000n + BigInt((index * 7) % 25) * 1_000_000n,
      statusCode: index % 5 === 0 ? 2 : 1,
      attributes: { "mlflow.spanInputs": JSON.stringify({ question: `number ${index}` }) },
    }),
  );
  expect((await send(under.url, paged, { "x-sightline-experiment": "pages" })).status).toBe(200);
});
afterAll(() => under.stop());

const idOf = (span: OtlpSpan | undefined) => `tr-${span?.traceId}`;
const failure = (answer: Promise<unknown>) =>
  answer.then(
    () => undefined,
    (error: SightlineError) => error,
  );

describe("search", () => {
  const search = (body: NonNullable<Parameters<typeof under.client.searchTraces>[0]>["body"]) =>
    under.client.searchTraces({ body: { experiments: ["pages"], ...body } });

  test("newest first; pages meet without gap or overlap", async () => {
    const seen: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await search({ maxResults: 7, ...(pageToken !== undefined && { pageToken }) });
      seen.push(...page.traces.map(({ info }) => info.traceId));
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    expect(seen).toEqual(paged.map(idOf).reverse());
  });

  test("shows where the texts of the filter stand, and gives attributes back as they came", async () => {
    const spelled = String.raw`{"question": "\u5929\u6c23 in \u004catin <\/b>"}`;
    const span = makeSpan({
      attributes: { "mlflow.spanInputs": spelled, "mlflow.spanOutputs": "It RAINS.\nTake care" },
    });
    expect((await send(under.url, [span], { "x-sightline-experiment": "texts" })).status).toBe(200);
    const body = {
      experiments: ["texts"],
      filter: '天氣 AND "rains.\ntake"',
      include: ["matches" as const, "spans" as const],
    };
    const { traces } = await under.client.searchTraces({ body });
    expect(traces.map(({ info }) => info.traceId)).toEqual([idOf(span)]);
    const [found] = traces;
    const shown = found?.matches?.map(({ spanId, field, snippet, at, length }) => [
      spanId,
      field,
      snippet.slice(at, at + length),
    ]);
    expect(shown).toEqual([
      [span.spanId, "input", "天氣"],
      [span.spanId, "output", "RAINS.\nTake"],
    ]);
    expect(found?.spans?.[0]?.attributes["mlflow.spanInputs"]).toBe(spelled);
    expect(found?.spans?.[0]?.inputs).toEqual(JSON.parse(spelled));
    expect((await under.client.searchTraces({ body: { experiments: ["texts"] } })).traces[0]).not.toHaveProperty(
      "matches",
    );
  });

  test("an order that is none is refused with what there is", async () => {
    const error = await failure(search({ orderBy: ["durration"] }));
    expect(error).toMatchObject({ code: "INVALID_PARAMETER", message: expect.stringContaining("execution_time_ms") });
    expect(await failure(search({ orderBy: Array.from({ length: 5 }, () => "name") }))).toMatchObject({
      code: "INVALID_PARAMETER",
    });
    const byTag = await search({ orderBy: ["tags.env ASC", "name DESC"], maxResults: 3 });
    expect(byTag.traces.map(({ info }) => info.name)).toEqual(["agent 9", "agent 8", "agent 7"]);
  });

  test("other orders page as well", async () => {
    for (const [orderBy, key] of [
      ["timestamp_ms ASC", (index: number) => index],
      ["execution_time_ms DESC", (index: number) => -((index * 7) % 25)],
      ["execution_time", (index: number) => (index * 7) % 25],
    ] as const) {
      const seen: string[] = [];
      let pageToken: string | undefined;
      do {
        const page = await search({
          maxResults: 10,
          orderBy: [orderBy],
          ...(pageToken !== undefined && { pageToken }),
        });
        seen.push(...page.traces.map(({ info }) => info.name));
        pageToken = page.nextPageToken;
      } while (pageToken !== undefined);
      const expected = [...paged.keys()].sort((a, b) => key(a) - key(b)).map((index) => `agent ${index}`);
      expect([orderBy, seen]).toEqual([orderBy, expected]);
    }
  });

  test("filter and time range choose; from counts in, to does not", async () => {
    const failed = await search({ filter: "status = 'ERROR'" });
    expect(failed.traces.map(({ info }) => info.name)).toEqual([
      "agent 20",
      "agent 15",
      "agent 10",
      "agent 5",
      "agent 0",
    ]);
    const range = await search({ from: "2026-11-24T08:25:11.717123Z", to: "2026-11-24T08:25:13.717123Z" });
    expect(range.traces.map(({ info }) => info.name)).toEqual(["agent 3", "agent 2"]);
  });

  test("include spans gives the spans of each trace", async () => {
    const { traces } = await search({ maxResults: 3, include: ["spans"] });
    expect(traces.map(({ spans }) => spans?.map((span) => span.inputs))).toEqual(
      [24, 23, 22].map((index) => [{ question: `number ${index}` }]),
    );
    expect((await search({ maxResults: 1 })).traces[0]).not.toHaveProperty("spans");
  });

  test("experiments are named by name or id; none named is none, unknown ones are told", async () => {
    const { experiments } = await under.client.listExperiments();
    const id = experiments.find(({ name }) => name === "pages")?.experimentId ?? "";
    expect((await search({ experiments: [id, "pages"], maxResults: 1000 })).traces).toHaveLength(25);
    expect(await search({ experiments: [] })).toEqual({ traces: [] });
    expect(await failure(search({ experiments: ["nowhere"] }))).toMatchObject({
      code: "EXPERIMENT_NOT_FOUND",
      message: 'Experiment "nowhere" does not exist. GET /api/v1/experiments lists them.',
    });
  });

  test("a page token of another search or of nobody is refused", async () => {
    const { nextPageToken = "" } = await search({ maxResults: 5 });
    expect(nextPageToken).not.toBe("");
    for (const body of [
      { pageToken: nextPageToken, filter: "status = 'OK'" },
      { pageToken: nextPageToken, orderBy: ["timestamp_ms ASC"] },
      { pageToken: nextPageToken, experiments: ["Default"] },
      { pageToken: "bm90IGEgdG9rZW4" },
    ]) {
      expect(await failure(search(body))).toMatchObject({ code: "BAD_PAGE_TOKEN", status: 400 });
    }
    expect((await search({ maxResults: 9, pageToken: nextPageToken })).traces).toHaveLength(9);
  });

  test("a filter that cannot be understood is told with its place", async () => {
    expect(await failure(search({ filter: "status = " }))).toMatchObject({
      code: "BAD_FILTER",
      details: { position: expect.any(Number), length: expect.any(Number), requestId: expect.any(String) },
    });
  });

  test("wrong fields are told by name", async () => {
    for (const [body, message] of [
      [{ maxResults: 1001 }, /field "maxResults"/],
      [{ orderBy: ["costs DESC"] }, /ordered by "?costs/],
      [{ from: "yesterday" }, /"yesterday" in "from" is not a time/],
      [{ surprise: 1 }, /surprise/],
    ] as const) {
      expect(await failure(search(body as object))).toMatchObject({
        code: "INVALID_PARAMETER",
        message: expect.stringMatching(message),
      });
    }
  });

  test("a page with spans ends early rather than grow without bound, and goes on", async () => {
    const text = "x".repeat(3_000_000);
    const big = Array.from({ length: 14 }, (_, index) =>
      makeSpan({
        startTimeUnixNano: START + BigInt(index),
        attributes: { "mlflow.spanInputs": JSON.stringify({ text }) },
      }),
    );
    for (const span of big) {
      expect((await send(under.url, [span], { "x-sightline-experiment": "big" })).status).toBe(200);
    }
    const sizes: number[] = [];
    const seen = new Set<string>();
    let pageToken: string | undefined;
    do {
      const page = await under.client.searchTraces({
        body: { experiments: ["big"], include: ["spans"], ...(pageToken !== undefined && { pageToken }) },
      });
      sizes.push(page.traces.length);
      for (const { info, spans } of page.traces) {
        expect(spans).toHaveLength(1);
        seen.add(info.traceId);
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    expect(sizes).toEqual([11, 3]);
    expect(seen.size).toBe(14);
  });
});

describe("count", () => {
  test("counts traces and failures of a selection", async () => {
    const { client } = under;
    expect(await client.countTraces({ body: { experiments: ["pages"] } })).toEqual({ total: 25, errors: 5 });
    expect(await client.countTraces({ body: { experiments: ["pages"], filter: "status = 'OK'" } })).toEqual({
      total: 20,
      errors: 0,
    });
    expect(await client.countTraces({ body: { experiments: [] } })).toEqual({ total: 0, errors: 0 });
  });
});

describe("one trace", () => {
  test("skeleton, whole trace and single span agree", async () => {
    const [root, child, orphan] = makeTrace(2);
    const spans = [root!, child!, { ...orphan!, parentSpanId: "f".repeat(16), endTimeUnixNano: 0n }];
    await send(under.url, spans);
    const params = { traceId: idOf(root) };
    const { trace } = await under.client.getTrace({ params });
    const skeleton = await under.client.getTraceSkeleton({ params });
    expect(skeleton.info).toEqual(trace.info);
    expect(skeleton.spans).toMatchObject({
      spanId: spans.map(({ spanId }) => spanId),
      parent: [-1, 0, -2],
      startUs: [0, 1, 2],
      durationUs: [5000, 5000, -1],
    });
    const one = await under.client.getSpan({ params: { ...params, spanId: child!.spanId } });
    expect(one.span).toEqual(trace.spans[1]);
  });

  test("an id without tr- is taken too", async () => {
    const { trace } = await under.client.getTrace({ params: { traceId: paged[0]!.traceId } });
    expect(trace.info.traceId).toBe(idOf(paged[0]));
  });

  test("tags are set, replaced and removed; any key can be addressed", async () => {
    const traceId = idOf(paged[1]);
    const keys = ["env", "a/b c", "50%", "ü.ñ", "%41"];
    for (const key of keys) await under.client.setTraceTag({ params: { traceId, key }, body: { value: `old ${key}` } });
    await under.client.setTraceTag({ params: { traceId, key: "env" }, body: { value: "prod" } });
    const tags = async () => (await under.client.getTrace({ params: { traceId } })).trace.info.tags;
    expect(await tags()).toMatchObject({
      env: "prod",
      "a/b c": "old a/b c",
      "50%": "old 50%",
      "ü.ñ": "old ü.ñ",
      "%41": "old %41",
    });
    const { traces } = await under.client.searchTraces({ body: { filter: "tags.env = 'prod'" } });
    expect(traces.map(({ info }) => info.traceId)).toEqual([traceId]);
    for (const key of [...keys, "never there"]) await under.client.deleteTraceTag({ params: { traceId, key } });
    expect(Object.keys(await tags())).toEqual(["service.name"]);
  });

  test("a tag over its limits is refused", async () => {
    const traceId = idOf(paged[1]);
    for (const [key, value, what] of [
      ["k".repeat(251), "v", "The key of the tag has 251 characters; the limit is 250."],
      ["k", "v".repeat(4097), "The value of the tag has 4097 characters; the limit is 4096."],
    ] as const) {
      expect(await failure(under.client.setTraceTag({ params: { traceId, key }, body: { value } }))).toMatchObject({
        code: "INVALID_PARAMETER",
        message: what,
      });
    }
  });

  test("a deleted trace is gone everywhere", async () => {
    const spans = makeTrace(2);
    await send(under.url, spans, { "x-sightline-experiment": "deleted" });
    const params = { traceId: idOf(spans[0]) };
    const before = await under.client.getStats();
    await under.client.deleteTrace({ params });
    expect(await failure(under.client.getTrace({ params }))).toMatchObject({ code: "TRACE_NOT_FOUND" });
    expect((await under.client.searchTraces({ body: { experiments: ["deleted"] } })).traces).toEqual([]);
    const after = await under.client.getStats();
    expect([after.traces - before.traces, after.spans - before.spans]).toEqual([-1, -3]);
  });

  test("what is not there is 404 with the id, for every endpoint about a trace", async () => {
    const { client } = under;
    for (const traceId of [`tr-${"0".repeat(31)}1`, "nonsense", "tr-"]) {
      const params = { traceId };
      const failures = await Promise.all([
        failure(client.getTrace({ params })),
        failure(client.getTraceSkeleton({ params })),
        failure(client.getSpan({ params: { ...params, spanId: "1".repeat(16) } })),
        failure(client.deleteTrace({ params })),
        failure(client.setTraceTag({ params: { ...params, key: "k" }, body: { value: "v" } })),
        failure(client.deleteTraceTag({ params: { ...params, key: "k" } })),
      ]);
      for (const error of failures) {
        expect(error).toMatchObject({
          code: "TRACE_NOT_FOUND",
          status: 404,
          message: expect.stringContaining(`"${traceId}"`),
        });
      }
    }
    const span = failure(client.getSpan({ params: { traceId: idOf(paged[0]), spanId: "1".repeat(16) } }));
    expect(await span).toMatchObject({ code: "SPAN_NOT_FOUND", status: 404 });
  });
});

describe("the whole", () => {
  test("experiments come with their activity, Default first", async () => {
    const { experiments } = await under.client.listExperiments();
    expect(experiments[0]).toMatchObject({ experimentId: "0", name: "Default" });
    expect(experiments.find(({ name }) => name === "pages")).toMatchObject({
      traces: 25,
      lastTraceTime: "2026-11-24T08:25:33.717123Z",
    });
  });

  test("stats count what is stored and readable", async () => {
    const before = await under.client.getStats();
    await send(under.url, makeTrace(4));
    const after = await under.client.getStats();
    expect([after.traces - before.traces, after.spans - before.spans]).toEqual([1, 5]);
    expect(after.experiments).toBeGreaterThanOrEqual(3);
    expect(after.bytesOnDisk).toBeGreaterThan(0);
  });

  test("/health and /version answer in plain text", async () => {
    const [health, version] = await Promise.all([fetch(`${under.url}/health`), fetch(`${under.url}/version`)]);
    expect([health.status, await health.text()]).toEqual([200, "OK"]);
    expect([version.status, await version.text()]).toEqual([200, "3.17.2"]);
    expect(version.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  });

  test("the OpenAPI document is served and knows every endpoint", async () => {
    const document = (await (await fetch(`${under.url}/api/v1/openapi.json`)).json()) as {
      paths: Record<string, object>;
    };
    const operations = Object.values(document.paths).flatMap(
      (methods) => Object.values(methods) as { operationId: string }[],
    );
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(endpoints).sort());
  });

  test("every endpoint of the registry has a route", async () => {
    for (const endpoint of Object.values(endpoints)) {
      const path = endpoint.path.replaceAll(/:\w+/g, "x");
      const answer = await fetch(`${under.url}${path}`, { method: endpoint.method });
      expect([endpoint.id, answer.status]).not.toEqual([endpoint.id, 405]);
      if (answer.status === 404) expect((await errorOf(answer)).code).not.toBe("NOT_FOUND");
    }
  });
});

describe("what is not asked as it should be", () => {
  const post = (path: string, body: string, type = "application/json") =>
    fetch(`${under.url}${path}`, { method: "POST", headers: { "content-type": type }, body });

  test("unknown addresses and wrong methods of the API are JSON, whatever is accepted", async () => {
    const unknown = await fetch(`${under.url}/api/v1/nothing`, { headers: { accept: "text/html" } });
    expect([unknown.status, await errorOf(unknown)]).toMatchObject([404, { code: "NOT_FOUND" }]);
    const wrong = await fetch(`${under.url}/api/v1/traces/search`);
    expect([wrong.status, wrong.headers.get("allow"), (await errorOf(wrong)).code]).toEqual([
      405,
      "POST",
      "METHOD_NOT_ALLOWED",
    ]);
    const trace = await post("/api/v1/traces/tr-1", "{}");
    expect([trace.status, trace.headers.get("allow")]).toEqual([405, "GET, HEAD, DELETE"]);
  });

  test("a body must be JSON and say so", async () => {
    const answers = await Promise.all([
      post("/api/v1/traces/search", "{}", "text/plain"),
      post("/api/v1/traces/search", "{}", "application/x-www-form-urlencoded"),
      post("/api/v1/traces/search", "{"),
      post("/api/v1/traces/search", "[]"),
      post("/api/v1/traces/search", JSON.stringify({ filter: "x".repeat(1024 * 1024) })),
    ]);
    expect(await Promise.all(answers.map(async (answer) => [answer.status, (await errorOf(answer)).code]))).toEqual([
      [415, "UNSUPPORTED_MEDIA_TYPE"],
      [415, "UNSUPPORTED_MEDIA_TYPE"],
      [400, "BAD_REQUEST"],
      [400, "INVALID_PARAMETER"],
      [413, "BODY_TOO_LARGE"],
    ]);
  });

  test("HEAD answers like GET without a body", async () => {
    const answer = await fetch(`${under.url}/api/v1/stats`, { method: "HEAD" });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });
});
