/**
 * Facts of traces → rows of the tables.
 */
import { comparedText, valueJson } from "@sightline/wire/filter/payload-text";
import type { SpanFacts } from "@sightline/wire/filter/subject";
import {
  carriedMetadata,
  editsOfMetadata,
  type FactsOfSpan,
  INPUTS_KEY,
  type Judgement,
  RUNS,
  sourceOf,
  startOf,
  type TraceFacts,
} from "./filter-facts.ts";

/** Columns by their names, as JSONEachRow takes them. */
export type Row = Readonly<Record<string, unknown>>;

type Put = (table: string, row: Row) => void;

function micros(value: bigint): string {
  return `${value / 1_000_000n}.${String(value % 1_000_000n).padStart(6, "0")}`;
}

function nanos(value: bigint): string {
  return `${String(value / 1_000_000_000n).padStart(10, "0")}.${String(value % 1_000_000_000n).padStart(9, "0")}`;
}

/**
 * Puts all rows of a trace, with older versions of them that say something else.
 *
 * @param spans  its spans, in the order of its facts
 */
export function putTrace(trace: TraceFacts, spans: readonly SpanFacts[], put: Put): void {
  const { experimentId, traceId } = trace;
  const ids = { experiment_id: experimentId, trace_id: traceId };
  const row = {
    ...ids,
    start_time: micros(startOf(trace)),
    duration_us: trace.durationUs,
    name: trace.name,
    state: trace.state,
    session_id: trace.session,
    user_id: trace.user,
    client_request_id: trace.requestId,
    app_version: trace.version,
    source: trace.source,
    models: trace.models,
    span_count: trace.spans.length,
    input_tokens: trace.tokens?.inputTokens ?? null,
    output_tokens: trace.tokens?.outputTokens ?? null,
    total_tokens: trace.tokens?.totalTokens ?? null,
    reasoning_tokens: trace.tokens?.reasoningTokens ?? null,
    cost_usd: trace.cost ?? null,
    request_preview: trace.input,
    response_preview: trace.output,
    failure: trace.error,
    tags: trace.tags,
    metadata: carriedMetadata(trace),
  };
  put("traces", row);
  put("traces", { ...row, version: 1, name: "chat", session_id: "s1", tags: { env: "chat" } });
  putEdits("trace_tags", ids, trace.tagEdits, put);
  putEdits("trace_metadata", ids, editsOfMetadata(trace), put);
  for (const link of trace.links) put("trace_links", { ...ids, ...link });
  for (const target of RUNS.filter((run) => !trace.links.some((link) => link.target === run))) {
    put("trace_links", { ...ids, kind: "run", target, version: 1 });
    put("trace_links", { ...ids, kind: "run", target, version: 3, is_deleted: 1 });
  }
  for (const [index, judgement] of trace.judgements.entries()) putJudgement(ids, judgement, index, put);
  for (const [index, span] of trace.spans.entries()) {
    const facts = spans[index];
    if (facts !== undefined) putSpan(ids, span, facts, put);
  }
}

function putEdits(table: string, ids: Row, edits: Readonly<Record<string, string | null>>, put: Put): void {
  for (const [key, value] of Object.entries(edits)) {
    put(table, { ...ids, key, value: value ?? "", removed: value === null ? 1 : 0 });
    put(table, { ...ids, key, value: "chat", removed: 0, version: 1 });
  }
}

function putJudgement(ids: Row, judgement: Judgement, index: number, put: Put): void {
  const json = judgement.value === null ? (index % 2 === 0 ? "" : "null") : (valueJson(judgement.value) ?? "");
  const row = {
    ...ids,
    assessment_id: `a-${index}`,
    kind: judgement.kind,
    name: judgement.kind === "issue" ? judgement.issue : judgement.name,
    session_id: judgement.ofSession ? judgement.sessionId : "",
    value: json,
    value_text: comparedText(json),
    valid: judgement.valid ? 1 : 0,
  };
  put("assessments", row);
  put("assessments", { ...row, version: 1, valid: 1, value: "1", value_text: "1" });
}

function putSpan(ids: Row, span: FactsOfSpan, facts: SpanFacts, put: Put): void {
  const source = sourceOf(span);
  const attributes = { ...facts.attributes };
  if (source !== "") delete attributes[INPUTS_KEY];
  const row = {
    ...ids,
    span_id: facts.spanId,
    parent_span_id: facts.parentSpanId,
    name: facts.name,
    span_type: facts.spanType,
    service: facts.service,
    start_time: nanos(facts.startTimeUnixNano),
    end_time: nanos(facts.endTimeUnixNano),
    status_code: facts.statusCode,
    model: facts.model,
    provider: facts.provider,
    session_id: facts.sessionId,
    user_id: facts.userId,
    input_tokens: facts.usage?.inputTokens ?? null,
    output_tokens: facts.usage?.outputTokens ?? null,
    total_tokens: facts.usage?.totalTokens ?? null,
    cost_usd: facts.costUsd ?? null,
    inputs: span.inputs ?? "",
    inputs_source: source,
    outputs: span.outputs ?? "",
    failure: facts.errorText,
    attributes,
  };
  put("spans", row);
  if (span.isStale) put("spans", { ...row, version: 1, name: "chat", inputs: '"chat"', failure: "chat" });
}
