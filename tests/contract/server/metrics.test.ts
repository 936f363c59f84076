/**
 * POST /api/v1/metrics on a real server, held to its schema by the client of `in-process.ts`.
 */
import type { OtlpSpan } from "@sightline/wire/otlp/span";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { makeSpan, START, send } from "./spans.ts";

/** The start of the minute that START is in, and of the next. */
const MINUTE = "2026-11-24T08:25:00.000000Z";
const NEXT_MINUTE = "2026-11-24T08:26:00.000000Z";

let under: ServerUnderTest;
beforeAll(async () => {
  under = await startInProcess();
  // Four traces: at 0 s, 20 s, 40 s and 60 s after START, of 10, 20, 30 and 100 ms, the last one failed; each with a model call.
  const spans = [10, 20, 30, 100].flatMap((ms, index): OtlpSpan[] => {
    const startTimeUnixNano = START + BigInt(index * 20) * 1_000_000_000n;
    const root = makeSpan({
      name: index < 2 ? "chat" : "plan",
      startTimeUnixNano,
      endTimeUnixNano: startTimeUnixNano + BigInt(ms) * 1_000_000n,
      statusCode: index === 3 ? 2 : 1,
      attributes: index === 0 ? { "session.id": "s1" } : {},
    });
    const call = makeSpan({
      traceId: root.traceId,
      parentSpanId: root.spanId,
      name: "call",
      startTimeUnixNano,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": index % 2 === 0 ? "small" : "large",
        "gen_ai.usage.input_tokens": 100 * (index + 1),
        "gen_ai.usage.output_tokens": 10,
      },
    });
    return [root, call];
  });
  expect((await send(under.url, spans, { "x-sightline-experiment": "measured" })).status).toBe(200);
});
afterAll(() => under.stop());

type Body = Parameters<ServerUnderTest["client"]["queryMetrics"]>[0]["body"];
const measure = async (body: Partial<Body>) =>
  (
    await under.client.queryMetrics({
      body: { view: "traces", metric: "latency", aggregations: ["count"], experiments: ["measured"], ...body },
    })
  ).points;
/** Also for bodies that the types do not allow. */
const refused = (body: object) =>
  measure(body).then(
    () => undefined,
    (error: unknown) => error,
  );

test("without interval and group there is one point", async () => {
  expect(await measure({ aggregations: ["count", "sum", "avg", "min", "max", "p50"] })).toEqual([
    { values: { count: 4, sum: 160, avg: 40, min: 10, max: 100, p50: 25 } },
  ]);
  expect(await measure({ filter: "status = 'OK'", aggregations: ["max"] })).toEqual([{ values: { max: 30 } }]);
});

test("an interval gives a point for each bucket, a dimension for each value", async () => {
  expect(await measure({ metric: "trace_count", intervalSeconds: 60 })).toEqual([
    { time: MINUTE, values: { count: 3 } },
    { time: NEXT_MINUTE, values: { count: 1 } },
  ]);
  expect(await measure({ metric: "total_tokens", aggregations: ["sum"], groupBy: ["name", "session"] })).toEqual([
    { group: { name: "chat", session: "s1" }, values: { sum: 110 } },
    { group: { name: "chat", session: null }, values: { sum: 210 } },
    { group: { name: "plan", session: null }, values: { sum: 720 } },
  ]);
  expect(await measure({ intervalSeconds: 60, groupBy: ["trace_status"] })).toEqual([
    { time: MINUTE, group: { trace_status: "OK" }, values: { count: 3 } },
    { time: NEXT_MINUTE, group: { trace_status: "ERROR" }, values: { count: 1 } },
  ]);
});

test("spans are those of the traces that match, by model and by type", async () => {
  const calls: Partial<Body> = { view: "spans", metric: "input_tokens", aggregations: ["count", "sum"] };
  expect(await measure({ ...calls, groupBy: ["model"] })).toEqual([
    { group: { model: "large" }, values: { count: 2, sum: 600 } },
    { group: { model: "small" }, values: { count: 2, sum: 400 } },
    { group: { model: null }, values: { count: 0, sum: null } },
  ]);
  expect(
    await measure({ view: "spans", metric: "span_count", filter: "name = 'plan'", groupBy: ["span_name"] }),
  ).toEqual([
    { group: { span_name: "call" }, values: { count: 2 } },
    { group: { span_name: "plan" }, values: { count: 2 } },
  ]);
  // From the second trace to before the fourth.
  const range = { from: "2026-11-24T08:25:29Z", to: "2026-11-24T08:26:00Z" };
  expect(await measure({ ...calls, ...range })).toEqual([{ values: { count: 2, sum: 500 } }]);
});

test("only some rows count, the largest groups stand alone, any percentile is given as it was asked for", async () => {
  const calls: Partial<Body> = { view: "spans", metric: "span_count", groupBy: ["model"] };
  expect(await measure({ ...calls, only: { span_type: ["LLM", "CHAT_MODEL"], model: ["small", null] } })).toEqual([
    { group: { model: "small" }, values: { count: 2 } },
  ]);
  expect(await measure({ ...calls, top: 1 })).toEqual([
    { group: { model: null }, values: { count: 4 } },
    { other: true, values: { count: 4 } },
  ]);
  expect(await measure({ aggregations: ["p75", "p50.0", "p99.9"] })).toEqual([
    { values: { p75: 47.5, "p50.0": 25, "p99.9": expect.closeTo(99.79, 9) } },
  ]);
});

test("every trace fact groups its spans, tags as they were edited", async () => {
  const { traces } = await under.client.searchTraces({ body: { experiments: ["measured"], filter: "name = 'plan'" } });
  for (const { info } of traces) {
    await under.client.setTraceTag({ params: { traceId: info.traceId, key: "my key" }, body: { value: "v" } });
  }
  const groupBy = ["trace_name", "tags.my key"];
  expect(await measure({ view: "spans", metric: "span_count", groupBy })).toEqual([
    { group: { trace_name: "chat", "tags.my key": null }, values: { count: 4 } },
    { group: { trace_name: "plan", "tags.my key": "v" }, values: { count: 4 } },
  ]);
  expect(await measure({ metric: "trace_count", groupBy: ["tags.`my key`"], only: { "tags.my key": ["v"] } })).toEqual([
    { group: { "tags.`my key`": "v" }, values: { count: 2 } },
  ]);
});

test("empty buckets are filled between the times, and the server picks a round interval", async () => {
  const range = { from: "2026-11-24T08:24:00Z", to: "2026-11-24T08:28:00Z" };
  const counts = await measure({
    ...range,
    metric: "error_rate",
    aggregations: ["count", "avg"],
    intervalSeconds: 60,
    fill: true,
  });
  expect(counts.map(({ time, values }) => [time?.slice(11, 16), values.count, values.avg])).toEqual([
    ["08:24", 0, null],
    ["08:25", 3, 0],
    ["08:26", 1, 1],
    ["08:27", 0, null],
  ]);
  const grouped = await measure({
    ...range,
    metric: "trace_count",
    groupBy: ["status"],
    intervalSeconds: 120,
    fill: true,
  });
  expect(grouped.map(({ group, values }) => [group?.status, values.count])).toEqual([
    ["ERROR", 0],
    ["OK", 3],
    ["ERROR", 1],
    ["OK", 0],
  ]);
  const body = {
    view: "traces" as const,
    metric: "trace_count",
    aggregations: ["count"],
    experiments: ["measured"],
  };
  const hour = await under.client.queryMetrics({
    body: { ...body, autoInterval: 60, fill: true, from: "2026-11-24T08:00:00Z", to: "2026-11-24T09:00:00Z" },
  });
  expect([hour.intervalSeconds, hour.points.length]).toEqual([60, 60]);
  // Without times the range is that of the traces: a minute and a bit.
  const whole = await under.client.queryMetrics({ body: { ...body, autoInterval: 10, fill: true } });
  expect([whole.intervalSeconds, whole.points.length]).toEqual([10, 7]);
  const nothing = { ...body, filter: "name = 'nobody'" };
  expect(await under.client.queryMetrics({ body: { ...nothing, autoInterval: 10, fill: true } })).toEqual({
    points: [],
  });
  expect(
    (await under.client.queryMetrics({ body: { ...nothing, ...range, autoInterval: 4, fill: true } })).points,
  ).toHaveLength(4);
  expect(await refused({ ...range, intervalSeconds: 1, fill: true, from: "2026-11-20T00:00:00Z" })).toMatchObject({
    code: "INVALID_PARAMETER",
    message: expect.stringMatching(/more than 10,000 points/),
  });
});

test("nothing that matches is no point", async () => {
  expect(await measure({ filter: "name = 'nobody'" })).toEqual([]);
  expect(await measure({ experiments: [] })).toEqual([]);
  expect(await measure({ view: "assessments", metric: "assessment_value", aggregations: ["avg"] })).toEqual([]);
});

test("what does not exist is told with what does", async () => {
  for (const [body, message] of [
    [{ view: "runs" }, /"view".*"traces"\|"spans"\|"assessments"/],
    [{ metric: "speed" }, /no metric "speed" of traces; use trace_count, session_count, /],
    [{ metric: "latencey" }, /no metric "latencey" of traces; did you mean "latency"\? There are trace_count, /],
    [{ view: "spans", metric: "trace_count" }, /no metric "trace_count" of spans; .* span_count, error_rate, /],
    [
      { view: "assessments" },
      /no metric "latency" of assessments; use assessment_count, assessment_value, error_rate\./,
    ],
    [{ metric: "trace_count", aggregations: ["avg"] }, /"trace_count" has no aggregation "avg"; use count\./],
    [
      { aggregations: ["median"] },
      /"latency" has no aggregation "median"; use count, .*p95, p99 or any other percentile\./,
    ],
    [{ aggregations: ["p101"] }, /no aggregation "p101"/],
    [{ aggregations: [] }, /"aggregations"/],
    [
      { groupBy: ["provider"] },
      /no dimension "provider" of traces; use name, status, .*tags\.<key>, metadata\.<key>\./,
    ],
    [{ groupBy: ["sesion"] }, /no dimension "sesion" of traces; did you mean "session"\?/],
    [{ groupBy: ["tags"] }, /no dimension "tags"/],
    [{ only: { speed: ["1"] } }, /no dimension "speed" of traces/],
    [{ only: { name: [] } }, /"only\.name"/],
    [{ fill: true }, /"fill" needs "intervalSeconds" or "autoInterval"/],
    [{ top: 3 }, /"top" needs "groupBy"/],
    [{ intervalSeconds: 60, autoInterval: 60 }, /exclude each other/],
    [{ groupBy: ["name", "status", "session", "user"] }, /"groupBy"/],
    [{ intervalSeconds: 0 }, /"intervalSeconds"/],
    [{ from: "yesterday" }, /"yesterday" in "from" is not a time/],
  ] as const) {
    expect(await refused(body)).toMatchObject({
      code: "INVALID_PARAMETER",
      status: 400,
      message: expect.stringMatching(message),
    });
  }
  expect(await refused({ filter: "status =" })).toMatchObject({ code: "BAD_FILTER" });
  expect(await refused({ view: "assessments", metric: "assessment_count", experiments: ["nowhere"] })).toMatchObject({
    code: "EXPERIMENT_NOT_FOUND",
  });
});

test("more points than an answer may have are refused with the way out", async () => {
  const many = Array.from({ length: 10_001 }, (_, index) =>
    makeSpan({ startTimeUnixNano: START + BigInt(index) * 1_000_000_000n, attributes: { "user.id": `u${index}` } }),
  );
  expect((await send(under.url, many, { "x-sightline-experiment": "many" })).status).toBe(200);
  const body = { experiments: ["many"], metric: "trace_count" };
  expect(await refused({ ...body, intervalSeconds: 1 })).toMatchObject({
    code: "INVALID_PARAMETER",
    message: expect.stringMatching(/more than 10,000 points; widen "intervalSeconds" \(now 1\)/),
  });
  expect(await refused({ ...body, groupBy: ["user"] })).toMatchObject({
    code: "INVALID_PARAMETER",
    message: expect.stringMatching(/more than 10,000 points; give "groupBy" fewer dimensions/),
  });
  const { length } = await measure({ ...body, intervalSeconds: 2 } as Body);
  expect(length).toBeGreaterThanOrEqual(5001);
});
