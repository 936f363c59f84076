/**
 * The last row: names that people choose themselves, for spans of no known convention.
 */
import type { Convention } from "./convention.ts";

export const generic: Convention = {
  name: "generic",
  source: "names common in hand-written OpenTelemetry instrumentation; no specification",
  inputs: ["input", "inputs", "input.value", "request", "prompt", "query", "question"],
  outputs: ["output", "outputs", "output.value", "response", "completion", "result", "answer"],
  sessionId: ["session_id", "conversation_id"],
  userId: ["user_id"],
};
