/**
 * Langfuse's SDKs from version 3 on, which send OTLP.
 */
import type { Convention } from "./convention.ts";

export const langfuse: Convention = {
  name: "langfuse",
  source:
    "https://langfuse.com/integrations/native/opentelemetry#property-mapping, and spans recorded from its Python SDK 5.0",
  namespaces: ["langfuse"],
  spanType: [
    {
      key: "langfuse.observation.type",
      values: {
        generation: "LLM",
        embedding: "EMBEDDING",
        tool: "TOOL",
        retriever: "RETRIEVER",
        agent: "AGENT",
        chain: "CHAIN",
        evaluator: "EVALUATOR",
        guardrail: "GUARDRAIL",
      },
    },
  ],
  inputs: ["langfuse.observation.input", "langfuse.trace.input"],
  outputs: ["langfuse.observation.output", "langfuse.trace.output"],
  model: ["langfuse.observation.model.name"],
  usage: [
    {
      json: "langfuse.observation.usage_details",
      input: ["input", "input_tokens", "prompt_tokens"],
      output: ["output", "output_tokens", "completion_tokens"],
      total: ["total", "total_tokens"],
      cacheRead: ["cache_read_input_tokens", "input_cached_tokens", "input_cache_read"],
      cacheCreation: ["cache_creation_input_tokens", "input_cache_creation"],
      reasoning: ["output_reasoning_tokens", "output_reasoning"],
      // https://langfuse.com/docs/observability/features/token-and-cost-tracking: usage types are summed up
      counts: "buckets",
    },
  ],
  costUsd: [{ json: "langfuse.observation.cost_details", member: "total" }],
  sessionId: ["langfuse.session.id"],
  userId: ["langfuse.user.id"],
  traceTags: [{ key: "langfuse.trace.name", as: "mlflow.traceName" }, { list: "langfuse.trace.tags" }],
  traceMetadata: [{ prefix: "langfuse.trace.metadata." }],
};
