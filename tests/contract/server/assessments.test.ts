/**
 * Assessments, metadata and links over HTTP, held to their schemas by the client of `in-process.ts`.
 */
import type { SightlineError } from "@sightline/wire/errors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newTraceId } from "../../harness/otlp-json.ts";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { errorOf, makeSpan, send } from "./spans.ts";

let under: ServerUnderTest;
beforeAll(async () => {
  under = await startInProcess();
});
afterAll(() => under.stop());

const human = { type: "HUMAN", id: "ada" };
const missing = `tr-${newTraceId()}`;

/** Sends a trace of one span. */
async function newTrace(): Promise<{ traceId: string; spanId: string }> {
  const span = makeSpan();
  expect((await send(under.url, [span])).status).toBe(200);
  return { traceId: `tr-${span.traceId}`, spanId: span.spanId };
}

const code = (answer: Promise<unknown>) =>
  answer.then(
    () => undefined,
    (error: SightlineError) => error.code,
  );

const infoOf = async (traceId: string) => (await under.client.getTrace({ params: { traceId } })).trace.info;

describe("assessments", () => {
  const create = (traceId: string, facts: object = {}) =>
    under.client.createAssessment({
      params: { traceId },
      body: { kind: "feedback", name: "correct", source: human, ...facts },
    });

  test("one is created, read, listed, changed and deleted", async () => {
    const { traceId, spanId } = await newTrace();
    const { assessment } = await create(traceId, {
      value: { score: 0.5, notes: ["a"] },
      rationale: "why",
      spanId: spanId.toUpperCase(),
      metadata: { k: "v" },
    });
    expect(assessment).toMatchObject({
      traceId,
      spanId,
      kind: "feedback",
      value: { score: 0.5, notes: ["a"] },
      rationale: "why",
      source: human,
      metadata: { k: "v" },
      valid: true,
    });
    const params = { traceId, assessmentId: assessment.assessmentId };
    expect(await under.client.getAssessment({ params })).toEqual({ assessment });
    expect(await under.client.listAssessments({ params })).toEqual({ assessments: [assessment] });
    expect((await infoOf(traceId)).assessments).toEqual([assessment]);
    const found = await under.client.searchTraces({ body: {} });
    expect(found.traces.find(({ info }) => info.traceId === traceId)?.info.assessments).toEqual([assessment]);

    const { assessment: changed } = await under.client.updateAssessment({
      params,
      body: { value: false, rationale: "", metadata: { l: "w" } },
    });
    expect(changed).toMatchObject({ value: false, spanId, source: human, metadata: { k: "v", l: "w" } });
    expect(changed).not.toHaveProperty("rationale");
    expect(await under.client.getAssessment({ params })).toEqual({ assessment: changed });

    await under.client.deleteAssessment({ params });
    expect(await code(under.client.getAssessment({ params }))).toBe("ASSESSMENT_NOT_FOUND");
    expect(await code(under.client.deleteAssessment({ params }))).toBe("ASSESSMENT_NOT_FOUND");
    expect(await code(under.client.updateAssessment({ params, body: {} }))).toBe("ASSESSMENT_NOT_FOUND");
    expect((await infoOf(traceId)).assessments).toEqual([]);
  });

  test("the error of a scorer stands in place of a value, until there is one", async () => {
    const { traceId } = await newTrace();
    const { assessment } = await create(traceId, { error: { code: "SCORER_ERROR", message: "boom" } });
    expect(assessment).toMatchObject({ value: null, error: { code: "SCORER_ERROR", message: "boom" } });
    const params = { traceId, assessmentId: assessment.assessmentId };
    const { assessment: judged } = await under.client.updateAssessment({ params, body: { value: "fine" } });
    expect(judged).toMatchObject({ value: "fine" });
    expect(judged).not.toHaveProperty("error");
  });

  test("an assessment that corrects another makes it invalid, until it is deleted", async () => {
    const { traceId } = await newTrace();
    const { assessment: first } = await create(traceId, { value: true });
    const { assessment: second } = await create(traceId, { value: false, overrides: first.assessmentId });
    const validity = async () => (await infoOf(traceId)).assessments.map(({ valid }) => valid);
    expect(await validity()).toEqual([false, true]);
    await under.client.deleteAssessment({ params: { traceId, assessmentId: second.assessmentId } });
    expect(await validity()).toEqual([true]);
    expect(await code(create(traceId, { overrides: second.assessmentId }))).toBe("ASSESSMENT_NOT_FOUND");
  });

  test('integers beyond 2^53 keep their digits, and true, 1 and "1" stay apart', async () => {
    const { traceId } = await newTrace();
    const url = `${under.url}/api/v1/traces/${traceId}/assessments`;
    const value = '{"id":12345678901234567890,"list":[true,1,"1",null]}';
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"kind":"expectation","name":"answer","source":{"type":"HUMAN","id":"ada"},"value":${value}}`,
    });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain(`"value":${value}`);
    expect(await (await fetch(url)).text()).toContain(`"value":${value}`);
  });

  test("what cannot be one is refused, and says why", async () => {
    const { traceId } = await newTrace();
    expect(await code(create(missing))).toBe("TRACE_NOT_FOUND");
    expect(await code(create("nonsense"))).toBe("TRACE_NOT_FOUND");
    expect(await code(create(traceId, { name: "" }))).toBe("INVALID_PARAMETER");
    expect(await code(create(traceId, { kind: "praise" }))).toBe("INVALID_PARAMETER");
    expect(await code(create(traceId, { spanId: "12" }))).toBe("INVALID_PARAMETER");
    expect(await code(create(traceId, { metadata: { k: "v".repeat(5000) } }))).toBe("INVALID_PARAMETER");
    const params = { traceId: missing, assessmentId: "a-1" };
    expect(await code(under.client.getAssessment({ params }))).toBe("TRACE_NOT_FOUND");
    expect(await code(under.client.listAssessments({ params }))).toBe("TRACE_NOT_FOUND");
    expect(await code(under.client.deleteAssessment({ params }))).toBe("TRACE_NOT_FOUND");
    const { assessment } = await create(traceId);
    const other = under.client.updateAssessment({
      params: { traceId, assessmentId: assessment.assessmentId },
      body: { kind: "issue" },
    });
    await expect(other).rejects.toMatchObject({ code: "INVALID_PARAMETER", message: /is feedback and cannot/ });
    const broken = await fetch(`${under.url}/api/v1/traces/${traceId}/assessments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"value":12345678901234567890',
    });
    expect(broken.status).toBe(400);
    expect((await errorOf(broken)).code).toBe("BAD_REQUEST");
  });
});

test("metadata is set over what the spans carry, and removed", async () => {
  const span = makeSpan({ attributes: { "mlflow.traceMetadata.env": "prod", "mlflow.traceMetadata.team": "a" } });
  await send(under.url, [span]);
  const traceId = `tr-${span.traceId}`;
  const set = (key: string, value: string) =>
    under.client.setTraceMetadata({ params: { traceId, key }, body: { value } });
  await set("env", "dev");
  await set("a/b c", "日本");
  expect((await infoOf(traceId)).metadata).toEqual({ env: "dev", team: "a", "a/b c": "日本" });
  await under.client.deleteTraceMetadata({ params: { traceId, key: "env" } });
  await under.client.deleteTraceMetadata({ params: { traceId, key: "never" } });
  expect((await infoOf(traceId)).metadata).toEqual({ team: "a", "a/b c": "日本" });
  expect(await code(set("k".repeat(300), "v"))).toBe("INVALID_PARAMETER");
  expect(
    await code(under.client.setTraceMetadata({ params: { traceId: missing, key: "k" }, body: { value: "v" } })),
  ).toBe("TRACE_NOT_FOUND");
});

test("traces are linked to runs and prompts, all or none, and unlinked", async () => {
  const traceIds = [(await newTrace()).traceId, (await newTrace()).traceId];
  const linksOf = async (traceId = "") => (await under.client.listTraceLinks({ params: { traceId } })).links;
  await under.client.linkTraces({ body: { kind: "run", target: "run-1", traceIds } });
  await under.client.linkTraces({ body: { kind: "prompt", target: "greet/2", traceIds: traceIds.slice(0, 1) } });
  expect(await linksOf(traceIds[0])).toEqual([
    { kind: "prompt", target: "greet/2" },
    { kind: "run", target: "run-1" },
  ]);
  await under.client.unlinkTraces({ body: { kind: "run", target: "run-1", traceIds } });
  await under.client.unlinkTraces({ body: { kind: "run", target: "run-1", traceIds } });
  expect(await linksOf(traceIds[0])).toEqual([{ kind: "prompt", target: "greet/2" }]);
  expect(await linksOf(traceIds[1])).toEqual([]);

  const half = under.client.linkTraces({ body: { kind: "run", target: "run-2", traceIds: [...traceIds, missing] } });
  expect(await code(half)).toBe("TRACE_NOT_FOUND");
  expect(await linksOf(traceIds[1])).toEqual([]);
  expect(await code(under.client.linkTraces({ body: { kind: "run", target: "r", traceIds: [] } }))).toBe(
    "INVALID_PARAMETER",
  );
  expect(await code(linksOf(missing))).toBe("TRACE_NOT_FOUND");
});
