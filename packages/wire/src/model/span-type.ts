/**
 * Kinds of steps. In a file without a schema: programs that are traced load it, and need no zod for it.
 */

/** MLflow's span types; any other string is allowed too. */
export const SpanType = {
  LLM: "LLM",
  CHAT_MODEL: "CHAT_MODEL",
  CHAIN: "CHAIN",
  AGENT: "AGENT",
  TOOL: "TOOL",
  RETRIEVER: "RETRIEVER",
  EMBEDDING: "EMBEDDING",
  PARSER: "PARSER",
  RERANKER: "RERANKER",
  MEMORY: "MEMORY",
  GUARDRAIL: "GUARDRAIL",
  EVALUATOR: "EVALUATOR",
  WORKFLOW: "WORKFLOW",
  TASK: "TASK",
  UNKNOWN: "UNKNOWN",
} as const;
export type SpanType = (typeof SpanType)[keyof typeof SpanType] | (string & {});
