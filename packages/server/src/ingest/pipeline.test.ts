import { stringifyJson } from "@sightline/wire/json";
import type { Attributes, OtlpSpan } from "@sightline/wire/otlp/span";
import { expect, test } from "vitest";
import { runPipeline } from "./pipeline.ts";

const span: OtlpSpan = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentSpanId: "",
  name: "agent",
  kind: 1,
  startTimeUnixNano: 1_795_000_000_000_000_000n,
  endTimeUnixNano: 1_795_000_000_000_000_001n,
  statusCode: 2,
  statusMessage: "boom",
  attributes: {},
  events: [],
  links: [],
};

function run(spans: readonly Partial<OtlpSpan>[], resource: Attributes = {}) {
  const group = { resource, scope: { name: "", version: "" }, spans: spans.map((part) => ({ ...span, ...part })) };
  return runPipeline([group], "7");
}

test("a record has the normalised facts, and the attributes without the payloads", () => {
  const attributes = {
    "mlflow.spanType": "AGENT",
    "mlflow.spanInputs": '{"question":"Why?"}',
    "mlflow.spanOutputs": "Because.",
    "gen_ai.request.model": "m",
    big: 2n ** 60n,
  };
  const { records, partialSuccess } = run([{ attributes }], { "service.name": "shop" });
  expect(partialSuccess).toBeUndefined();
  expect(records).toMatchObject([
    {
      experimentId: "7",
      traceId: "tr-0af7651916cd43dd8448eb211c80319c",
      parentSpanId: "",
      spanType: "AGENT",
      service: "shop",
      statusCode: "ERROR",
      statusMessage: "boom",
      model: "m",
      inputs: { json: '{"question":"Why?"}', source: { key: "mlflow.spanInputs", form: "text" } },
      outputs: { json: '"Because."', source: { key: "mlflow.spanOutputs", form: "string" } },
      requestPreview: "Why?",
      responsePreview: "Because.",
      traceTags: { "service.name": "shop" },
    },
  ]);
  expect(records[0]?.attributes).toEqual({
    "mlflow.spanType": '"AGENT"',
    "gen_ai.request.model": '"m"',
    big: "1152921504606846976",
  });
});

test("only roots have previews and the tags of the resource; zeros are no parent", () => {
  const attributes = { "mlflow.spanInputs": '"hi"' };
  const { records } = run(
    [
      { attributes, parentSpanId: "b7ad6b7169203332" },
      { attributes, parentSpanId: "0000000000000000", spanId: "b7ad6b7169203333" },
    ],
    { env: "prod", "telemetry.sdk.name": "x", "mlflow.x": "y", n: 5, "service.name": "unknown_service:node" },
  );
  expect(
    records.map(({ parentSpanId, requestPreview, traceTags }) => [parentSpanId, requestPreview, traceTags]),
  ).toEqual([
    ["b7ad6b7169203332", "", {}],
    ["", "hi", { env: "prod", n: "5" }],
  ]);
});

test("what Sightline's SDK says of itself is no tag; an instance id that another program chose is one", () => {
  const id = "0b0e9a3c-5f0e-4f0a-9d55-000000000001";
  const report = JSON.stringify({ v: 1, seq: "1", ended: 1 });
  const ours = { "service.name": "shop", "service.instance.id": id, "sightline.sdk.report": report, env: "prod" };
  const mine = run([{}], ours);
  expect(mine.records[0]?.traceTags).toEqual({ "service.name": "shop", env: "prod" });
  expect(stringifyJson(mine.records)).not.toContain(id);
  expect(mine.sdk).toMatchObject({
    malformed: 0,
    reports: [{ instanceId: id, service: "shop", experimentIds: ["7"] }],
  });

  const broken = run([{}], { ...ours, "sightline.sdk.report": "{" });
  expect(broken.records[0]?.traceTags).toEqual({ "service.name": "shop", env: "prod" });
  expect(broken.sdk).toEqual({ malformed: 1, reports: [] });
  expect(broken.partialSuccess).toBeUndefined();

  const other = run([{}], { "service.instance.id": "pod-7" });
  expect(other.records[0]?.traceTags).toEqual({ "service.instance.id": "pod-7" });
  expect(other.sdk).toEqual({ malformed: 0, reports: [] });
});

test("a report is read once for each resource, also beside no span", () => {
  const resource = (seq: string): Attributes => ({
    "service.instance.id": "0b0e9a3c-5f0e-4f0a-9d55-000000000001",
    "sightline.sdk.report": JSON.stringify({ v: 1, seq, ended: 9 }),
  });
  const [first, second] = [resource("1"), resource("")];
  const scope = { name: "", version: "" };
  const { records, sdk } = runPipeline(
    [
      { resource: first, scope, spans: [span] },
      { resource: first, scope, spans: [{ ...span, spanId: "b7ad6b7169203332" }] },
      { resource: second, scope, spans: [] },
    ],
    "7",
  );
  expect(records).toHaveLength(2);
  expect(sdk.reports.map(({ received }) => received)).toEqual([[[1, 1]], []]);
});

test("a span that is refused has not come, although its number is in the report", () => {
  const resource = (seq: string): Attributes => ({
    "service.instance.id": "0b0e9a3c-5f0e-4f0a-9d55-000000000001",
    "sightline.sdk.report": JSON.stringify({ v: 1, seq, ended: 9 }),
  });
  const bad = { traceId: "" };
  const running = { endTimeUnixNano: 0n };
  const received = (seq: string, spans: readonly Partial<OtlpSpan>[]) =>
    run(spans, resource(seq)).sdk.reports[0]?.received;
  expect(received("4-5,7", [{}, running, bad, {}])).toEqual([
    [4, 4],
    [7, 7],
  ]);
  expect(received("4", [{}, { ...running, ...bad }])).toEqual([[4, 4]]);
  // Not all of the request has come: which one was refused is not known.
  expect(received("4-6", [{}, bad])).toEqual([[4, 6]]);
});

test("what the emitter says of the whole trace goes before what is derived", () => {
  const { records } = run(
    [
      {
        attributes: {
          "mlflow.spanInputs": '"derived"',
          "sightline.trace.requestPreview": "chosen",
          "sightline.trace.clientRequestId": "req-1",
          "sightline.trace.state": "ERROR",
          "mlflow.traceTag.env": "prod",
        },
      },
    ],
    { env: "dev" },
  );
  expect(records[0]).toMatchObject({
    requestPreview: "chosen",
    traceTags: { env: "prod" },
    traceMetadata: { "sightline.clientRequestId": "req-1", "sightline.state": "ERROR" },
  });
});

test("a state that is none is no word of the emitter", () => {
  const { records } = run([{ attributes: { "sightline.trace.state": "GREAT" } }]);
  expect(records[0]?.traceMetadata).toEqual({});
});

test("values of events are texts where they were texts, and keep their digits where they were numbers", () => {
  const attributes = { "exception.type": "TypeError", big: 2n ** 60n, nan: Number.NaN, list: [1, "a"], none: null };
  const { records } = run([{ events: [{ name: "exception", timeUnixNano: 5n, attributes }] }]);
  expect(records[0]?.events[0]?.attributes["exception.type"]).toBe("TypeError");
  expect(stringifyJson(records[0]?.events)).toBe(
    '[{"name":"exception","timeUnixNano":"5","attributes":' +
      '{"exception.type":"TypeError","big":1152921504606846976,"nan":"NaN","list":[1,"a"],"none":null}}]',
  );
});

test("long tags are cut, not refused", () => {
  const { records } = run([{ attributes: { [`mlflow.traceTag.${"k".repeat(300)}`]: "v".repeat(5000) } }]);
  const [[key, value] = ["", ""]] = Object.entries(records[0]?.traceTags ?? {});
  expect([key.length, value.length, value.endsWith("…")]).toEqual([250, 4096, true]);
});

test("a span with too much data is refused alone", () => {
  const half = "x".repeat(25 * 1024 * 1024);
  const { records, partialSuccess } = run([
    { name: "huge", attributes: { "mlflow.spanInputs": half, "mlflow.spanOutputs": half } },
    { name: "small" },
  ]);
  expect(records.map(({ name }) => name)).toEqual(["small"]);
  expect(partialSuccess).toEqual({
    rejectedSpans: 1,
    errorMessage: '1 of 2 spans refused: span "huge": it has 52428804 characters of data, the limit is 50331648.',
  });
});
