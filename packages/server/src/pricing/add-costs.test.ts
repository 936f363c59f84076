import type { SpanRecord } from "@sightline/store/telemetry-store";
import { costOfSpan } from "@sightline/wire/pricing/cost";
import { createPriceBook } from "@sightline/wire/pricing/price-book";
import { expect, test } from "vitest";
import { addCost } from "./add-costs.ts";

const book = createPriceBook([
  [{ provider: "", model: "m", usdPerMillion: { input: 1_000_000, output: 0, cacheRead: 0 } }],
]);
const prices = { costOf: (span: Parameters<typeof costOfSpan>[0]) => costOfSpan(span, book) };

const span: SpanRecord = {
  experimentId: "0",
  traceId: "tr-0af7651916cd43dd8448eb211c80319c",
  spanId: "00f067aa0ba902b7",
  parentSpanId: "",
  name: "call",
  spanType: "LLM",
  service: "",
  startTimeUnixNano: 1_795_508_709_717_123_456n,
  endTimeUnixNano: 1_795_508_709_917_123_456n,
  statusCode: "OK",
  statusMessage: "",
  model: "m",
  provider: "anthropic",
  usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15, cacheReadInputTokens: 4 },
  sessionId: "",
  userId: "",
  attributes: {},
  events: [],
  links: [],
  traceTags: {},
  traceMetadata: {},
  requestPreview: "",
  responsePreview: "",
};

test("a span with tokens of a model with a price gets a cost, marked as counted here", () => {
  expect(addCost(span, prices)).toEqual({ ...span, costUsd: 6, isCostComputed: true });
});

test("counts in MLflow's own attribute are read as MLflow means them", () => {
  const record = { ...span, attributes: { "mlflow.chat.tokenUsage": "{}" } };
  expect(addCost(record, prices)).toMatchObject({ costUsd: 10 });
});

test("a cost that was sent stays; one that was counted before is counted by the prices of now", () => {
  const sent = { ...span, costUsd: 0 };
  expect(addCost(sent, prices)).toBe(sent);
  expect(addCost({ ...sent, isCostComputed: true }, prices)).toMatchObject({ costUsd: 6, isCostComputed: true });
});

test("a span without tokens, or of a model without a price, is passed on as it is", () => {
  const { usage, ...withoutUsage } = span;
  expect(usage).toBeDefined();
  for (const record of [withoutUsage, { ...span, model: "" }, { ...span, model: "other" }]) {
    expect(addCost(record, prices)).toBe(record);
  }
});
