/**
 * OpenTelemetry's GenAI semantic conventions: the present names, and those of earlier releases that are still sent.
 */
import type { Convention } from "./convention.ts";

export const otelGenai: Convention = {
  name: "otel-genai",
  source:
    "https://github.com/open-telemetry/semantic-conventions-genai; older names: https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/ (deprecated), semantic-conventions v1.27-v1.36 for the events",
  namespaces: ["gen_ai"],
  spanType: [
    {
      key: "gen_ai.operation.name",
      values: {
        chat: "CHAT_MODEL",
        text_completion: "LLM",
        generate_content: "LLM",
        embeddings: "EMBEDDING",
        execute_tool: "TOOL",
        invoke_agent: "AGENT",
        create_agent: "AGENT",
        invoke_workflow: "WORKFLOW",
        retrieval: "RETRIEVER",
      },
    },
  ],
  inputs: [
    {
      object: { system_instructions: "gen_ai.system_instructions", messages: "gen_ai.input.messages" },
      when: ["gen_ai.system_instructions", "gen_ai.input.messages"],
    },
    "gen_ai.input.messages",
    "gen_ai.tool.call.arguments",
    "gen_ai.retrieval.query.text",
    { event: "gen_ai.client.inference.operation.details", key: "gen_ai.input.messages" },
    {
      events: {
        "gen_ai.system.message": "system",
        "gen_ai.user.message": "user",
        "gen_ai.assistant.message": "assistant",
        "gen_ai.tool.message": "tool",
      },
    },
    { event: "gen_ai.content.prompt", key: "gen_ai.prompt" },
    "gen_ai.prompt",
  ],
  outputs: [
    "gen_ai.output.messages",
    "gen_ai.tool.call.result",
    "gen_ai.retrieval.documents",
    { event: "gen_ai.client.inference.operation.details", key: "gen_ai.output.messages" },
    { events: { "gen_ai.choice": "assistant" } },
    { event: "gen_ai.content.completion", key: "gen_ai.completion" },
    "gen_ai.completion",
  ],
  model: ["gen_ai.response.model", "gen_ai.request.model"],
  provider: ["gen_ai.provider.name", "gen_ai.system"],
  usage: [
    {
      input: ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"],
      output: ["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"],
      total: ["gen_ai.usage.total_tokens"],
      cacheRead: ["gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"],
      cacheCreation: [
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
      ],
      reasoning: [
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
      ],
    },
  ],
  costUsd: ["gen_ai.usage.cost"],
  sessionId: ["gen_ai.conversation.id"],
};
