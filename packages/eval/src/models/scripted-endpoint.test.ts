import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ScriptedEndpoint, startScriptedEndpoint } from "./scripted-endpoint.ts";

let endpoint: ScriptedEndpoint;
let client: OpenAI;
beforeEach(async () => {
  endpoint = await startScriptedEndpoint();
  client = new OpenAI({ baseURL: endpoint.url, apiKey: "test-key", maxRetries: 0 });
});
afterEach(() => endpoint.close());

const tools: OpenAI.ChatCompletionTool[] = [
  { type: "function", function: { name: "get_time", parameters: { type: "object", properties: {} } } },
  {
    type: "function",
    function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
  },
];
const question: OpenAI.ChatCompletionMessageParam = {
  role: "user",
  content: "What's the weather like in Paris today?",
};

describe("a tool-calling agent", () => {
  test("gets a call of the tool that the question is about, with arguments from the question", async () => {
    const reply = await client.chat.completions.create({ model: "gpt-4o-mini", messages: [question], tools });
    expect(reply.choices[0]).toMatchObject({
      finish_reason: "tool_calls",
      message: {
        content: null,
        tool_calls: [{ type: "function", function: { name: "get_weather", arguments: '{"city":"Paris"}' } }],
      },
    });
  });

  test.each([
    ["rainy", "It is rainy in Paris today, so take an umbrella."],
    ["sunny", "It is sunny in Paris today, so enjoy the sun."],
    ["unknown", "It is unknown in Paris today."],
    ['{"sky":"snow","celsius":-2}', "It is sky: snow, celsius: -2 in Paris today, so dress warmly."],
    ["Error: the service is down", "I could not find out: Error: the service is down"],
  ])("gets an answer made from the tool's result %j", async (result, answer) => {
    const first = await client.chat.completions.create({ model: "gpt-4o-mini", messages: [question], tools });
    const message = first.choices[0]!.message;
    const reply = await client.chat.completions.create({
      model: "gpt-4o-mini",
      messages: [question, message, { role: "tool", tool_call_id: message.tool_calls![0]!.id, content: result }],
      tools,
    });
    expect(reply.choices[0]?.message.content).toBe(answer);
  });
});

test("tokens are counted from the text", async () => {
  const short = await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "Hi" }] });
  const long = await client.chat.completions.create({
    model: "m",
    messages: [{ role: "user", content: "Hi ".repeat(50) }],
  });
  expect(long.usage!.prompt_tokens - short.usage!.prompt_tokens).toBe(49);
  expect(short.usage!.total_tokens).toBe(short.usage!.prompt_tokens + short.usage!.completion_tokens);
});

test("the same requests to two endpoints get the same bytes, streamed or not", async () => {
  const other = await startScriptedEndpoint();
  const ask = async (url: string, stream: boolean) => {
    const response = await fetch(`${url}/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "m", messages: [question], stream }),
    });
    return response.text();
  };
  for (const stream of [false, true]) expect(await ask(other.url, stream)).toBe(await ask(endpoint.url, stream));
  await other.close();
});

test("a stream gives the same answer in pieces, and usage when asked", async () => {
  endpoint.enqueue("one two three four five six seven");
  const stream = await client.chat.completions.create({
    model: "m",
    messages: [question],
    stream: true,
    stream_options: { include_usage: true },
  });
  const pieces: string[] = [];
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const chunk of stream) {
    pieces.push(chunk.choices[0]?.delta.content ?? "");
    usage = chunk.usage ?? usage;
  }
  expect(pieces.join("")).toBe("one two three four five six seven");
  expect(pieces.filter(Boolean).length).toBeGreaterThan(2);
  expect(usage?.completion_tokens).toBe(7);
});

describe("the script", () => {
  test("comes before the rules, in order", async () => {
    endpoint.enqueue("first");
    endpoint.enqueue({ tools: [{ name: "a" }, { name: "b", args: { x: 1 } }] });
    endpoint.enqueue({ error: 503, message: "Come back later." });
    const ask = () => client.chat.completions.create({ model: "m", messages: [question] });
    expect((await ask()).choices[0]?.message.content).toBe("first");
    expect(
      (await ask()).choices[0]?.message.tool_calls?.map((call) => call.type === "function" && call.function),
    ).toEqual([
      { name: "a", arguments: "{}" },
      { name: "b", arguments: '{"x":1}' },
    ]);
    await expect(ask()).rejects.toThrow("503 Come back later.");
    expect((await ask()).choices[0]?.message.content).toContain("scripted answer to: What's the weather");
  });
});

describe("faults by model name", () => {
  const stream = async (model: string) => {
    const pieces: string[] = [];
    const answer = await client.chat.completions.create({ model, messages: [question], stream: true });
    try {
      for await (const chunk of answer) pieces.push(chunk.choices[0]?.delta.content ?? "");
    } catch (error) {
      return { pieces: pieces.filter(Boolean), error: String(error) };
    }
    return { pieces: pieces.filter(Boolean), error: "" };
  };

  test.each([400, 429, 500])("fail-%d gives that status in OpenAI's shape", async (status) => {
    const ask = client.chat.completions.create({ model: `gpt-fail-${status}`, messages: [question] });
    await expect(ask).rejects.toMatchObject({ status, code: expect.any(String) });
  });

  test("midstream sends two pieces and an error", async () => {
    const { pieces, error } = await stream("gpt-midstream");
    expect(pieces).toHaveLength(2);
    expect(error).toContain("The model failed in mid-stream.");
  });

  test("cut breaks the connection after two pieces", async () => {
    const { pieces, error } = await stream("gpt-cut");
    expect(pieces).toHaveLength(2);
    expect(error).toContain("terminated");
  });

  test("think adds reasoning, parallel a second call, cached and nousage change the counts", async () => {
    const ask = (model: string) => client.chat.completions.create({ model, messages: [question], tools });
    const thinking = await ask("gpt-think-parallel-cached");
    expect(thinking.choices[0]?.message).toMatchObject({ reasoning_content: "Let me think about that first." });
    expect(thinking.choices[0]?.message.tool_calls).toHaveLength(2);
    expect(thinking.usage?.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(0);
    expect(thinking.usage?.prompt_tokens_details?.cached_tokens).toBeGreaterThan(0);
    expect((await ask("gpt-nousage")).usage).toBeUndefined();
  });
});

test("structured output fits its schema", async () => {
  const reply = await client.chat.completions.create({
    model: "m",
    messages: [{ role: "user", content: "Who lives in New York with 3 cats?" }],
    response_format: {
      type: "json_schema",
      json_schema: {
        name: "home",
        schema: {
          type: "object",
          properties: { city: { type: "string" }, cats: { type: "integer" }, kind: { enum: ["flat", "house"] } },
          required: ["city", "cats", "kind"],
        },
      },
    },
  });
  expect(JSON.parse(reply.choices[0]?.message.content ?? "")).toEqual({ city: "New York", cats: 3, kind: "flat" });
});

describe("the responses API", () => {
  test("calls a tool, then answers from its result", async () => {
    const tool: OpenAI.Responses.FunctionTool = {
      type: "function",
      name: "get_weather",
      parameters: { type: "object", properties: { city: { type: "string" } } },
      strict: false,
    };
    const input = "How is the weather in Tokyo?";
    const first = await client.responses.create({ model: "m", input, tools: [tool] });
    const call = first.output[0] as OpenAI.Responses.ResponseFunctionToolCall;
    expect(call).toMatchObject({ name: "get_weather", arguments: '{"city":"Tokyo"}' });
    const second = await client.responses.create({
      model: "m",
      input: [
        { role: "user", content: input },
        call,
        { type: "function_call_output", call_id: call.call_id, output: "sunny" },
      ],
    });
    expect(second.output_text).toBe("It is sunny in Tokyo today, so enjoy the sun.");
  });

  test("streams events that end with the whole response", async () => {
    const stream = await client.responses.create({ model: "m", input: "Hello you", stream: true });
    const types: string[] = [];
    let text = "";
    for await (const event of stream) {
      types.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    expect(text).toBe("This is a scripted answer to: Hello you");
    expect(types[0]).toBe("response.created");
    expect(types.at(-1)).toBe("response.completed");
  });
});

test("embeddings depend on the text, in numbers or base64", async () => {
  const ask = (input: string | string[], encoding: "float" | "base64") =>
    client.embeddings.create({ model: "m", input, encoding_format: encoding });
  const [one] = (await ask("one", "float")).data;
  const both = (await ask(["one", "two"], "float")).data;
  expect(both[0]?.embedding).toEqual(one?.embedding);
  expect(both[1]?.embedding).not.toEqual(one?.embedding);
  expect((await ask("one", "base64")).data[0]?.embedding).toEqual(expect.any(String));
});

test("received requests are kept with path, headers and body", async () => {
  await client.chat.completions.create({ model: "m", messages: [question] });
  expect(endpoint.requests).toHaveLength(1);
  expect(endpoint.requests[0]).toMatchObject({
    path: "/v1/chat/completions",
    headers: { authorization: "Bearer test-key" },
    body: { model: "m", messages: [question] },
  });
});

test("closing ends an answer that never comes", async () => {
  const stalled = await startScriptedEndpoint();
  const pending = new OpenAI({ baseURL: stalled.url, apiKey: "k", maxRetries: 0 }).chat.completions
    .create({ model: "gpt-stall", messages: [question] })
    .catch(String);
  while (stalled.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await stalled.close();
  expect(await pending).toContain("Connection error");
});
