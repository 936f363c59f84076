/**
 * Values, facets, explanations, sessions and users on a real server, held to their schemas by the client of `in-process.ts`.
 */
import { readFile } from "node:fs/promises";
import type { OtlpSpan } from "@sightline/wire/otlp/span";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { makeSpan, START, send } from "./spans.ts";

let under: ServerUnderTest;
let traceIds: readonly string[] = [];
beforeAll(async () => {
  under = await startInProcess();
  // Twelve traces, a minute apart: sessions of two turns, every third fails slowly.
  const spans = Array.from({ length: 12 }, (_, index): OtlpSpan[] => {
    const startTimeUnixNano = START + BigInt(index * 60) * 1_000_000_000n;
    const isFailed = index % 3 === 0;
    const root = makeSpan({
      name: index < 6 ? "chat" : "plan",
      startTimeUnixNano,
      endTimeUnixNano: startTimeUnixNano + (isFailed ? 3_000_000_000n : 20_000_000n),
      statusCode: isFailed ? 2 : 1,
      attributes: {
        "session.id": `s${Math.floor(index / 2)}`,
        "user.id": index < 10 ? "ada" : "alan",
        "input.value": `question ${index}`,
        "output.value": `answer ${index}`,
      },
    });
    const call = makeSpan({
      traceId: root.traceId,
      parentSpanId: root.spanId,
      name: "call",
      startTimeUnixNano,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": index % 2 === 0 ? "small" : "large",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": index,
      },
    });
    return [root, call];
  }).flat();
  traceIds = spans.filter(({ parentSpanId }) => parentSpanId === "").map(({ traceId }) => `tr-${traceId}`);
  expect((await send(under.url, spans, { "x-sightline-experiment": "valued" })).status).toBe(200);
  expect((await send(under.url, [elsewhere()], { "x-sightline-experiment": "other" })).status).toBe(200);
  for (const traceId of traceIds.slice(0, 5)) {
    await under.client.setTraceTag({ params: { traceId, key: "release" }, body: { value: "it's a canary" } });
  }
});
afterAll(() => under.stop());

const elsewhere = () => makeSpan({ attributes: { "session.id": "s0", "user.id": "ada" } });
const experiments = ["valued"];

type ValuesBody = Parameters<ServerUnderTest["client"]["listValues"]>[0]["body"];
const values = (body: ValuesBody) => under.client.listValues({ body: { experiments, ...body } });
/** Calls of a docs page: a block `http` with method, path and body. */
async function callsOf(page: string): Promise<{ path: string; body: string }[]> {
  const text = await readFile(new URL(`../../../docs/${page}`, import.meta.url), "utf8");
  return [...text.matchAll(/```http\nPOST (\S+)\n\n(.*?)```/gs)].map(([, path = "", body = ""]) => ({ path, body }));
}

/** The error of a call that must fail. */
const refused = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

test("values of a field come most frequent first, with what was asked for and how many more there are", async () => {
  expect(await values({ field: "user" })).toEqual({
    field: "user",
    values: [
      { value: "ada", count: 10 },
      { value: "alan", count: 2 },
    ],
    distinct: 2,
    more: false,
    approximate: false,
  });
  expect(await values({ field: "user_id", limit: 1 })).toMatchObject({
    values: [{ value: "ada" }],
    distinct: 2,
    more: true,
  });
  expect(await values({ field: "user", filter: "name = 'plan'" })).toMatchObject({
    values: [
      { value: "ada", count: 4 },
      { value: "alan", count: 2 },
    ],
  });
});

test("values are found by prefix and by part, in any case; keyed fields alone list their keys", async () => {
  expect((await values({ field: "user", prefix: "AL" })).values).toEqual([{ value: "alan", count: 2 }]);
  expect((await values({ field: "input", contains: "N 1" })).values.map(({ value }) => value)).toEqual([
    "question 1",
    "question 10",
    "question 11",
  ]);
  expect((await values({ field: "tags" })).values).toContainEqual({ value: "release", count: 5 });
  expect((await values({ field: "tags.release" })).values).toEqual([{ value: "it's a canary", count: 5 }]);
  expect((await values({ field: "model" })).values).toEqual([
    { value: "large", count: 6 },
    { value: "small", count: 6 },
  ]);
  expect((await values({ field: "attributes", prefix: "gen_ai.usage." })).values).toEqual([
    { value: "gen_ai.usage.input_tokens", count: 12 },
    { value: "gen_ai.usage.output_tokens", count: 12 },
  ]);
  expect((await values({ field: "attributes.gen_ai.request.model", prefix: "sm" })).values).toEqual([
    { value: "small", count: 6 },
  ]);
  expect((await values({ field: "span.attributes.`gen_ai.request.model`", prefix: "sm" })).distinct).toBe(1);
});

test("facets give several fields at once, in the order asked for", async () => {
  const { facets } = await under.client.listFacets({ body: { experiments, fields: ["name", "span.name", "status"] } });
  expect(facets.map(({ field, values }) => [field, ...values.map(({ value, count }) => `${value} ${count}`)])).toEqual([
    ["name", "chat 6", "plan 6"],
    ["span.name", "call 12", "chat 6", "plan 6"],
    ["status", "OK 8", "ERROR 4"],
  ]);
  expect((await under.client.listFacets({ body: { experiments: [], fields: ["name"] } })).facets).toEqual([
    { field: "name", values: [], distinct: 0, more: false, approximate: false },
  ]);
});

test("a field that has no values, or does not exist, is refused with the way out", async () => {
  for (const [field, message] of [
    ["cost", /"cost" has no list of values: it is a number; POST \/api\/v1\/metrics/],
    ["usr", /"usr" is no field; did you mean "user"\?/],
    ["name =", /"name =" is no field; write it as in a filter/],
    ["'", /is no field/],
    ["", /is no field/],
  ] as const) {
    expect(await refused(values({ field }))).toMatchObject({
      code: "INVALID_PARAMETER",
      message: expect.stringMatching(message),
    });
  }
  expect(await refused(values({ field: "name", filter: "(" }))).toMatchObject({ code: "BAD_FILTER" });
  expect(await refused(values({ field: "name", experiments: ["nowhere"] }))).toMatchObject({
    code: "EXPERIMENT_NOT_FOUND",
  });
});

test("an explanation ranks what differs, and its filters choose just those traces", async () => {
  const body = { experiments, selection: "status = 'ERROR'", filter: "name = 'chat' OR name = 'plan'" };
  const answer = await under.client.explainTraces({ body });
  expect([answer.selection, answer.baseline, answer.approximate]).toEqual([4, 8, false]);
  const duration = answer.fields.find(({ field }) => field === "execution_time_ms");
  expect(duration?.values).toContainEqual({
    ...{ value: { min: 2000, max: 5000 }, filter: "execution_time_ms >= 2000 AND execution_time_ms < 5000" },
    ...{ selection: 4, baseline: 0, selectionShare: 1, baselineShare: 0, difference: 1, ratio: null },
    score: expect.closeTo(2 * (4 * Math.log(3) + 8 * Math.log(1.5)), 9),
  });
  const scores = answer.fields.map(({ values }) => values[0]?.score ?? 0);
  expect(scores).toEqual(scores.toSorted((left, right) => right - left));
  for (const { filter, selection, baseline } of answer.fields.flatMap((field) => field.values)) {
    const count = async (side: string) =>
      (await under.client.countTraces({ body: { experiments, filter: `(${filter}) AND ${side}` } })).total;
    expect([await count("status = 'ERROR'"), await count("NOT status = 'ERROR'")]).toEqual([selection, baseline]);
  }
});

test("an explanation may compare with other traces than the rest, and has keys in their spelling", async () => {
  const { fields, ...sides } = await under.client.explainTraces({
    body: { experiments, selection: "tags.release IS NOT NULL", baseline: "name = 'plan'", limit: 100 },
  });
  expect(sides).toEqual({ selection: 5, baseline: 6, approximate: false });
  const release = fields.find(({ field }) => field === "tags.release");
  expect(release?.values).toMatchObject([{ filter: "tags.release = 'it''s a canary'", selection: 5, baseline: 0 }]);
  const explain = (body: object) =>
    refused(under.client.explainTraces({ body: { experiments, selection: "", ...body } }));
  expect(await explain({})).toMatchObject({ code: "INVALID_PARAMETER", message: expect.stringMatching(/"selection"/) });
  expect(await explain({ selection: "x y =" })).toMatchObject({ code: "BAD_FILTER" });
  expect(await explain({ selection: "name = 'a'", baseline: "(" })).toMatchObject({ code: "BAD_FILTER" });
});

test("sessions come latest first with what happened in them, page by page", async () => {
  const { sessions, nextPageToken } = await under.client.searchSessions({ body: { experiments, maxResults: 4 } });
  expect(sessions.map(({ sessionId }) => sessionId)).toEqual(["s5", "s4", "s3", "s2"]);
  expect(sessions[3]).toEqual({
    ...{ sessionId: "s2", experimentId: expect.stringMatching(/^\d+$/), userIds: ["ada"], models: ["large", "small"] },
    ...{ firstTraceTime: "2026-11-24T08:29:09.717123Z", lastTraceTime: "2026-11-24T08:30:09.717123Z" },
    ...{ traceCount: 2, errorCount: 0, runningCount: 0, durationMs: 60_020 },
    tokenUsage: { inputTokens: 200, outputTokens: 9, totalTokens: 209 },
    ...{ firstInput: "question 4", lastOutput: "answer 5", assessments: [] },
  });
  const rest = await under.client.searchSessions({
    body: { experiments, maxResults: 4, ...(nextPageToken && { pageToken: nextPageToken }) },
  });
  expect(rest.sessions.map(({ sessionId }) => sessionId)).toEqual(["s1", "s0"]);
  expect(rest.nextPageToken).toBeUndefined();
  const failing = await under.client.searchSessions({
    body: { experiments, filter: "status = 'ERROR'", orderBy: "tokens" },
  });
  expect(failing.sessions.map(({ sessionId, traceCount }) => [sessionId, traceCount])).toEqual([
    ["s0", 1],
    ["s1", 1],
    ["s3", 1],
    ["s4", 1],
  ]);
});

test("assessments of a session's traces are summed up", async () => {
  for (const [index, value] of [true, false].entries()) {
    await under.client.createAssessment({
      params: { traceId: traceIds[10 + index] ?? "" },
      body: { kind: "feedback", name: "correct", value, source: { type: "HUMAN", id: "eva" } },
    });
  }
  const { session } = await under.client.getSession({ params: { sessionId: "s5" }, query: {} });
  expect(session.assessments).toEqual([
    { kind: "feedback", name: "correct", count: 2, errors: 0, average: 0.5, min: 0, max: 1 },
  ]);
});

test("one session tells how to ask for its traces in their order", async () => {
  const { session, traces } = await under.client.getSession({ params: { sessionId: "s1" }, query: {} });
  expect(session).toMatchObject({ sessionId: "s1", traceCount: 2 });
  const found = await under.client.searchTraces({ body: traces });
  expect(found.traces.map(({ info }) => info.requestPreview)).toEqual(["question 2", "question 3"]);
});

test("a session that several experiments have must be told apart; one that none has is not found", async () => {
  const get = (sessionId: string, experiment?: string) =>
    under.client.getSession({ params: { sessionId }, query: experiment === undefined ? {} : { experiment } });
  expect(await refused(get("s0"))).toMatchObject({
    code: "INVALID_PARAMETER",
    message: expect.stringMatching(/The experiments \d+, \d+ have a session "s0"; name one with \?experiment=/),
  });
  expect((await get("s0", "valued")).session.traceCount).toBe(2);
  expect((await get("s0", "other")).session.traceCount).toBe(1);
  expect(await refused(get("s/0 ?"))).toMatchObject({ code: "SESSION_NOT_FOUND", status: 404 });
  expect(await refused(get("s0", "nowhere"))).toMatchObject({ code: "EXPERIMENT_NOT_FOUND" });
});

test("users have their sessions counted, in the order asked for", async () => {
  const { users } = await under.client.searchUsers({ body: { experiments, orderBy: "sessions DESC" } });
  expect(users.map(({ userId, sessionCount, traceCount }) => [userId, sessionCount, traceCount])).toEqual([
    ["ada", 5, 10],
    ["alan", 1, 2],
  ]);
  const everywhere = await under.client.searchUsers({ body: { orderBy: "traces" } });
  expect(everywhere.users.map(({ userId, traceCount }) => [userId, traceCount])).toEqual([
    ["ada", 1],
    ["alan", 2],
    ["ada", 10],
  ]);
  expect((await under.client.searchUsers({ body: { experiments: [] } })).users).toEqual([]);
});

test("an order or a page token that is none is refused", async () => {
  const search = (body: object) =>
    refused(under.client.searchSessions({ body: { experiments, maxResults: 1, ...body } }));
  expect(await search({ orderBy: "name" })).toMatchObject({
    code: "INVALID_PARAMETER",
    message: expect.stringMatching(/Sessions cannot be ordered by "name"; use last_activity, traces, /),
  });
  expect(await search({ orderBy: "sessions" })).toMatchObject({ code: "INVALID_PARAMETER" });
  expect(await search({ pageToken: "x" })).toMatchObject({ code: "BAD_PAGE_TOKEN" });
  const { nextPageToken } = await under.client.searchSessions({ body: { experiments, maxResults: 1 } });
  expect(await search({ pageToken: nextPageToken, orderBy: "cost" })).toMatchObject({
    code: "BAD_PAGE_TOKEN",
    message: expect.stringMatching(/another search/),
  });
  const ofUsers = refused(under.client.searchUsers({ body: { experiments, pageToken: nextPageToken ?? "" } }));
  expect(await ofUsers).toMatchObject({ code: "BAD_PAGE_TOKEN" });
});

test("the calls of docs/metrics.md are answered", async () => {
  const calls = await callsOf("metrics.md");
  expect(calls.length).toBeGreaterThan(6);
  for (const { path, body } of calls) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${under.url}${path}`, { method: "POST", headers, body });
    expect([path, answer.status]).toEqual([path, 200]);
    expect(await answer.json()).not.toHaveProperty("error");
  }
});
