import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { requestPreview, responsePreview } from "./preview.ts";

const json = JSON.stringify;
const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: unknown) => ({ role: "assistant", content });

describe("the question of", () => {
  test.each<[string, unknown, string]>([
    [
      "OpenAI chat",
      { model: "m", messages: [{ role: "system", content: "S" }, user("one"), assistant("a"), user("two")] },
      "two",
    ],
    [
      "OpenAI parts",
      {
        messages: [
          user([
            { type: "text", text: "look" },
            { type: "image_url", image_url: { url: "x" } },
          ]),
        ],
      },
      "look",
    ],
    ["OpenAI responses", { model: "m", input: "ask" }, "ask"],
    ["OpenAI response items", { input: [user([{ type: "input_text", text: "ask" }])] }, "ask"],
    [
      "an agent's turn after a tool",
      { messages: [user("ask"), assistant(null), { role: "tool", content: "42" }] },
      "ask",
    ],
    [
      "Anthropic after a tool",
      { messages: [user("ask"), user([{ type: "tool_result", tool_use_id: "t", content: "42" }])] },
      "ask",
    ],
    ["Gemini text", { model: "m", contents: "ask" }, "ask"],
    ["Gemini contents", { contents: [{ role: "user", parts: [{ text: "ask" }] }], config: {} }, "ask"],
    ["Bedrock Converse", { messages: [user([{ text: "ask" }])], system: [{ text: "S" }] }, "ask"],
    ["LangChain messages", { messages: [[{ type: "human", content: "ask" }]] }, "ask"],
    [
      "LangChain serialised",
      [[{ lc: 1, type: "constructor", id: ["langchain_core", "HumanMessage"], kwargs: { content: "ask" } }]],
      "ask",
    ],
    [
      "LangChain tuples",
      {
        messages: [
          ["system", "S"],
          ["human", "ask"],
        ],
      },
      "ask",
    ],
    ["LangGraph state", { messages: [{ type: "human", content: "ask", id: "1" }], step: 1 }, "ask"],
    ["GenAI parts", [{ role: "user", parts: [{ type: "text", content: "ask" }] }], "ask"],
    [
      "GenAI with instructions",
      { system_instructions: [{ type: "text", content: "S" }], messages: [user("ask")] },
      "ask",
    ],
    ["AI SDK", { system: "S", prompt: "ask" }, "ask"],
    ["a Python call", { args: ["ask"], kwargs: {} }, "ask"],
    ["a Python call by name", { args: [], kwargs: { question: "ask", limit: 3 } }, "ask"],
    ["a payload encoded twice", json({ messages: [user("ask")] }), "ask"],
    ["an embedding", { model: "m", input: ["a", "b"] }, "a b"],
    ["a string", "ask", "ask"],
    ["one text among numbers", { limit: 3, city: "Paris" }, "Paris"],
    [
      "several texts",
      { city: "Paris", unit: "C", days: 2, deep: { a: 1 }, none: null },
      'city: Paris · unit: C · days: 2 · deep: {"a":1}',
    ],
    ["numbers", { a: 1, b: 2 }, "a: 1 · b: 2"],
    ["a number", 42, "42"],
    ["a list", [1, 2], "1 · 2"],
    ["nothing", null, ""],
    ["an empty object", {}, ""],
  ])("%s", (_, inputs, expected) => {
    expect(requestPreview(json(inputs))).toBe(expected);
  });
});

describe("the answer of", () => {
  const call = { id: "1", type: "function", function: { name: "get", arguments: '{"a":1}' } };
  test.each<[string, unknown, string]>([
    [
      "OpenAI chat",
      { id: "x", object: "chat.completion", choices: [{ index: 0, message: assistant("done") }] },
      "done",
    ],
    [
      "OpenAI tool call",
      { choices: [{ message: { role: "assistant", content: null, tool_calls: [call] } }] },
      'get({"a":1})',
    ],
    ["OpenAI refusal", { choices: [{ message: { role: "assistant", content: null, refusal: "no" } }] }, "no"],
    ["OpenAI completion", { choices: [{ text: "done", index: 0 }] }, "done"],
    [
      "OpenAI responses",
      {
        output: [
          { type: "reasoning", summary: [] },
          { type: "message", role: "assistant", content: [{ type: "output_text", text: "done" }] },
        ],
      },
      "done",
    ],
    ["OpenAI responses, tool", { output: [{ type: "function_call", name: "get", arguments: "{}" }] }, "get({})"],
    ["output_text", { output_text: "done", output: [] }, "done"],
    [
      "Anthropic",
      {
        role: "assistant",
        type: "message",
        content: [
          { type: "thinking", thinking: "hm" },
          { type: "text", text: "done" },
        ],
      },
      "done",
    ],
    [
      "Anthropic tool",
      { role: "assistant", content: [{ type: "tool_use", name: "get", input: { a: 1 } }] },
      'get({"a":1})',
    ],
    [
      "Gemini",
      { candidates: [{ content: { role: "model", parts: [{ text: "hm", thought: true }, { text: "done" }] } }] },
      "done",
    ],
    [
      "Gemini tool",
      { candidates: [{ content: { parts: [{ functionCall: { name: "get", args: { a: 1 } } }] } }] },
      'get({"a":1})',
    ],
    ["Bedrock Converse", { output: { message: assistant([{ text: "done" }]) }, stopReason: "end_turn" }, "done"],
    ["Bedrock tool", { output: { message: assistant([{ toolUse: { name: "get", input: {} } }]) } }, "get({})"],
    ["LangChain", { generations: [[{ text: "done", generationInfo: {} }]] }, "done"],
    [
      "LangChain message",
      { lc: 1, type: "constructor", id: ["x", "AIMessage"], kwargs: { content: "done", tool_calls: [] } },
      "done",
    ],
    [
      "LangGraph state",
      {
        messages: [
          { type: "human", content: "ask" },
          { type: "ai", content: "done" },
        ],
      },
      "done",
    ],
    ["AI SDK tool calls", { toolCalls: [{ toolName: "get", input: '{"a":1}' }] }, 'get({"a":1})'],
    ["GenAI parts", [{ role: "assistant", parts: [{ type: "text", content: "done" }], finish_reason: "stop" }], "done"],
    [
      "GenAI tool call",
      [{ role: "assistant", parts: [{ type: "tool_call", name: "get", arguments: { a: 1 } }] }],
      'get({"a":1})',
    ],
    ["a retriever", [{ page_content: "done", metadata: {} }], "done"],
    ["a string", "done", "done"],
    ["an agent", { answer: "done", score: 1 }, "done"],
    ["a number by name", { answer: 42 }, "answer: 42"],
  ])("%s", (_, outputs, expected) => {
    expect(responsePreview(json(outputs))).toBe(expected);
  });
});

test("Markdown marks and line breaks are taken out, names and code stay readable", () => {
  const text =
    "# Title\n\n- **Bold** `snake_case` and [a link](https://x.y)\n> quote\n```ts\nconst a = 1 * 2;\n```\n\ttab";
  expect(requestPreview(json(text))).toBe("Title Bold snake_case and a link quote const a = 1 * 2; tab");
});

test("a preview has at most 1,000 characters and ends on a whole one", () => {
  const cut = requestPreview(json(`${"x".repeat(998)}😀${"y".repeat(50)}`));
  expect(cut).toBe(`${"x".repeat(998)}…`);
});

test("nesting without end does not exhaust the stack", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  expect(requestPreview(deep)).toHaveLength(1000);
  expect(requestPreview(`{"question":"ask","deep":${deep}}`)).toBe("ask");
  expect(responsePreview(`{"tool_calls":[{"name":"get","arguments":${deep}}]}`)).toHaveLength(1000);
  expect(responsePreview(json({ text: deep }))).toHaveLength(1000);
});

test("text that is not JSON is shown as it is", () => {
  expect(requestPreview("{broken")).toBe("{broken");
  expect(responsePreview("")).toBe("");
});

describe("a payload of 10 MB is searched, not parsed:", () => {
  const long = "x".repeat(5_000_000);
  test("the last user message is found wherever it is", () => {
    expect(
      requestPreview(json({ messages: [{ role: "system", content: long }, user('what "is" 😀?'), assistant(long)] })),
    ).toBe('what "is" 😀?');
    expect(requestPreview(json({ messages: [user(long), { content: "last", role: "user" }], tools: [] }))).toBe("last");
    expect(
      requestPreview(
        json([
          { type: "human", content: [{ type: "text", text: "ask" }] },
          { type: "ai", content: long },
        ]),
      ),
    ).toBe("ask");
  });
  test("the answer too", () => {
    expect(responsePreview(json({ choices: [{ message: assistant("done") }], echo: long }))).toBe("done");
    expect(responsePreview(json({ output: "done", debug: long }))).toBe("done");
  });
  test("a long text itself is cut", () => {
    expect(requestPreview(json(long))).toBe(`${"x".repeat(999)}…`);
    expect(requestPreview(json({ question: `${'\\"'.repeat(3_000_000)}` }))).toHaveLength(1000);
  });
});

test("any JSON and any text has a preview, whole or cut anywhere", () => {
  const words = fc.constantFrom(
    "role",
    "user",
    "content",
    "messages",
    "parts",
    "text",
    "type",
    "choices",
    "tool_calls",
    "function",
    "name",
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      words,
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(words, tie("tree"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(tree, fc.nat(), (value, cut) => {
      for (const text of [json(value), json(value).slice(0, cut % 50)]) {
        for (const preview of [requestPreview(text), responsePreview(text)]) {
          expect(preview.length).toBeLessThanOrEqual(1000);
          expect(preview).not.toMatch(/[\n\t]|^ | $/);
        }
      }
    }),
    { numRuns: 500 },
  );
});
