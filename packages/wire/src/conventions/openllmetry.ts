/**
 * OpenLLMetry (Traceloop): its workflow spans, and its model spans from before it moved to GenAI's messages.
 */
import type { Convention } from "./convention.ts";

const association = "traceloop.association.properties.";

export const openllmetry: Convention = {
  name: "openllmetry",
  source:
    "https://github.com/traceloop/openllmetry opentelemetry-semantic-conventions-ai, and spans recorded from its OpenAI instrumentation 0.40",
  namespaces: ["traceloop", "gen_ai", "llm"],
  spanType: [
    {
      key: "traceloop.span.kind",
      values: { workflow: "WORKFLOW", task: "TASK", agent: "AGENT", tool: "TOOL" },
    },
    {
      key: "llm.request.type",
      values: { chat: "CHAT_MODEL", completion: "LLM", embedding: "EMBEDDING", rerank: "RERANKER" },
    },
  ],
  inputs: ["traceloop.entity.input", { flattened: "gen_ai.prompt" }],
  outputs: ["traceloop.entity.output", { flattened: "gen_ai.completion" }],
  usage: [
    {
      input: ["gen_ai.usage.prompt_tokens", "gen_ai.usage.input_tokens"],
      output: ["gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens"],
      total: ["llm.usage.total_tokens"],
      cacheRead: ["gen_ai.usage.cache_read_input_tokens"],
      cacheCreation: ["gen_ai.usage.cache_creation_input_tokens"],
    },
  ],
  sessionId: [`${association}session_id`, `${association}thread_id`, `${association}chat_id`],
  userId: [`${association}user_id`],
  traceMetadata: [{ prefix: association, except: ["session_id", "thread_id", "chat_id", "user_id"] }],
};
