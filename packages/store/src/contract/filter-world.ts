/**
 * A small world for the filters: traces with spans, edits, assessments and links, as rows of the tables and as `matchesFilter`
 * sees them.
 */
import { payloadText } from "@sightline/wire/filter/payload-text";
import type { FilterSubject, SpanFacts } from "@sightline/wire/filter/subject";
import type { Assessment } from "@sightline/wire/model/assessment";
import { formatRfc3339Micros } from "@sightline/wire/time";
import fc from "fast-check";
import {
  carriedMetadata,
  editsOfMetadata,
  type FactsOfSpan,
  INPUTS_KEY,
  type Judgement,
  sourceOf,
  startOf,
  type TraceFacts,
  traceFacts,
} from "./filter-facts.ts";
import { putTrace, type Row } from "./filter-rows.ts";
import { freshTraceId, SAMPLE_START, spanId } from "./samples.ts";

export interface FilterWorld {
  readonly subjects: readonly FilterSubject[];
  /** Rows to insert by table, replaced and deleted ones among them. */
  readonly rows: Readonly<Record<string, readonly Row[]>>;
}

/** Makes a world. The same seed gives the same but for its ids. */
export function makeFilterWorld(experimentIds: readonly string[], count: number, seed: number): FilterWorld {
  const facts = fc.sample(traceFacts(), { numRuns: count, seed });
  const rows: Record<string, Row[]> = {};
  const put = (table: string, row: Row) => {
    rows[table] ??= [];
    rows[table].push({ version: 2, is_deleted: 0, ...row });
  };
  const traces = facts.map((fact, index) => ({
    ...fact,
    experimentId: experimentIds[index % experimentIds.length] ?? "",
    traceId: freshTraceId(),
  }));
  const subjects = traces.map((trace) => {
    const others = traces.filter(
      (other) => other !== trace && other.experimentId === trace.experimentId && trace.session !== "",
    );
    const ofSession = others.flatMap((other) =>
      other.judgements
        .filter((judgement) => judgement.ofSession && judgement.sessionId === trace.session)
        .map((judgement) => toAssessment(other.traceId, judgement)),
    );
    const subject = { ...toSubject(trace), ofSession };
    putTrace(trace, subject.spans, put);
    return subject;
  });
  return { subjects, rows };
}

function overlay(
  carried: Readonly<Record<string, string>>,
  edits: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const all = Object.entries({ ...carried, ...edits });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null));
}

function toSubject(trace: TraceFacts): FilterSubject & { readonly spans: readonly SpanFacts[] } {
  const text = <Key extends string>(key: Key, value: string) =>
    (value === "" ? {} : { [key]: value }) as Partial<Record<Key, string>>;
  return {
    info: {
      traceId: trace.traceId,
      experimentId: trace.experimentId,
      name: trace.name,
      state: trace.state,
      requestTime: formatRfc3339Micros(startOf(trace) * 1000n),
      durationMs: trace.durationUs / 1000,
      ...text("requestPreview", trace.input),
      ...text("responsePreview", trace.output),
      ...text("errorPreview", trace.error),
      tags: overlay(trace.tags, trace.tagEdits),
      metadata: overlay(carriedMetadata(trace), editsOfMetadata(trace)),
      ...text("sessionId", trace.session),
      ...text("userId", trace.user),
      ...text("clientRequestId", trace.requestId),
      ...text("version", trace.version),
      ...text("source", trace.source),
      models: [...trace.models],
      ...(trace.tokens !== null && { tokenUsage: trace.tokens }),
      ...(trace.cost !== undefined && { costUsd: trace.cost }),
      spanCount: trace.spans.length,
      assessments: trace.judgements.map((judgement) => toAssessment(trace.traceId, judgement)),
    },
    links: trace.links,
    spans: trace.spans.map((span, index) => toSpanFacts(trace, span, index)),
  };
}

function toSpanFacts(trace: TraceFacts, span: FactsOfSpan, index: number): SpanFacts {
  const start = (startOf(trace) + span.startMicros) * 1000n + 7n;
  const attributes = Object.fromEntries(
    Object.entries(span.attributes).map(([key, value]) => [key, JSON.stringify(value)]),
  );
  const source = sourceOf(span);
  if (source !== "" && span.inputs !== undefined) {
    attributes[INPUTS_KEY] = source.startsWith("text ") ? JSON.stringify(span.inputs) : span.inputs;
  }
  return {
    spanId: spanId(index + 1),
    parentSpanId: index === 0 ? "" : spanId(1),
    name: span.name,
    spanType: span.spanType,
    service: span.service,
    startTimeUnixNano: start,
    endTimeUnixNano: span.lengthNanos === undefined ? 0n : start + span.lengthNanos,
    statusCode: span.statusCode,
    model: span.model,
    provider: span.provider,
    sessionId: span.sessionId,
    userId: span.userId,
    ...(span.tokens !== null && { usage: { ...span.tokens, totalTokens: 10 } }),
    ...(span.cost !== undefined && { costUsd: span.cost }),
    inputText: payloadText(span.inputs ?? ""),
    outputText: payloadText(span.outputs ?? ""),
    errorText: span.failure,
    attributes,
  };
}

function toAssessment(
  traceId: string,
  { kind, name, issue, value, valid, ofSession, sessionId }: Judgement,
): Assessment {
  const time = formatRfc3339Micros(SAMPLE_START);
  return {
    assessmentId: "a",
    traceId,
    kind,
    name: kind === "issue" ? issue : name,
    value,
    valid,
    ...(ofSession && { sessionId }),
    source: { type: "HUMAN", id: "ada" },
    metadata: {},
    createTime: time,
    updateTime: time,
  };
}
