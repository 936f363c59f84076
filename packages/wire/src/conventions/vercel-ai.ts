/**
 * Vercel's AI SDK, its own spans (`experimental_telemetry`); beside `ai.*` they carry a few names of GenAI.
 */
import type { Convention } from "./convention.ts";

export const vercelAi: Convention = {
  name: "vercel-ai",
  source: "https://ai-sdk.dev/docs/ai-sdk-core/telemetry#collected-data, and spans recorded from ai 6.0 and 5.0",
  namespaces: ["ai"],
  spanType: [
    {
      key: "ai.operationId",
      values: {
        "ai.generateText": "LLM",
        "ai.streamText": "LLM",
        "ai.generateObject": "LLM",
        "ai.streamObject": "LLM",
        "ai.generateText.doGenerate": "CHAT_MODEL",
        "ai.streamText.doStream": "CHAT_MODEL",
        "ai.generateObject.doGenerate": "CHAT_MODEL",
        "ai.streamObject.doStream": "CHAT_MODEL",
        "ai.toolCall": "TOOL",
        "ai.embed": "EMBEDDING",
        "ai.embed.doEmbed": "EMBEDDING",
        "ai.embedMany": "EMBEDDING",
        "ai.embedMany.doEmbed": "EMBEDDING",
        "ai.rerank": "RERANKER",
        "ai.rerank.doRerank": "RERANKER",
      },
    },
  ],
  inputs: ["ai.prompt.messages", "ai.prompt", "ai.toolCall.args", "ai.value", "ai.values", "ai.documents"],
  outputs: [
    {
      object: { text: "ai.response.text", reasoning: "ai.response.reasoning", toolCalls: "ai.response.toolCalls" },
      when: ["ai.response.toolCalls"],
    },
    "ai.response.object",
    "ai.response.text",
    "ai.toolCall.result",
    "ai.embedding",
    "ai.embeddings",
    "ai.ranking",
  ],
  model: ["ai.response.model", "ai.model.id"],
  provider: ["ai.model.provider"],
  usage: [
    {
      input: ["ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"],
      output: ["ai.usage.outputTokens", "ai.usage.completionTokens"],
      total: ["ai.usage.totalTokens"],
      cacheRead: ["ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"],
      cacheCreation: ["ai.usage.inputTokenDetails.cacheWriteTokens"],
      reasoning: ["ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"],
      // The outer span of a call sums up its steps, which are spans of their own.
      except: {
        key: "ai.operationId",
        values: [
          "ai.generateText",
          "ai.streamText",
          "ai.generateObject",
          "ai.streamObject",
          "ai.embed",
          "ai.embedMany",
          "ai.rerank",
        ],
      },
      // ai 5 passes on what the provider counts; ai 6 counts everything, which its total shows.
      counts: "provider",
    },
  ],
  sessionId: ["ai.telemetry.metadata.sessionId"],
  userId: ["ai.telemetry.metadata.userId"],
  traceMetadata: [{ prefix: "ai.telemetry.metadata.", except: ["sessionId", "userId"] }],
};
