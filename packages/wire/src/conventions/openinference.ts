/**
 * OpenInference, the names of Arize Phoenix and its instrumentations.
 */
import type { Convention } from "./convention.ts";

const unwrap = ["message", "message_content", "tool_call"];

export const openinference: Convention = {
  name: "openinference",
  source:
    "https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md, and spans recorded from its OpenAI instrumentation",
  namespaces: ["openinference", "llm", "input", "output", "retrieval", "embedding", "reranker"],
  spanType: [
    {
      key: "openinference.span.kind",
      values: {
        LLM: "LLM",
        EMBEDDING: "EMBEDDING",
        CHAIN: "CHAIN",
        RETRIEVER: "RETRIEVER",
        RERANKER: "RERANKER",
        TOOL: "TOOL",
        AGENT: "AGENT",
        GUARDRAIL: "GUARDRAIL",
        EVALUATOR: "EVALUATOR",
      },
    },
  ],
  inputs: [
    "input.value",
    { flattened: "llm.input_messages", unwrap },
    { flattened: "embedding.embeddings", unwrap: ["embedding"] },
    "reranker.query",
  ],
  outputs: [
    "output.value",
    { flattened: "llm.output_messages", unwrap },
    { flattened: "retrieval.documents", unwrap: ["document"] },
    { flattened: "reranker.output_documents", unwrap: ["document"] },
  ],
  model: [
    "llm.response.model_name",
    "llm.model_name",
    "llm.request.model_name",
    "embedding.model_name",
    "reranker.model_name",
  ],
  provider: ["llm.provider", "llm.system"],
  usage: [
    {
      input: ["llm.token_count.prompt"],
      output: ["llm.token_count.completion"],
      total: ["llm.token_count.total"],
      cacheRead: ["llm.token_count.prompt_details.cache_read"],
      cacheCreation: ["llm.token_count.prompt_details.cache_write"],
      reasoning: ["llm.token_count.completion_details.reasoning"],
    },
  ],
  costUsd: ["llm.cost.total"],
  traceTags: [{ list: "tag.tags", rootOnly: true }],
  traceMetadata: [{ json: "metadata", rootOnly: true }],
};
