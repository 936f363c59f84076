/**
 * The spans of a trace and what its client said of it → its row. Pure, and the same whatever came first.
 */
import { parseJson } from "@sightline/wire/json";
import type { TokenUsage } from "@sightline/wire/model/span";
import { CLIENT_REQUEST_ID_KEY, TRACE_FACT_KEYS, TRACE_STATE_KEY, type TraceState } from "@sightline/wire/model/trace";
import type { ClientFacts, KnownClientInfo } from "./client-info.ts";
import type { KnownTrace } from "./known-trace.ts";
import { latest } from "./moments.ts";
import type { TraceRow } from "./rows.ts";
import { SpanDigest } from "./span-digest.ts";

/**
 * Makes the row of a trace.
 *
 * - What the client said of the whole trace wins: name, state, times, previews, request id; its tags and metadata go before those
 *   of the spans, key by key.
 * - Else facts about the whole trace come from the root, else from the earliest span that has them; tags and metadata are joined
 *   key by key, the root's first. Of several roots the earliest is "the" root.
 * - The state is IN_PROGRESS while no root has ended, then what the program said of it on a span, else ERROR if a root failed, else
 *   OK. A failing span inside a trace whose root succeeded was handled by the agent.
 * - The failure text is that of the deepest failing span, where the trouble began.
 * - Tokens and cost are counted from the spans; what the client said of them counts only if no span says anything.
 *
 * @param trace  with a span or a client info at least
 */
export function summarizeTrace({ experimentId, traceId, spans, client, digest }: KnownTrace): TraceRow {
  const said = digest ?? new SpanDigest(spans.values());
  const facts: ClientFacts = client?.facts ?? {};
  if (said.count === 0 && client === undefined) {
    throw new RangeError("A trace of which nothing is known has no row.");
  }
  const start = startOf(said.start, client);
  const end = latest(start, [said.end]);
  const tags = said.entries("traceTags", client?.tags);
  const metadata = said.entries("traceMetadata", client?.metadata);
  const state = facts.state ?? stateOf(said.state, metadata[TRACE_STATE_KEY]);
  const usage = said.usage ?? saidUsage(metadata);
  const costUsd = said.costUsd ?? saidCost(metadata);
  return {
    experimentId,
    traceId,
    startUs: start / 1000n,
    durationUs: facts.durationUs === undefined ? (end - start) / 1000n : BigInt(facts.durationUs),
    name: facts.name ?? said.name,
    state,
    sessionId: client?.metadata[TRACE_FACT_KEYS.sessionId] ?? said.text("sessionId"),
    userId: client?.metadata[TRACE_FACT_KEYS.userId] ?? said.text("userId"),
    clientRequestId: facts.clientRequestId ?? metadata[CLIENT_REQUEST_ID_KEY] ?? "",
    version: metadata[TRACE_FACT_KEYS.version] ?? tags["service.version"] ?? metadata[TRACE_FACT_KEYS.modelId] ?? "",
    source: metadata[TRACE_FACT_KEYS.source] ?? said.text("service"),
    models: said.models,
    spanCount: said.count,
    ...(usage !== undefined && { usage }),
    ...(costUsd !== undefined && { costUsd }),
    requestPreview: facts.requestPreview ?? said.text("requestPreview"),
    responsePreview: facts.responsePreview ?? said.text("responsePreview"),
    failure: state === "ERROR" ? said.deepestFailure : "",
    tags,
    metadata,
  };
}

/** What the program says of its trace counts when the trace is over. */
function stateOf(ofSpans: TraceState, said: string | undefined): TraceState {
  return ofSpans !== "IN_PROGRESS" && (said === "OK" || said === "ERROR") ? said : ofSpans;
}

/** Where the row of a trace lies in time, in microseconds: the start that `summarizeTrace` gives it. */
export function startOfTrace({ spans, client, digest }: KnownTrace): bigint {
  return startOf((digest ?? new SpanDigest(spans.values())).start, client) / 1000n;
}

/** Nanoseconds: as the client said, else the start of the earliest span, else when the client said anything at all. */
function startOf(first: bigint | undefined, client: KnownClientInfo | undefined): bigint {
  if (client?.facts.requestTimeUs !== undefined) return BigInt(client.facts.requestTimeUs) * 1000n;
  return first ?? (client?.receivedUs ?? 0n) * 1000n;
}

/**
 * Token counts that MLflow's clients put into the metadata of a trace.
 *
 * @see MLflow 3.17, mlflow/tracing/constant.py: TraceMetadataKey.TOKEN_USAGE, TokenUsageKey
 */
function saidUsage(metadata: Readonly<Record<string, string>>): TokenUsage | undefined {
  const counts = saidObject(metadata["mlflow.trace.tokenUsage"]);
  const inputTokens = saidNumber(counts?.["input_tokens"]);
  const outputTokens = saidNumber(counts?.["output_tokens"]);
  if (inputTokens === undefined || outputTokens === undefined) return undefined;
  const cacheRead = saidNumber(counts?.["cache_read_input_tokens"]);
  const cacheCreation = saidNumber(counts?.["cache_creation_input_tokens"]);
  return {
    inputTokens,
    outputTokens,
    totalTokens: saidNumber(counts?.["total_tokens"]) ?? inputTokens + outputTokens,
    ...(cacheRead !== undefined && { cacheReadInputTokens: cacheRead }),
    ...(cacheCreation !== undefined && { cacheCreationInputTokens: cacheCreation }),
  };
}

/** US dollars. @see MLflow 3.17, mlflow/tracing/constant.py: TraceMetadataKey.COST, CostKey */
function saidCost(metadata: Readonly<Record<string, string>>): number | undefined {
  return saidNumber(saidObject(metadata["mlflow.trace.cost"])?.["total_cost"]);
}

function saidObject(json: string | undefined): Readonly<Record<string, unknown>> | undefined {
  const value = json === undefined ? undefined : parseJson(json);
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
}

function saidNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
