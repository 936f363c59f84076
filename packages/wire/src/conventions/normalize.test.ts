import fc from "fast-check";
import { expect, test } from "vitest";
import type { Attributes, OtlpEvent } from "../otlp/span.ts";
import { normalizeSpan } from "./normalize.ts";

function facts(attributes: Attributes, more: { parentSpanId?: string; events?: OtlpEvent[] } = {}) {
  return normalizeSpan({ name: "span", parentSpanId: "", events: [], ...more, attributes });
}

test("a span that says nothing has no facts", () => {
  expect(facts({})).toEqual({ spanType: "UNKNOWN", traceTags: {}, traceMetadata: {} });
});

test("each fact comes from the first convention that has it", () => {
  const mixed = facts({
    "openinference.span.kind": "CHAIN",
    "gen_ai.operation.name": "chat",
    "mlflow.spanOutputs": "1",
    "input.value": "oi",
    "output.value": "oi",
    "llm.model_name": "oi",
    "gen_ai.response.model": "genai",
    "gen_ai.conversation.id": "genai",
    "session.id": "otel",
    "mlflow.trace.session": "mlflow",
  });
  expect(mixed).toMatchObject({
    spanType: "CHAT_MODEL",
    inputs: { source: { key: "input.value" } },
    outputs: { source: { key: "mlflow.spanOutputs" } },
    model: "genai",
    sessionId: "mlflow",
  });
});

test("token counts come from the convention that tells most, but MLflow's are final", () => {
  const genai = { "gen_ai.usage.input_tokens": 11, "gen_ai.usage.output_tokens": 5 };
  const ai = { "ai.usage.inputTokens": 11, "ai.usage.outputTokens": 5, "ai.usage.cachedInputTokens": 3 };
  expect(facts({ ...genai, ...ai }).usage).toMatchObject({ inputTokens: 11, cacheReadInputTokens: 3 });
  const mlflow = { "mlflow.chat.tokenUsage": { input_tokens: 1, output_tokens: 2, total_tokens: 3 } };
  expect(facts({ ...genai, ...ai, ...mlflow }).usage).toEqual({ inputTokens: 1, outputTokens: 2, totalTokens: 3 });
});

test("empty text is no fact, an empty list is one", () => {
  expect(
    facts({ "mlflow.spanInputs": "", "input.value": "x", "mlflow.spanOutputs": [], "session.id": "" }),
  ).toMatchObject({
    inputs: { json: '"x"' },
    outputs: { json: "[]" },
  });
  expect(facts({ "session.id": "" })).not.toHaveProperty("sessionId");
});

test("tags and metadata for the trace are texts, and hostile keys are just keys", () => {
  const { traceTags, traceMetadata } = facts({
    "mlflow.traceTag.a": 1,
    "mlflow.traceTag.b": { x: [true] },
    "mlflow.traceTag.": "no name",
    "mlflow.traceTag.__proto__": "p",
    "mlflow.traceMetadata.empty": "",
    "mlflow.traceMetadata.quoted": '"q"',
  });
  expect(Object.entries(traceTags)).toEqual([
    ["a", "1"],
    ["b", '{"x":[true]}'],
    ["__proto__", "p"],
  ]);
  expect(traceMetadata).toEqual({ empty: "", quoted: "q" });
});

test("attributes that describe their own span speak for the trace on the root alone", () => {
  const attributes = { "tag.tags": ["x"], metadata: '{"a":1}', "openinference.span.kind": "LLM" };
  expect(facts(attributes)).toMatchObject({ traceTags: { x: "true" }, traceMetadata: { a: "1" } });
  expect(facts(attributes, { parentSpanId: "b7ad6b7169203331" })).toMatchObject({ traceTags: {}, traceMetadata: {} });
});

test("JSON nested without end in an attribute is passed over where it would have to be walked", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const attributes = {
    "mlflow.spanInputs": deep,
    "gen_ai.tool.name": "t",
    metadata: `{"a":${deep}}`,
    "tag.tags": deep,
    "input.value": "x",
  };
  const choice = { name: "gen_ai.choice", timeUnixNano: 0n, attributes: { "gen_ai.event.content": `{"m":${deep}}` } };
  const read = facts(attributes, { events: [choice] });
  expect(read.inputs).toEqual({ json: `"${deep}"`, source: { key: "mlflow.spanInputs", form: "string" } });
  expect(read).toMatchObject({
    outputs: { json: `[{"role":"assistant","content":"{\\"m\\":${deep}}"}]` },
    traceTags: {},
    traceMetadata: {},
  });
});

test("any attributes and events are read without an error", () => {
  const names = fc.constantFrom(
    "mlflow.spanType",
    "mlflow.spanInputs",
    "mlflow.chat.tokenUsage",
    "mlflow.llm.cost",
    "mlflow.traceTag.x",
    "session.id",
    "gen_ai.operation.name",
    "gen_ai.input.messages",
    "gen_ai.system_instructions",
    "gen_ai.prompt.0.content",
    "gen_ai.usage.input_tokens",
    "llm.input_messages.0.message.role",
    "tag.tags",
    "metadata",
    "ai.response.toolCalls",
    "langfuse.observation.usage_details",
    "message",
    "gen_ai.event.content",
  );
  const leaf = fc.oneof(
    fc.string(),
    fc.json(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt(),
    fc.uint8Array({ maxLength: 3 }),
  );
  const value = fc.oneof(leaf, fc.array(leaf), fc.dictionary(fc.string(), leaf));
  const attributes = fc.dictionary(fc.oneof(names, fc.string()), value, { noNullPrototype: true });
  const event = fc.record({
    name: fc.constantFrom("gen_ai.user.message", "gen_ai.choice", "gen_ai.content.prompt", "x"),
    timeUnixNano: fc.constant(0n),
    attributes,
  });
  fc.assert(
    fc.property(attributes, fc.array(event, { maxLength: 2 }), (given, events) => {
      const { inputs, outputs, spanType } = facts(given, { events });
      expect(spanType).not.toBe("");
      for (const payload of [inputs, outputs]) if (payload) expect(() => JSON.parse(payload.json)).not.toThrow();
    }),
    { numRuns: 500 },
  );
});
