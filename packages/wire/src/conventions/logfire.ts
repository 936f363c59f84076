/**
 * Pydantic AI and Logfire: what they add to GenAI's names.
 */
import type { Convention } from "./convention.ts";

export const logfire: Convention = {
  name: "logfire",
  source:
    "https://ai.pydantic.dev/logfire/, and spans recorded from pydantic-ai 2.68; all_messages_events from its version 0",
  namespaces: [
    "logfire",
    "pydantic_ai",
    "all_messages_events",
    "final_result",
    "tool_arguments",
    "tool_response",
    "operation",
  ],
  inputs: ["pydantic_ai.all_messages", "all_messages_events", "tool_arguments"],
  outputs: ["final_result", "tool_response"],
  model: ["model_name"],
  costUsd: ["operation.cost"],
};
