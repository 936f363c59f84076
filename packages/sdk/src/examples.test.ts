/**
 * What people paste and run: the examples and the READMEs' code, as they stand, against a scripted model and a real receiver.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startScriptedEndpoint } from "@sightline/eval";
import type { OtlpSpan } from "@sightline/wire/otlp/span";
import { test as base, expect } from "vitest";
import { runProgram, startFile } from "./testing/program.ts";
import { jsonAttribute, type Receiver, spanNamed, startReceiver } from "./testing/receiver.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

const test = base.extend<{ receiver: Receiver; env: Record<string, string> }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest wants a pattern here
  receiver: async ({}, use) => {
    const receiver = await startReceiver();
    await use(receiver);
    await receiver.close();
  },
  env: async ({ receiver }, use) => {
    const endpoint = await startScriptedEndpoint();
    await use({ SIGHTLINE_URL: receiver.url, OPENAI_BASE_URL: endpoint.url, OPENAI_API_KEY: "none" });
    await endpoint.close();
  },
});

/** The first code block of a README. */
function firstCode(file: string): string {
  const code = /```ts\n([\s\S]*?)```/.exec(readFileSync(`${root}${file}`, "utf8"))?.[1];
  if (code === undefined) throw new Error(`${file} has no code block`);
  return code;
}

test("the weather agent answers from its tool, and its trace has agent, tool and two model calls", async ({
  receiver,
  env,
}) => {
  const end = await startFile(`${root}examples/01-weather-agent/agent.ts`, { env }).ended;
  const agent = spanNamed(receiver.spans, "run_tool_agent");
  expect(end).toEqual({
    code: 0,
    signal: null,
    stdout: `It is rainy in Paris today, so take an umbrella.\nTrace: tr-${agent.traceId}\n`,
    stderr: "",
  });
  expect(receiver.exports[0]!.headers["x-sightline-experiment"]).toBe("weather-agent");
  expect(agent).toMatchObject({
    parentSpanId: "",
    statusCode: 1,
    attributes: {
      "mlflow.spanType": "AGENT",
      "mlflow.spanInputs": `{"question":"What's the weather like in Paris today?"}`,
      "mlflow.spanOutputs": '"It is rainy in Paris today, so take an umbrella."',
      "mlflow.traceTag.topic": "weather",
      "mlflow.traceTag.tools": "get_weather",
      "user.id": "traveller-7",
      "session.id": "trip-to-paris",
    },
  });
  const children = receiver.spans
    .filter(({ parentSpanId }) => parentSpanId === agent.spanId)
    .sort((one, other) => Number(one.startTimeUnixNano - other.startTimeUnixNano));
  expect(children.map(({ name }) => name)).toEqual(["chat gpt-4o-mini", "get_weather", "chat gpt-4o-mini"]);
  const [first, tool, second] = children as [OtlpSpan, OtlpSpan, OtlpSpan];
  expect(jsonAttribute(first, "mlflow.spanOutputs")).toMatchObject({
    choices: [{ message: { tool_calls: [{ function: { name: "get_weather", arguments: '{"city":"Paris"}' } }] } }],
  });
  expect(tool.attributes).toMatchObject({
    "mlflow.spanType": "TOOL",
    "mlflow.spanInputs": '{"city":"Paris"}',
    "mlflow.spanOutputs": '"rainy"',
  });
  expect(jsonAttribute(second, "mlflow.spanInputs")).toMatchObject({
    messages: [{ role: "user" }, { role: "assistant" }, { role: "tool", content: "rainy" }],
  });
});

test("the failing agent ends as it would without tracing, and its trace shows the failing tool", async ({
  receiver,
  env,
}) => {
  const end = await startFile(`${root}examples/01-weather-agent/failing.ts`, { env }).ended;
  const message = "No forecast for Paris: 30 days is beyond the limit of 7.";
  expect(end).toMatchObject({ code: 1, stderr: `WeatherServiceError: ${message}\n` });
  expect(receiver.spans).toHaveLength(3);
  for (const name of ["get_forecast", "plan_trip"]) {
    expect(spanNamed(receiver.spans, name)).toMatchObject({
      statusCode: 2,
      statusMessage: message,
      events: [{ name: "exception", attributes: { "exception.type": "WeatherServiceError" } }],
    });
  }
});

test("the code of the SDK's README runs", async ({ receiver, env }) => {
  const code = firstCode("packages/sdk/README.md").replace("http://127.0.0.1:5500", receiver.url);
  const end = await runProgram(code, { extension: "mts", env });
  expect(end).toMatchObject({ code: 0, stderr: "" });
  expect(end.stdout).toMatch(/^This is a scripted answer to: Where is my order\?[\s\S]* tr-[0-9a-f]{32}\n$/);
  expect(receiver.spans.map(({ name }) => name).sort()).toEqual(["chat gpt-4o-mini", "look_up_order", "support-agent"]);
});

test("the code of the project's README runs", async ({ receiver, env }) => {
  const code = firstCode("README.md").replace("http://127.0.0.1:5500", receiver.url);
  expect(await runProgram(code, { extension: "mts", env })).toMatchObject({ code: 0, stderr: "" });
  expect(receiver.spans.map(({ name }) => name).sort()).toEqual(["chat gpt-4o-mini", "look_up_order", "support-agent"]);
});

test("the code of eval's README runs", async () => {
  const end = await runProgram(firstCode("packages/eval/README.md"), { extension: "mts" });
  expect(end).toMatchObject({ code: 0, stdout: "Hello from the script.\n/v1/chat/completions\n", stderr: "" });
});

/** `child → parent` by name; a root has no parent. */
function parents(spans: readonly OtlpSpan[]): Record<string, string | undefined> {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  return Object.fromEntries(spans.map(({ name, parentSpanId }) => [name, names.get(parentSpanId)]));
}

test("spans by hand nest as the code runs", async ({ receiver, env }) => {
  const end = await startFile(`${root}examples/02-nested-spans/pipeline.ts`, { env }).ended;
  expect(end).toMatchObject({ code: 0, stderr: "" });
  expect(end.stdout).toMatch(/^Shipping takes two days inside Europe\.\nTrace: tr-[0-9a-f]{32}\n$/);
  expect(parents(receiver.spans)).toEqual({
    ask: undefined,
    search: "ask",
    score: "search",
    check: "ask",
    answer_from: "ask",
  });
  expect(spanNamed(receiver.spans, "answer_from").events).toMatchObject([
    { name: "prompt built", attributes: { documents: 2 } },
  ]);
});

test("the span of a stream holds all that was read, and says when the reader left", async ({ receiver, env }) => {
  const end = await startFile(`${root}examples/03-streaming/chat.ts`, { env }).ended;
  expect(end).toMatchObject({ code: 0, stdout: "You asked: is this a stream?\nYou…\n", stderr: "" });
  const streams = receiver.spans.filter(({ name }) => name === "generate");
  expect(streams.map((span) => jsonAttribute(span, "mlflow.spanOutputs")).sort()).toEqual([
    ["You "],
    ["You ", "asked: ", "is ", "this ", "a ", "stream? "],
  ]);
  expect(
    receiver.spans.filter(({ attributes }) => attributes["sightline.stream.end_reason"] === "abandoned"),
  ).toHaveLength(2);
});

test("two services make one trace", async ({ receiver, env }) => {
  const end = await startFile(`${root}examples/04-two-services/shop.ts`, { env }).ended;
  expect(end).toMatchObject({ code: 0, stderr: "" });
  expect(parents(receiver.spans)).toEqual({ order: undefined, count_pieces: "order" });
  expect(new Set(receiver.spans.map(({ traceId }) => traceId)).size).toBe(1);
});

test("what the mask takes out is nowhere in what is sent", async ({ receiver, env }) => {
  const end = await startFile(`${root}examples/05-masking/support.ts`, { env }).ended;
  expect(end).toMatchObject({ code: 0, stderr: "" });
  expect(end.stdout).toContain("ada@example.com");
  expect(receiver.spans).toHaveLength(2);
  const sent = JSON.stringify(receiver.spans, (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  expect(sent).not.toMatch(/ada@|4111/);
  expect(sent).toMatch(/No refund of 500 euros to \[card\]/);
});

test("a script that ends at once sends everything and keeps its exit code", async ({ receiver, env }) => {
  const end = await startFile(`${root}examples/06-short-script/nightly.ts`, { env }).ended;
  expect(end).toMatchObject({ code: 3, stderr: "" });
  expect(receiver.spans.map(({ statusCode }) => statusCode).sort()).toEqual([1, 1, 2]);
});
