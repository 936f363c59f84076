/**
 * openai: chat completions, responses and embeddings of every client, Azure's and other providers' included.
 */
import { SpanType } from "@sightline/wire/model/span-type";
import type { Integration } from "../integration.ts";
import type { ModelRequest } from "../model-call.ts";
import { type Operation, stainlessPost } from "../stainless.ts";
import { ChatAggregator, readCompletion } from "./openai-chat.ts";
import { ResponseAggregator, readEmbeddings, readResponse } from "./openai-responses.ts";
import { record, textIn } from "./read.ts";

/** Request fields that OpenTelemetry names. @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/ */
const parameterAttributes = {
  temperature: "gen_ai.request.temperature",
  top_p: "gen_ai.request.top_p",
  max_tokens: "gen_ai.request.max_tokens",
  max_completion_tokens: "gen_ai.request.max_tokens",
  max_output_tokens: "gen_ai.request.max_tokens",
  frequency_penalty: "gen_ai.request.frequency_penalty",
  presence_penalty: "gen_ai.request.presence_penalty",
  seed: "gen_ai.request.seed",
  n: "gen_ai.request.choice.count",
  dimensions: "gen_ai.embeddings.dimension.count",
} as const;

/** Providers that speak OpenAI's API, by the end of their host name. Others count as `openai`. */
const providers: readonly (readonly [host: string, provider: string])[] = [
  [".azure.com", "azure"],
  ["openrouter.ai", "openrouter"],
  ["groq.com", "groq"],
  ["deepseek.com", "deepseek"],
  ["mistral.ai", "mistral"],
  ["together.xyz", "together"],
  ["together.ai", "together"],
  ["fireworks.ai", "fireworks"],
  ["x.ai", "xai"],
  ["perplexity.ai", "perplexity"],
  ["googleapis.com", "gemini"],
  ["cerebras.ai", "cerebras"],
  ["anthropic.com", "anthropic"],
];

type Kind = Pick<ModelRequest, "operation" | "spanType">;

function operation(kind: Kind, read: Pick<Operation, "response" | "aggregate">): Operation {
  return {
    ...read,
    request: (body, client) => {
      const request = record(body);
      const host = hostOf(client);
      return {
        ...kind,
        provider:
          providers.find(([end]) => host === end || host.endsWith(end.startsWith(".") ? end : `.${end}`))?.[1] ??
          "openai",
        model: textIn(request, "model") ?? "",
        host,
        messageFormat: "openai",
        inputs: body,
        parameters: Object.fromEntries(
          Object.entries(parameterAttributes)
            .map(([field, attribute]) => [attribute, request[field] ?? undefined])
            .filter(([, value]) => value !== undefined),
        ),
        isStream: request["stream"] === true,
      };
    },
  };
}

function hostOf(client: object): string {
  const { baseURL } = client as { baseURL?: unknown };
  return typeof baseURL === "string" && URL.canParse(baseURL) ? new URL(baseURL).hostname : "";
}

const chat = { operation: "chat", spanType: SpanType.CHAT_MODEL };
const chatRead = { response: readCompletion, aggregate: () => new ChatAggregator() };
const responsesRead = { response: readResponse, aggregate: () => new ResponseAggregator() };

export const openaiIntegration: Integration = {
  name: "openai",
  module: "openai",
  versions: "6",
  methods: [
    stainlessPost(findPrototype, {
      "/chat/completions": operation(chat, chatRead),
      "/responses": operation(chat, responsesRead),
      "/embeddings": operation(
        { operation: "embeddings", spanType: SpanType.EMBEDDING },
        { response: readEmbeddings, aggregate: () => new ChatAggregator() },
      ),
    }),
  ],
};

/** The prototype of the client class: of the class itself, or of `OpenAI` or the default export of the package. */
function findPrototype(exported: unknown): object | undefined {
  // The CommonJS copy exports a function that makes a client; the classes are its members.
  const candidates = [member(exported, "OpenAI"), member(exported, "default"), exported];
  return candidates
    .map((candidate) => member(candidate, "prototype"))
    .find((prototype): prototype is object => typeof member(prototype, "post") === "function");
}

function member(value: unknown, key: string): unknown {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  return isObject ? Reflect.get(value, key) : undefined;
}
