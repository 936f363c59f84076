/**
 * What a program sees of openai must be the same, to the byte, with and without autolog: values, chunks, classes, errors, order.
 */
import { type ScriptedEndpoint, startScriptedEndpoint } from "@sightline/eval";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { flush, init, shutdown } from "../init.ts";
import { type Receiver, startReceiver } from "../testing/receiver.ts";
import { openai } from "./registry.ts";

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  init({ url: receiver.url });
});
afterAll(async () => {
  await shutdown();
  await receiver.close();
});

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "What's the weather like in Paris?" }];
const tools: OpenAI.ChatCompletionFunctionTool[] = [
  {
    type: "function",
    function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
  },
];
const request = { model: "gpt-think", messages, tools };

/** Everything a program can tell about a value: text, keys (hidden ones too), class. */
function look(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  return {
    text: JSON.stringify(value),
    keys: Reflect.ownKeys(value).map(String),
    made: Object.prototype.toString.call(value),
    class: (prototype as { constructor?: { name?: string } } | null)?.constructor?.name,
  };
}

function lookAtError(error: unknown): unknown {
  const { message, name, status, code, type, requestID, headers } = error as InstanceType<typeof OpenAI.APIError>;
  return {
    class: (error as object).constructor.name,
    message,
    name,
    status,
    code,
    type,
    requestID,
    headers: !!headers,
  };
}

async function read(stream: AsyncIterable<unknown>): Promise<unknown> {
  const chunks: unknown[] = [];
  try {
    for await (const chunk of stream) chunks.push(look(chunk));
  } catch (error) {
    return { chunks, error: lookAtError(error) };
  }
  return chunks;
}

const scenes: Readonly<Record<string, (client: OpenAI, endpoint: ScriptedEndpoint) => Promise<unknown>>> = {
  "a completion": async (client) => look(await client.chat.completions.create(request)),
  "the promise itself": async (client) => {
    const promise = client.chat.completions.create(request);
    const seen = [Object.prototype.toString.call(promise), promise.constructor.name, promise instanceof Promise];
    return [...seen, look(await promise), look(await promise)];
  },
  withResponse: async (client) => {
    const { data, response, request_id } = await client.chat.completions.create(request).withResponse();
    return [look(data), request_id, response.status, [...response.headers.keys()].sort(), response.bodyUsed];
  },
  asResponse: async (client) => {
    const response = await client.chat.completions.create(request).asResponse();
    return [response.status, response.bodyUsed, await response.text()];
  },
  "then, catch and finally": async (client) => {
    const steps: unknown[] = [];
    await client.chat.completions.create(request).then((data) => steps.push(look(data)));
    await client.chat.completions.create({ ...request, model: "fail-400" }).catch((e) => steps.push(lookAtError(e)));
    await client.chat.completions.create(request).finally(() => steps.push("finally"));
    return steps;
  },
  errors: async (client) => {
    const models = ["gpt-fail-400", "gpt-fail-401", "gpt-fail-429", "gpt-fail-500"];
    const ask = (model: string) => client.chat.completions.create({ ...request, model }).catch(lookAtError);
    return Promise.all(models.map(ask));
  },
  "an aborted request": async (client) => {
    const controller = new AbortController();
    const pending = client.chat.completions.create({ ...request, model: "gpt-stall" }, { signal: controller.signal });
    controller.abort();
    return pending.catch(lookAtError);
  },
  "structured output": async (client) => {
    const reply = await client.chat.completions.parse({
      model: "m",
      messages,
      response_format: {
        type: "json_schema",
        json_schema: { name: "w", strict: true, schema: { type: "object", properties: { city: { type: "string" } } } },
      },
    });
    return [look(reply), reply.choices[0]?.message];
  },
  "a stream": async (client) => {
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    return [Reflect.ownKeys(stream).map(String), stream.constructor.name, await read(stream), await read(stream)];
  },
  "the iterator of a stream": async (client) => {
    const stream = await client.chat.completions.create({ ...request, stream: true });
    const iterator = stream[Symbol.asyncIterator]() as AsyncGenerator<unknown>;
    const isItself = iterator[Symbol.asyncIterator]() === iterator;
    const first = await iterator.next();
    const seen = [Object.prototype.toString.call(iterator), isItself, look(first), typeof iterator.return];
    return [...seen, await iterator.return?.(undefined), await iterator.next()];
  },
  "a stream split by tee": async (client) => {
    const [left, right] = (await client.chat.completions.create({ ...request, stream: true })).tee();
    return [await read(left), await read(right)];
  },
  "a stream as bytes": async (client) => {
    const stream = await client.chat.completions.create({ ...request, stream: true });
    return new Response(stream.toReadableStream()).text();
  },
  "streams that break": async (client) => [
    await read(await client.chat.completions.create({ model: "gpt-midstream", messages, stream: true })),
    await read(await client.chat.completions.create({ model: "gpt-cut", messages, stream: true })),
  ],
  "a stream broken off": async (client) => {
    const chunks: unknown[] = [];
    const stream = await client.chat.completions.create({ ...request, stream: true });
    for await (const chunk of stream) {
      chunks.push(look(chunk));
      if (chunks.length === 3) break;
    }
    return [chunks, stream.controller.signal.aborted];
  },
  "the stream helper's events": async (client) => {
    const events: unknown[] = [];
    const stream = client.chat.completions.stream({ model: "m", messages });
    for (const name of ["connect", "content", "chunk", "message", "finalContent", "end"] as const) {
      stream.on(name as "content", (...args: unknown[]) => events.push([name, ...args.map(look)]));
    }
    await stream.done();
    return events;
  },
  responses: async (client) => {
    const plain = await client.responses.create({ model: "m", input: "Hello" });
    const stream = await client.responses.create({ model: "m", input: "Hello", stream: true });
    return [look(plain), plain.output_text, await read(stream)];
  },
  embeddings: async (client) => [
    look(await client.embeddings.create({ model: "m", input: "one" })),
    look(await client.embeddings.create({ model: "m", input: ["one"], encoding_format: "float" })),
  ],
  "what the server receives": async (client, endpoint) => {
    await client.chat.completions.create({ ...request, stream: true });
    await client.responses.create({ model: "m", input: "Hello" });
    return endpoint.requests.map(({ path, headers, body }) => {
      const { host: _, ...rest } = headers;
      return [path, rest, JSON.stringify(body)];
    });
  },
};

test.each(Object.keys(scenes))("%s", async (name) => {
  const play = async (logTraces: boolean): Promise<unknown> => {
    openai.autolog({ logTraces });
    const endpoint = await startScriptedEndpoint();
    const client = new OpenAI({ baseURL: endpoint.url, apiKey: "test-key", maxRetries: 0 });
    const seen = await scenes[name]!(client, endpoint);
    await endpoint.close();
    return seen;
  };
  const without = await play(false);
  const before = receiver.spans.length;
  const withAutolog = await play(true);
  await flush();
  expect(receiver.spans.length).toBeGreaterThan(before);
  expect(withAutolog).toEqual(without);
  expect(JSON.stringify(withAutolog)).toBe(JSON.stringify(without));
});
