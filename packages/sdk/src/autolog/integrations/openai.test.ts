import { type ScriptedEndpoint, startScriptedEndpoint } from "@sightline/eval";
import { SpanType } from "@sightline/wire/model/span-type";
import type { OtlpSpan } from "@sightline/wire/otlp/span";
import OpenAI, { AzureOpenAI } from "openai";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { flush, init, shutdown } from "../../init.ts";
import { jsonAttribute, type Receiver, spanNamed, startReceiver } from "../../testing/receiver.ts";
import { trace, withSpan } from "../../tracing/trace.ts";
import { openai } from "../registry.ts";

let receiver: Receiver;
let endpoint: ScriptedEndpoint;
let client: OpenAI;

beforeAll(() => {
  expect(openai.autolog()).toBeGreaterThan(0);
});
beforeEach(async () => {
  receiver = await startReceiver();
  endpoint = await startScriptedEndpoint();
  client = new OpenAI({ baseURL: endpoint.url, apiKey: "test-key", maxRetries: 2 });
  init({ url: receiver.url });
});
afterEach(async () => {
  await shutdown();
  await endpoint.close();
  await receiver.close();
});
afterAll(() => {
  openai.autolog({ logTraces: false });
});

const question: OpenAI.ChatCompletionMessageParam = {
  role: "user",
  content: "What's the weather like in Paris today?",
};
const tools: OpenAI.ChatCompletionFunctionTool[] = [
  {
    type: "function",
    function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
  },
];

async function onlySpan(): Promise<OtlpSpan> {
  await flush();
  expect(receiver.spans).toHaveLength(1);
  return receiver.spans[0]!;
}

describe("a chat completion", () => {
  test("is a CHAT_MODEL span with request, response, model, usage and settings", async () => {
    const reply = await client.chat.completions.create({
      model: "gpt-4o-mini-cached-think",
      messages: [question],
      tools,
      temperature: 0.5,
      max_completion_tokens: 100,
    });
    const span = await onlySpan();
    expect(span.name).toBe("chat gpt-4o-mini-cached-think");
    expect(span.statusCode).toBe(1);
    expect(jsonAttribute(span, "mlflow.spanInputs")).toEqual({
      model: "gpt-4o-mini-cached-think",
      messages: [question],
      tools,
      temperature: 0.5,
      max_completion_tokens: 100,
    });
    expect(jsonAttribute(span, "mlflow.spanOutputs")).toEqual(JSON.parse(JSON.stringify(reply)));
    expect(span.attributes).toMatchObject({
      "mlflow.spanType": "CHAT_MODEL",
      "mlflow.llm.model": "gpt-4o-mini-cached-think",
      "mlflow.llm.provider": "openai",
      "mlflow.message.format": "openai",
      "gen_ai.operation.name": "chat",
      "gen_ai.request.temperature": 0.5,
      "gen_ai.request.max_tokens": 100,
      "gen_ai.response.model": "gpt-4o-mini-cached-think-scripted",
      "gen_ai.response.id": "chatcmpl-1",
      "gen_ai.response.finish_reasons": ["tool_calls"],
      "gen_ai.usage.reasoning.output_tokens": reply.usage!.completion_tokens_details!.reasoning_tokens!,
      "server.address": "127.0.0.1",
    });
    expect(jsonAttribute(span, "mlflow.chat.tokenUsage")).toEqual({
      input_tokens: reply.usage!.prompt_tokens,
      output_tokens: reply.usage!.completion_tokens,
      total_tokens: reply.usage!.total_tokens,
      cache_read_input_tokens: reply.usage!.prompt_tokens_details!.cached_tokens!,
    });
  });

  test("keeps the messages as they were when it was called", async () => {
    const messages = [question];
    const pending = client.chat.completions.create({ model: "m", messages });
    messages.push({ role: "user", content: "added later" });
    await pending;
    expect(jsonAttribute(await onlySpan(), "mlflow.spanInputs")).toMatchObject({ messages: [question] });
  });

  test("hangs under the traced function that made it", async () => {
    const agent = trace(() => client.chat.completions.create({ model: "m", messages: [question] }), {
      name: "agent",
      spanType: SpanType.AGENT,
    });
    await agent();
    const spans = (await flush()) && receiver.spans;
    const root = spanNamed(spans as OtlpSpan[], "agent");
    const call = spanNamed(spans as OtlpSpan[], "chat m");
    expect(call.parentSpanId).toBe(root.spanId);
    expect(call.traceId).toBe(root.traceId);
    expect(jsonAttribute(root, "mlflow.spanOutputs")).toMatchObject({ object: "chat.completion" });
  });

  test("that is tried again is one span", async () => {
    endpoint.enqueue({ error: 429 });
    endpoint.enqueue({ error: 500 });
    await client.chat.completions.create({ model: "m", messages: [question] });
    expect(endpoint.requests).toHaveLength(3);
    expect((await onlySpan()).statusCode).toBe(1);
  });

  test("that fails is thrown on unchanged and recorded", async () => {
    const error = await client.chat.completions
      .create({ model: "gpt-fail-400", messages: [question] })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    const span = await onlySpan();
    expect(span.statusCode).toBe(2);
    expect(span.statusMessage).toBe((error as Error).message);
    expect(span.attributes).toMatchObject({
      "error.type": "BadRequestError",
      "http.response.status_code": 400,
      "sightline.provider.request_id": "req_scripted",
    });
    expect(span.events[0]).toMatchObject({
      name: "exception",
      attributes: {
        "exception.type": "BadRequestError",
        "exception.message": (error as Error).message,
        "exception.stacktrace": (error as Error).stack,
      },
    });
  });

  test("to a server that is not there is a failed span", async () => {
    const nowhere = new OpenAI({ baseURL: "http://127.0.0.1:1/v1", apiKey: "k", maxRetries: 0 });
    await expect(nowhere.chat.completions.create({ model: "m", messages: [question] })).rejects.toThrow(
      "Connection error.",
    );
    const span = await onlySpan();
    expect(span.attributes["error.type"]).toBe("APIConnectionError");
    expect(span.events[0]?.attributes["exception.stacktrace"]).toContain("Caused by: ");
  });

  test("without token counts says so", async () => {
    await client.chat.completions.create({ model: "gpt-nousage", messages: [question] });
    const span = await onlySpan();
    expect(span.attributes["sightline.usage"]).toBe("missing");
    expect(span.attributes["mlflow.chat.tokenUsage"]).toBeUndefined();
  });
});

describe("a stream", () => {
  const create = (model: string, extra: Partial<OpenAI.ChatCompletionCreateParamsStreaming> = {}) =>
    client.chat.completions.create({ model, messages: [question], stream: true, ...extra });

  test("is put together to what the same request gives without streaming", async () => {
    const plain = await client.chat.completions.create({ model: "gpt-think-parallel", messages: [question], tools });
    const stream = await create("gpt-think-parallel", { tools, stream_options: { include_usage: true } });
    for await (const _ of stream);
    await flush();
    const [, streamed] = receiver.spans.map((span) => jsonAttribute(span, "mlflow.spanOutputs")) as [
      unknown,
      { choices: { message: object }[] },
    ];
    const { refusal: _, annotations: __, ...message } = plain.choices[0]!.message as unknown as Record<string, unknown>;
    const calls = plain.choices[0]!.message.tool_calls!.map((call, index) => ({ ...call, id: `call_2_${index}` }));
    expect(streamed).toEqual({
      ...plain,
      id: "chatcmpl-2",
      choices: [{ index: 0, message: { ...message, tool_calls: calls }, finish_reason: "tool_calls" }],
    });
    expect(receiver.spans[1]!.attributes["mlflow.chat.tokenUsage"]).toBe(
      receiver.spans[0]!.attributes["mlflow.chat.tokenUsage"],
    );
  });

  test("tells when the first token came: not with the chunk that holds the role alone", async () => {
    endpoint.enqueue("one two three");
    for await (const _ of await create("gpt-slow"));
    const span = await onlySpan();
    const event = span.events.find(({ name }) => name === "first_token")!;
    const seconds = span.attributes["gen_ai.response.time_to_first_chunk"] as number;
    expect(event.timeUnixNano).toBeGreaterThan(span.startTimeUnixNano);
    expect(event.timeUnixNano).toBeLessThan(span.endTimeUnixNano);
    // The endpoint waits 60 ms before the first piece: a lower bound on any machine.
    expect(seconds).toBeGreaterThan(0.05);
    expect(span.attributes["sightline.stream.end_reason"]).toBeUndefined();
  });

  test("that the user breaks off keeps what came, and is no error", async () => {
    endpoint.enqueue("one two three four five");
    for await (const chunk of await create("m")) if (chunk.choices[0]?.delta.content?.includes("two")) break;
    const span = await onlySpan();
    expect(span.statusCode).toBe(1);
    expect(span.attributes["sightline.stream.end_reason"]).toBe("abandoned");
    expect(jsonAttribute(span, "mlflow.spanOutputs")).toMatchObject({
      choices: [{ message: { content: "one two " }, finish_reason: null }],
    });
  });

  test("that is aborted says so", async () => {
    const stream = await create("gpt-slow");
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) stream.controller.abort();
    const span = await onlySpan();
    expect(span.attributes["sightline.stream.end_reason"]).toBe("aborted");
    expect(span.statusCode).toBe(1);
  });

  test.each([
    ["gpt-midstream", "APIError", "The model failed in mid-stream."],
    ["gpt-cut", "TypeError", "terminated"],
  ])("that breaks (%s) throws to the user and keeps what came", async (model, type, message) => {
    endpoint.enqueue("one two three four five");
    const read = async (): Promise<void> => {
      for await (const _ of await create(model));
    };
    await expect(read()).rejects.toThrow(message);
    const span = await onlySpan();
    expect(span.statusCode).toBe(2);
    expect(span.attributes).toMatchObject({ "error.type": type, "sightline.stream.end_reason": "error" });
    expect(jsonAttribute(span, "mlflow.spanOutputs")).toMatchObject({
      choices: [{ message: { content: "one two " } }],
    });
  });

  test("that is split by tee is counted once", async () => {
    endpoint.enqueue("one two three");
    const [left, right] = (await create("m")).tee();
    const read = async (stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<string> => {
      let text = "";
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      return text;
    };
    expect(await Promise.all([read(left), read(right)])).toEqual(["one two three", "one two three"]);
    expect(jsonAttribute(await onlySpan(), "mlflow.spanOutputs")).toMatchObject({
      choices: [{ message: { content: "one two three" } }],
    });
  });

  test("taken through withResponse is traced", async () => {
    const { data, response } = await create("m").withResponse();
    expect(response.status).toBe(200);
    for await (const _ of data);
    expect((await onlySpan()).attributes["gen_ai.response.finish_reasons"]).toEqual(["stop"]);
  });
});

describe("the library's helpers", () => {
  test("stream() gives one span, runTools() one for each round", async () => {
    const final = await client.chat.completions.stream({ model: "m", messages: [question] }).finalContent();
    expect(final).toContain("scripted answer");
    const getWeather = trace(({ city }: { city: string }) => `rainy in ${city}`, { name: "get_weather" });
    const runner = client.chat.completions.runTools({
      model: "rounds",
      messages: [question],
      tools: [
        {
          type: "function",
          function: {
            name: "get_weather",
            description: "The weather in a city today.",
            parameters: { type: "object", properties: { city: { type: "string" } } },
            parse: JSON.parse,
            function: getWeather,
          },
        },
      ],
    });
    expect(await runner.finalContent()).toBe("It is rainy in Paris in Paris today, so take an umbrella.");
    await flush();
    expect(receiver.spans.map(({ name }) => name).sort()).toEqual([
      "chat m",
      "chat rounds",
      "chat rounds",
      "get_weather",
    ]);
  });

  test("parse() gives the parsed object to the user and the plain response to the span", async () => {
    const reply = await client.chat.completions.parse({
      model: "m",
      messages: [question],
      response_format: {
        type: "json_schema",
        json_schema: { name: "w", schema: { type: "object", properties: { city: { type: "string" } } }, strict: true },
      },
    });
    expect(reply.choices[0]?.message.content).toBe('{"city":"Paris"}');
    const outputs = jsonAttribute(await onlySpan(), "mlflow.spanOutputs");
    expect(outputs).toMatchObject({ choices: [{ message: { content: '{"city":"Paris"}' } }] });
    expect(outputs).not.toHaveProperty("choices.0.message.parsed");
  });

  test("asResponse() alone ends the span with the status", async () => {
    const response = await client.chat.completions.create({ model: "m", messages: [question] }).asResponse();
    expect(await response.json()).toMatchObject({ object: "chat.completion" });
    expect((await onlySpan()).attributes["http.response.status_code"]).toBe(200);
  });

  test("responses and their streams have the same outputs", async () => {
    const input = "How is the weather in Tokyo?";
    const plain = await client.responses.create({ model: "m", input });
    for await (const _ of await client.responses.create({ model: "m", input, stream: true }));
    await flush();
    const [first, second] = receiver.spans;
    const outputs = jsonAttribute(first!, "mlflow.spanOutputs") as { output: object[] };
    expect(outputs.output).toEqual(plain.output);
    expect(jsonAttribute(second!, "mlflow.spanOutputs")).toMatchObject({
      status: "completed",
      output: [{ content: [{ text: plain.output_text }] }],
    });
    expect(second!.attributes["mlflow.chat.tokenUsage"]).toBe(first!.attributes["mlflow.chat.tokenUsage"]);
    expect(second!.attributes["gen_ai.response.finish_reasons"]).toEqual(["completed"]);
  });

  test("a responses stream that is broken off keeps the pieces; one that fails inside is an error", async () => {
    endpoint.enqueue("one two three four five");
    for await (const event of await client.responses.create({ model: "m", input: "x", stream: true })) {
      if (event.type === "response.output_text.delta" && event.delta.includes("two")) break;
    }
    endpoint.enqueue("one two three four five");
    for await (const _ of await client.responses.create({ model: "gpt-midstream", input: "x", stream: true }));
    await flush();
    const [broken, failed] = receiver.spans;
    expect(jsonAttribute(broken!, "mlflow.spanOutputs")).toMatchObject({
      output: [{ type: "message", content: [{ type: "output_text", text: "one two " }] }],
    });
    expect(failed).toMatchObject({ statusCode: 2, statusMessage: "The model failed in mid-stream." });
  });

  test("embeddings are described, their numbers are not kept", async () => {
    const { data } = await client.embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] });
    expect(data[0]!.embedding).toHaveLength(8);
    const span = await onlySpan();
    expect(span.name).toBe("embeddings text-embedding-3-small");
    expect(span.attributes["mlflow.spanType"]).toBe("EMBEDDING");
    expect(jsonAttribute(span, "mlflow.spanOutputs")).toMatchObject({
      data: [{ embedding: "[8 numbers]" }, { embedding: "[8 numbers]" }],
    });
    expect(jsonAttribute(span, "mlflow.chat.tokenUsage")).toEqual({
      input_tokens: 2,
      output_tokens: 0,
      total_tokens: 2,
    });
  });

  test("Azure and other providers are told by the host", async () => {
    const azure = new AzureOpenAI({
      endpoint: "https://example.openai.azure.com",
      apiKey: "k",
      apiVersion: "2024-10-21",
      maxRetries: 0,
      fetch: (_, request) => fetch(`${endpoint.url}/chat/completions`, request),
    });
    await azure.chat.completions.create({ model: "m", messages: [question] });
    const groq = new OpenAI({
      baseURL: "https://api.groq.com/openai/v1",
      apiKey: "k",
      fetch: (_, request) => fetch(`${endpoint.url}/chat/completions`, request),
    });
    await groq.chat.completions.create({ model: "m", messages: [question] });
    await flush();
    expect(receiver.spans.map((span) => span.attributes["mlflow.llm.provider"])).toEqual(["azure", "groq"]);
  });
});

describe("switching", () => {
  test("autolog twice gives one span; off gives none; wrap() traces one client", async () => {
    openai.autolog();
    await client.chat.completions.create({ model: "twice", messages: [question] });
    openai.autolog({ logTraces: false });
    await client.chat.completions.create({ model: "off", messages: [question] });
    const wrapped = openai.wrap(new OpenAI({ baseURL: endpoint.url, apiKey: "k" }));
    await wrapped.chat.completions.create({ model: "wrapped", messages: [question] });
    openai.autolog({ module: OpenAI });
    await wrapped.chat.completions.create({ model: "wrapped-and-on", messages: [question] });
    await client.chat.completions.create({ model: "on", messages: [question] });
    await flush();
    expect(receiver.spans.map(({ name }) => name)).toEqual([
      "chat twice",
      "chat wrapped",
      "chat wrapped-and-on",
      "chat on",
    ]);
  });

  test("while tracing is off, calls go straight through", async () => {
    await shutdown();
    const reply = await client.chat.completions.create({ model: "m", messages: [question] });
    expect(reply.choices).toHaveLength(1);
    expect(receiver.spans).toHaveLength(0);
  });

  test("other requests of the client are not spans", async () => {
    await withSpan({ name: "around" }, () => client.models.list());
    expect((await onlySpan()).name).toBe("around");
  });
});
