/**
 * The last row: names that people choose themselves, for spans of no known convention.
 */
import type { Convention } from "./convention.ts";

export const generic: Convention = {
  name: "generic",
  source: "names common in hand-written OpenTelemetry instrumentation; no specification",
  // Emitters of old GenAI names that say what they call, but not how.
  spanType: [
    { present: "gen_ai.tool.name", spanType: "TOOL" },
    { present: "gen_ai.request.model", spanType: "LLM" },
  ],
  inputs: ["input", "inputs", "request", "prompt", "query", "question"],
  outputs: ["output", "outputs", "response", "completion", "result", "answer"],
  sessionId: ["session_id", "conversation_id"],
  userId: ["user_id"],
};
