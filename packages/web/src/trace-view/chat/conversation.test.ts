import { describe, expect, test } from "vitest";
import { readConversation } from "./conversation.ts";

/** One line a part: what a reader of the chat sees. */
function shown(inputs: unknown, outputs: unknown): string[] | undefined {
  const conversation = readConversation(inputs, outputs);
  if (!conversation) return undefined;
  return [...conversation.input, ...conversation.output].flatMap(({ role, parts }) =>
    parts.map((part) => {
      switch (part.kind) {
        case "text":
        case "reasoning":
          return `${role} ${part.kind}: ${part.text}`;
        case "tool call": {
          const result = part.result && ` → ${JSON.stringify(part.result.value)}${part.result.failed ? " FAILED" : ""}`;
          return `${role} ${part.name}(${JSON.stringify(part.arguments)})${result ?? ""}`;
        }
        case "tool result":
          return `${role} result ${part.callId ?? ""} ${JSON.stringify(part.value)}`;
        case "media":
          return `${role} ${part.mediaType} ${part.source}`;
        case "attachment":
          return `${role} attachment ${part.reference.attachmentId} ${part.reference.contentType}`;
        default:
          return `${role} json ${JSON.stringify(part.value)}`;
      }
    }),
  );
}

test("OpenAI chat: parallel tool calls get their results by id, in whatever order they came", () => {
  const inputs = {
    model: "gpt-4o-mini",
    temperature: 0.2,
    messages: [
      { role: "system", content: "You help." },
      {
        role: "user",
        content: [
          { type: "text", text: "Where is HE-22?" },
          { type: "image_url", image_url: { url: "https://x/y.png" } },
        ],
      },
      {
        role: "assistant",
        content: null,
        tool_calls: [
          { id: "c1", type: "function", function: { name: "get_order", arguments: '{"id":"HE-22"}' } },
          { id: "c2", type: "function", function: { name: "get_weather", arguments: "{broken" } },
        ],
      },
      { role: "tool", tool_call_id: "c2", content: "rain" },
      { role: "tool", tool_call_id: "c1", content: '{"status":"shipped"}' },
    ],
    tools: [
      { type: "function", function: { name: "get_order", description: "Looks up.", parameters: { type: "object" } } },
    ],
  };
  const outputs = {
    id: "x",
    choices: [{ index: 0, message: { role: "assistant", content: "On its way.", refusal: null } }],
  };
  expect(shown(inputs, outputs)).toEqual([
    "system text: You help.",
    "user text: Where is HE-22?",
    "user image https://x/y.png",
    'assistant get_order({"id":"HE-22"}) → {"status":"shipped"}',
    'assistant get_weather("{broken") → "rain"',
    "assistant text: On its way.",
  ]);
  const conversation = readConversation(inputs, outputs);
  expect(conversation?.tools).toEqual([
    { name: "get_order", description: "Looks up.", parameters: { type: "object" } },
  ]);
  expect(conversation?.settings).toEqual({ model: "gpt-4o-mini", temperature: 0.2 });
});

test("Anthropic: system beside the messages, tool_use and tool_result blocks, thinking", () => {
  expect(
    shown(
      {
        system: "Be brief.",
        messages: [
          { role: "user", content: "Refund?" },
          { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "refund", input: { id: 7 } }] },
          {
            role: "user",
            content: [
              { type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "denied" }], is_error: true },
            ],
          },
        ],
      },
      {
        type: "message",
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm." },
          { type: "text", text: "Sorry." },
        ],
      },
    ),
  ).toEqual([
    "system text: Be brief.",
    "user text: Refund?",
    'assistant refund({"id":7}) → "denied" FAILED',
    "assistant reasoning: Hm.",
    "assistant text: Sorry.",
  ]);
});

test("OpenAI Responses: loose calls and outputs become messages", () => {
  expect(
    shown(
      {
        model: "gpt-5",
        instructions: "Help.",
        input: [
          { role: "user", content: [{ type: "input_text", text: "Hi" }] },
          { type: "function_call", call_id: "f1", name: "look", arguments: '{"q":1}' },
          { type: "function_call_output", call_id: "f1", output: "found" },
        ],
      },
      {
        output: [
          { type: "reasoning", summary: [{ type: "summary_text", text: "Easy." }] },
          { type: "message", role: "assistant", content: [{ type: "output_text", text: "Done" }] },
        ],
      },
    ),
  ).toEqual([
    "system text: Help.",
    "user text: Hi",
    'assistant look({"q":1}) → "found"',
    "assistant reasoning: Easy.",
    "assistant text: Done",
  ]);
  expect(shown({ model: "gpt-5", input: "Hi" }, { output: [] })).toBeUndefined();
  expect(shown({ model: "gpt-5", input: "Hi" }, "Hello")).toEqual(["user text: Hi", "assistant text: Hello"]);
});

test("Gemini", () => {
  expect(
    shown(
      {
        model: "gemini",
        contents: [
          { role: "user", parts: [{ text: "台北天氣？" }] },
          { role: "model", parts: [{ functionCall: { id: "g1", name: "weather", args: { city: "台北" } } }] },
          { role: "user", parts: [{ functionResponse: { id: "g1", name: "weather", response: { c: 21 } } }] },
        ],
        config: { systemInstruction: "簡短" },
      },
      { candidates: [{ content: { role: "model", parts: [{ text: "想", thought: true }, { text: "21 度" }] } }] },
    ),
  ).toEqual([
    "system text: 簡短",
    "user text: 台北天氣？",
    'assistant weather({"city":"台北"}) → {"c":21}',
    "assistant reasoning: 想",
    "assistant text: 21 度",
  ]);
});

test("Bedrock Converse", () => {
  expect(
    shown(
      {
        messages: [
          { role: "user", content: [{ text: "Hi" }] },
          { role: "assistant", content: [{ toolUse: { toolUseId: "b1", name: "t", input: {} } }] },
          {
            role: "user",
            content: [{ toolResult: { toolUseId: "b1", content: [{ json: { ok: 1 } }], status: "error" } }],
          },
        ],
      },
      { output: { message: { role: "assistant", content: [{ text: "Bye" }] } } },
    ),
  ).toEqual(["user text: Hi", 'assistant t({}) → [{"json":{"ok":1}}] FAILED', "assistant text: Bye"]);
});

test("LangChain: nested lists, types for roles, serialised classes", () => {
  expect(
    shown(
      {
        messages: [
          [
            { type: "human", data: { content: "Hi" } },
            {
              lc: 1,
              type: "constructor",
              id: ["langchain_core", "messages", "AIMessage"],
              kwargs: { content: "", tool_calls: [{ id: "l1", name: "t", args: { a: 1 } }] },
            },
            { type: "tool", content: "ok", tool_call_id: "l1", name: "t" },
          ],
        ],
      },
      { generations: [[{ text: "Bye", message: { type: "ai", content: "Bye" } }]] },
    ),
  ).toEqual(["user text: Hi", 'assistant t({"a":1}) → "ok"', "assistant text: Bye"]);
});

test("Vercel AI SDK", () => {
  expect(
    shown(
      {
        prompt: [
          { role: "user", content: [{ type: "text", text: "Hi" }] },
          { role: "assistant", content: [{ type: "tool-call", toolCallId: "v1", toolName: "t", input: { a: 1 } }] },
          {
            role: "tool",
            content: [
              { type: "tool-result", toolCallId: "v1", toolName: "t", output: { type: "json", value: { b: 2 } } },
            ],
          },
        ],
      },
      { role: "assistant", content: "Bye" },
    ),
  ).toEqual(["user text: Hi", 'assistant t({"a":1}) → {"b":2}', "assistant text: Bye"]);
});

test("OpenTelemetry GenAI messages", () => {
  expect(
    shown(
      [
        { role: "user", parts: [{ type: "text", content: "Hi" }] },
        { role: "assistant", parts: [{ type: "tool_call", id: "o1", name: "t", arguments: { a: 1 } }] },
        { role: "tool", parts: [{ type: "tool_call_response", id: "o1", response: "ok" }] },
      ],
      [{ role: "assistant", parts: [{ type: "text", content: "Bye" }], finish_reason: "stop" }],
    ),
  ).toEqual(["user text: Hi", 'assistant t({"a":1}) → "ok"', "assistant text: Bye"]);
});

test("a result without its call stays; media says how large it is; unknown blocks stay as JSON", () => {
  expect(
    shown(
      {
        messages: [
          { role: "tool", tool_call_id: "gone", content: "orphan" },
          {
            role: "user",
            content: [
              { type: "image", source: { media_type: "image/png", data: "A".repeat(400_000) } },
              { type: "hologram", z: 1 },
            ],
          },
        ],
      },
      null,
    ),
  ).toEqual(['tool result gone "orphan"', "user image/png 300 kB", 'user json {"type":"hologram","z":1}']);
});

describe("what is not a conversation", () => {
  test.each([
    ["arguments of a tool", { input: "Taipei" }, { output: "21" }],
    ["documents", "query", [{ page_content: "a", metadata: {} }]],
    ["a list that is not of messages", { messages: ["a", "b"] }, "x"],
    ["nothing", null, null],
    ["numbers", 3, 4],
    ["an answer in words to a question that is no message", { question: "?" }, { role: "assistant", content: "x" }],
  ])("%s", (_, inputs, outputs) => {
    expect(readConversation(inputs, outputs)).toBeUndefined();
  });
});

test("hostile names of types and roles are only text", () => {
  expect(
    shown(
      { messages: [{ role: "constructor", content: [{ type: "__proto__", text: "x" }, { type: "toString" }] }] },
      null,
    ),
  ).toEqual(["constructor text: x", 'constructor json {"type":"toString"}']);
});

test("references in the place of bytes are attachments, wherever a provider keeps them", () => {
  const id = "0d9e7a4c-53c1-4b8a-9f5e-7c1f9f0f2a11";
  const reference = (type: string) => `mlflow-attachment://${id}?content_type=${encodeURIComponent(type)}&size=5`;
  const blocks = [
    { type: "image_url", image_url: { url: reference("image/png") } },
    { type: "input_image", image_url: reference("image/gif") },
    { type: "image", source: { type: "base64", media_type: "image/jpeg", data: reference("image/jpeg") } },
    { type: "input_audio", input_audio: { data: reference("audio/wav"), format: "wav" } },
    { type: "file", mediaType: "application/pdf", data: reference("application/pdf") },
    { inlineData: { mimeType: "video/mp4", data: reference("video/mp4") } },
  ];
  expect(shown({ messages: [{ role: "user", content: blocks }] }, null)).toEqual(
    ["image/png", "image/gif", "image/jpeg", "audio/wav", "application/pdf", "video/mp4"].map(
      (type) => `user attachment ${id} ${type}`,
    ),
  );
});
