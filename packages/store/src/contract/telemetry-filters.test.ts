/**
 * Filters see what the store keeps, by whatever door it came: spans, edits, assessments and links.
 */
import { matchesFilter } from "@sightline/wire/filter/matches";
import { parseFilter } from "@sightline/wire/filter/parser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TelemetryStore } from "../telemetry-store.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshExperimentId, freshTraceId, sampleSpan, spanId } from "./samples.ts";

const NEWEST_FIRST = { key: "timestamp_ms", direction: "DESC" } as const;
const SOURCE = { type: "HUMAN", id: "ada" } as const;

describe.each(clickHouseEngines)("what filters see on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  const experimentId = freshExperimentId();
  const [first, second, third] = [freshTraceId(), freshTraceId(), freshTraceId()];
  const names = new Map([
    [first, "first"],
    [second, "second"],
    [third, "third"],
  ]);

  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url);
    await store.writeSpans([
      sampleSpan({
        traceId: first,
        experimentId,
        sessionId: "s1",
        traceMetadata: { "mlflow.sourceRun": "run-1", stage: "dev" },
        inputs: {
          json: '{"question":"Where is my \\"refund\\"?"}',
          source: { key: "mlflow.spanInputs", form: "text" },
        },
      }),
      sampleSpan({
        traceId: first,
        experimentId,
        spanId: spanId(2),
        parentSpanId: spanId(1),
        name: "get_order",
        spanType: "TOOL",
        statusCode: "ERROR",
        statusMessage: "timeout",
        model: "gpt-4",
        attributes: { "http.status_code": "504", retry: "true" },
      }),
      sampleSpan({ traceId: second, experimentId, sessionId: "s1", model: "claude" }),
      sampleSpan({ traceId: third, experimentId, name: "get_order", spanType: "LLM" }),
    ]);
    await store.setTraceMetadata(first, { stage: "prod" });
    await store.deleteTraceMetadata(second, "stage");
    await store.linkTraces("run", "run-2", [second]);
    await store.linkTraces("prompt", "greet/3", [first, third]);
    await store.unlinkTraces("prompt", "greet/3", [third]);
    const values = [
      [first, "score", "0.5"],
      [second, "score", "5.0"],
      [third, "score", '"0.5"'],
      [first, "ok", "true"],
      [second, "ok", '"true"'],
    ] as const;
    for (const [traceId, name, valueJson] of values) {
      await store.createAssessment({ traceId, kind: "feedback", name, valueJson, source: SOURCE });
    }
    const wrong = { traceId: third, kind: "expectation", name: "lang", valueJson: '"fr"', source: SOURCE } as const;
    const { assessmentId } = await store.createAssessment(wrong);
    await store.createAssessment({ ...wrong, valueJson: '"de"', overrides: assessmentId });
    await store.createAssessment({ traceId: second, kind: "issue", name: "iss-1", sessionId: "s1", source: SOURCE });
    const failed = {
      traceId: first,
      kind: "feedback",
      name: "judge",
      source: SOURCE,
      error: { code: "SCORER_ERROR" },
    } as const;
    await store.createAssessment(failed);
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  test.each([
    ["metadata.stage = 'prod'", ["first"]],
    ["metadata.stage = 'dev'", []],
    ["run = 'run-1' OR run = 'run-2'", ["first", "second"]],
    ["run IS NULL", ["third"]],
    ["prompt = 'greet/3'", ["first"]],
    ["feedback.score = 0.5", ["first"]],
    ["feedback.score = '0.5'", ["first", "third"]],
    ["feedback.score > 4", ["second"]],
    ["feedback.score = 5", ["second"]],
    ["feedback.ok = true", ["first", "second"]],
    ["feedback.ok LIKE '\"true\"'", ["second"]],
    ["feedback.judge IS NOT NULL", ["first"]],
    ["feedback.judge != 'x'", []],
    ["expectation.lang = 'de'", ["third"]],
    ["expectation.lang = 'fr'", []],
    ["issue.id = 'iss-1'", ["first", "second"]],
    ["model = 'gpt-4' OR model = 'claude'", ["first", "second"]],
    ["source = 'shop'", ["first", "second", "third"]],
    ["refund", ["first"]],
    ["'my \"refund\"?'", ["first"]],
    ["timeout", ["first"]],
    ["span.name = 'get_order' AND span.type = 'TOOL'", ["first"]],
    ["span(name = 'get_order') AND NOT span(type = 'TOOL')", ["third"]],
    ["attributes.http.status_code >= 500", ["first"]],
    ["span.attributes.mlflow.spanInputs LIKE '%refund%'", ["first"]],
    ["span.attributes.mlflow.spanInputs IS NOT NULL", ["first"]],
    ["span_count > 1", ["first"]],
  ] as const)("%s", async (text, expected) => {
    const parsed = parseFilter(text);
    if (!parsed.ok || parsed.filter === undefined) throw new Error(`${text} is no filter`);
    const { filter } = parsed;
    const { traces } = await store.searchTraces({
      experimentIds: [experimentId],
      filter,
      order: NEWEST_FIRST,
      limit: 10,
    });
    expect(traces.map((info) => names.get(info.traceId)).toSorted()).toEqual(expected);
    if (/span|refund|timeout|attributes|issue/.test(text)) return;
    const links = await store.getTraceLinks([...names.keys()]);
    const infos = await store.getTraceInfos([...names.keys()]);
    const matching = infos.filter((info) => matchesFilter(filter, { info, links: links.get(info.traceId) ?? [] }));
    expect(matching.map((info) => names.get(info.traceId)).toSorted()).toEqual(expected);
  });
});
