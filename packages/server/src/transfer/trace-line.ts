/**
 * A trace as one line of JSON: what an export writes and an import reads.
 *
 * JSON that people sent (payloads, attributes, values of assessments) is passed on as text, so that numbers keep every digit and
 * their spelling.
 */
import type { SpanRecord } from "@sightline/store/telemetry-store";
import { check } from "@sightline/wire/api/check";
import type { Payload } from "@sightline/wire/conventions/normalized-span";
import { spellPlainly } from "@sightline/wire/conventions/payload";
import { isTraceId, toOtelTraceId } from "@sightline/wire/ids";
import { parseJson, preview, RawJson, stringifyJson } from "@sightline/wire/json";
import { sliceItems, sliceMembers } from "@sightline/wire/json-slices";
import type { Span } from "@sightline/wire/model/span";
import { CLIENT_REQUEST_ID_KEY, type TraceInfo } from "@sightline/wire/model/trace";
import { TraceLine } from "@sightline/wire/model/trace-line";
import { refusalOf } from "../ingest/span-rules.ts";

/** The text of a line, without the line break. */
export function writeTraceLine(line: TraceLine): string {
  const { experiment, info, spans, links, attachments } = line;
  return stringifyJson({
    ...(experiment !== undefined && { experiment }),
    info,
    spans,
    ...(links && { links }),
    ...(attachments && {
      attachments: attachments.map(({ attachmentId, contentType, size, sha256 }) => ({
        ...{ attachmentId, contentType, size, sha256 },
      })),
    }),
  });
}

/** A line that was read: the trace, and its spans ready to be kept. */
export interface ReadTrace {
  readonly line: TraceLine;
  /** JSON text of the value of each assessment of `line.info`, by assessment id. */
  readonly assessmentValues: ReadonlyMap<string, string>;
  /** Makes the records, in an experiment. */
  records(experimentId: string): SpanRecord[];
}

export type TraceLineResult =
  | { readonly ok: true; readonly trace: ReadTrace }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads a line.
 *
 * @param value  the parsed text
 * @param text  valid JSON
 */
export function readTraceLine(value: unknown, text: string): TraceLineResult {
  const result = check(TraceLine, value);
  if (!result.ok) {
    const [first] = result.problems;
    return { ok: false, reason: `"${first?.path ?? ""}": ${first?.message ?? "it does not fit"}` };
  }
  // `check` gives what the schema says.
  const line = result.value as TraceLine;
  const reason = refusal(line);
  if (reason !== undefined) return { ok: false, reason };
  const members = sliceMembers(text);
  return {
    ok: true,
    trace: {
      line,
      assessmentValues: assessmentValues(line.info, members.get("info") ?? "{}"),
      records: (experimentId) => toRecords(line, sliceItems(members.get("spans") ?? "[]"), experimentId),
    },
  };
}

/** Why a trace cannot be kept; undefined if it can. */
function refusal({ info, spans }: TraceLine): string | undefined {
  if (!isTraceId(info.traceId)) return `"${preview(info.traceId, 50)}" is not tr- and 32 hex digits`;
  const traceId = toOtelTraceId(info.traceId);
  const isTime = (text: string) => /^\d{1,20}$/.test(text);
  for (const span of spans) {
    const name = `span "${preview(span.name, 60)}"`;
    if (!isTime(span.startTimeUnixNano) || !isTime(span.endTimeUnixNano)) {
      return `${name}: its times are not nanoseconds since 1970 as digits`;
    }
    const reason = refusalOf({
      traceId,
      spanId: span.spanId,
      parentSpanId: span.parentSpanId ?? "",
      name: span.name,
      startTimeUnixNano: BigInt(span.startTimeUnixNano),
      endTimeUnixNano: BigInt(span.endTimeUnixNano),
      attributes: span.attributes,
      events: span.events,
      links: span.links,
    });
    if (reason !== undefined) return `${name}: ${reason}`;
  }
  return undefined;
}

function toRecords({ info, spans }: TraceLine, texts: readonly string[], experimentId: string): SpanRecord[] {
  const head = headOf(spans);
  return spans.map((span, index) => {
    const members = sliceMembers(texts[index] ?? "{}");
    return {
      ...toRecord(span, members),
      experimentId,
      traceId: info.traceId,
      ...(span === head ? traceFacts(info, span) : NO_TRACE_FACTS),
    };
  });
}

type TraceFacts = Pick<
  SpanRecord,
  "sessionId" | "userId" | "traceTags" | "traceMetadata" | "requestPreview" | "responsePreview"
>;

const NO_TRACE_FACTS: TraceFacts = {
  sessionId: "",
  userId: "",
  traceTags: {},
  traceMetadata: {},
  requestPreview: "",
  responsePreview: "",
};

/** What is known of the whole trace is carried by the span that speaks for it, as if its sender had put it there. */
function traceFacts(info: TraceInfo, head: Span): TraceFacts {
  const isRoot = head.parentSpanId === undefined;
  return {
    sessionId: info.sessionId ?? "",
    userId: info.userId ?? "",
    traceTags: info.tags,
    traceMetadata:
      info.clientRequestId === undefined
        ? info.metadata
        : { ...info.metadata, [CLIENT_REQUEST_ID_KEY]: info.clientRequestId },
    requestPreview: (isRoot && info.requestPreview) || "",
    responsePreview: (isRoot && info.responsePreview) || "",
  };
}

/** The earliest root, else the earliest span; undefined without spans. */
function headOf(spans: readonly Span[]): Span | undefined {
  const roots = spans.filter((span) => span.parentSpanId === undefined);
  return [...(roots.length > 0 ? roots : spans)].sort((left, right) => {
    const order = BigInt(left.startTimeUnixNano) - BigInt(right.startTimeUnixNano);
    if (order !== 0n) return order < 0n ? -1 : 1;
    return left.spanId < right.spanId ? -1 : 1;
  })[0];
}

function toRecord(
  span: TraceLine["spans"][number],
  members: ReadonlyMap<string, string>,
): Omit<SpanRecord, "experimentId" | "traceId" | keyof TraceFacts> {
  const attributes = sliceMembers(members.get("attributes") ?? "{}");
  const outputs = takePayload(members.get("outputs") ?? "null", attributes);
  const inputs = takePayload(members.get("inputs") ?? "null", attributes);
  return {
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? "",
    name: span.name,
    spanType: span.spanType,
    service: span.service ?? "",
    startTimeUnixNano: BigInt(span.startTimeUnixNano),
    endTimeUnixNano: BigInt(span.endTimeUnixNano),
    statusCode: span.status.code,
    statusMessage: span.status.message ?? "",
    model: span.model ?? "",
    provider: span.provider ?? "",
    ...(span.tokenUsage && { usage: span.tokenUsage }),
    ...(span.costUsd !== undefined && { costUsd: span.costUsd }),
    ...(span.costComputed && { isCostComputed: true }),
    ...(inputs && { inputs }),
    ...(outputs && { outputs }),
    attributes: Object.fromEntries(attributes),
    events: withRawAttributes(span.events, members.get("events") ?? "[]"),
    links: withRawAttributes(span.links, members.get("links") ?? "[]"),
  };
}

/**
 * The payload, and out of `attributes` the one that it was taken from: it is stored once. Looked for from the last, where the API
 * puts them.
 */
function takePayload(json: string, attributes: Map<string, string>): Payload | undefined {
  if (json === "null") return undefined;
  for (const [key, text] of [...attributes].reverse()) {
    const form =
      text === json
        ? ({ form: text.startsWith('"') ? "string" : "value" } as const)
        : isTextOf(text, json)
          ? ({ form: "text" } as const)
          : undefined;
    if (form === undefined) continue;
    attributes.delete(key);
    const { payload, attribute } = spellPlainly({ json, source: { key, ...form } });
    if (attribute !== undefined) attributes.set(key, attribute);
    return payload;
  }
  return spellPlainly({ json }).payload;
}

/** Whether a JSON string holds `json` as its text. */
function isTextOf(text: string, json: string): boolean {
  return text.startsWith('"') && text.length >= json.length + 2 && parseJson(text) === json;
}

/** Attributes of events and links keep the text of their values; strings stay strings, which the failure of a span is read from. */
function withRawAttributes<Item extends { attributes: Record<string, unknown> }>(
  items: readonly Item[],
  text: string,
): Item[] {
  if (items.length === 0) return [];
  const texts = sliceItems(text);
  return items.map((item, index) => {
    const raw = sliceMembers(sliceMembers(texts[index] ?? "{}").get("attributes") ?? "{}");
    const attributes = Object.entries(item.attributes).map(([key, value]) =>
      typeof value === "object" || typeof value === "number"
        ? [key, new RawJson(raw.get(key) ?? "null")]
        : [key, value],
    );
    return { ...item, attributes: Object.fromEntries(attributes) };
  });
}

function assessmentValues(info: TraceInfo, text: string): ReadonlyMap<string, string> {
  if (info.assessments.length === 0) return new Map();
  const texts = sliceItems(sliceMembers(text).get("assessments") ?? "[]");
  return new Map(
    info.assessments.map(({ assessmentId }, index) => [
      assessmentId,
      sliceMembers(texts[index] ?? "{}").get("value") ?? "null",
    ]),
  );
}
