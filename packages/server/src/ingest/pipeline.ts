/**
 * From a decoded export request to rows: check → normalise → record. Pure; a span that is refused is counted with its reason.
 */
import type { SpanRecord } from "@sightline/store/telemetry-store";
import { normalizeSpan } from "@sightline/wire/conventions/normalize";
import type { NormalizedSpan } from "@sightline/wire/conventions/normalized-span";
import { attributesToJson, valueToJson } from "@sightline/wire/conventions/payload";
import { requestPreview, responsePreview } from "@sightline/wire/conventions/preview";
import { toTraceId } from "@sightline/wire/ids";
import { preview, RawJson } from "@sightline/wire/json";
import { INSTANCE_ID_KEY, SDK_REPORT_KEY } from "@sightline/wire/model/sdk-process";
import type { SpanStatusCode } from "@sightline/wire/model/span";
import { CLIENT_REQUEST_ID_KEY, TRACE_STATE_KEY } from "@sightline/wire/model/trace";
import type { Attributes, OtlpSpan, OtlpSpanGroup, OtlpSpanGroups, PartialSuccess } from "@sightline/wire/otlp/span";
import { hasSdkReport, ReportGatherer, type SentReports } from "./sdk-reports.ts";
import { isRoot, refusalOf } from "./span-rules.ts";

export interface PipelineResult<Kept = SpanRecord> {
  readonly records: readonly Kept[];
  /** What Sightline's SDKs said of themselves beside the spans. */
  readonly sdk: SentReports;
  /** Absent when every span was accepted. */
  readonly partialSuccess?: PartialSuccess;
}

/** MLflow's limits for what the whole trace carries. */
const MAX_KEY_CHARS = 250;
const MAX_VALUE_CHARS = 4096;
/** Characters of JSON in one span: two payloads of 10 MB with room to spare; a row above it strains the engine's memory. */
const MAX_SPAN_CHARS = 48 * 1024 * 1024;
const MAX_REASONS = 3;

const STATUS_CODES: readonly SpanStatusCode[] = ["UNSET", "OK", "ERROR"];

/** Turns the spans of a request into records of an experiment. */
export function runPipeline(groups: OtlpSpanGroups, experimentId: string): PipelineResult;
/** @param keep  what is kept of each record: made at once, so that records die young and cost the garbage collector nothing */
export function runPipeline<Kept>(
  groups: OtlpSpanGroups,
  experimentId: string,
  keep: (record: SpanRecord) => Kept,
): PipelineResult<Kept>;
export function runPipeline(
  groups: OtlpSpanGroups,
  experimentId: string,
  keep: (record: SpanRecord) => unknown = (record) => record,
): PipelineResult<unknown> {
  const records: unknown[] = [];
  const reasons: string[] = [];
  let refused = 0;
  const reports = new ReportGatherer();
  for (const group of groups) {
    const origin = readOrigin(group);
    reports.enter(group.resource, experimentId);
    for (const span of group.spans) {
      const result = toRecord(span, origin, experimentId);
      reports.count(span, typeof result === "string");
      if (typeof result !== "string") {
        records.push(keep(result));
        continue;
      }
      refused += 1;
      if (reasons.length < MAX_REASONS) reasons.push(`span "${preview(span.name, 60)}": ${result}`);
    }
  }
  const sdk = reports.finish();
  if (refused === 0) return { records, sdk };
  const more = refused > reasons.length ? `; and ${refused - reasons.length} more` : "";
  const errorMessage = `${refused} of ${refused + records.length} spans refused: ${reasons.join("; ")}${more}.`;
  return { records, sdk, partialSuccess: { rejectedSpans: refused, errorMessage } };
}

/** What the spans of a group share. */
interface Origin {
  readonly service: string;
  /** Tags for the traces whose root is in the group. */
  readonly tags: Readonly<Record<string, string>>;
}

/** The record of a span, or why it is refused. */
function toRecord(span: OtlpSpan, origin: Origin, experimentId: string): SpanRecord | string {
  const reason = refusalOf(span);
  if (reason !== undefined) return reason;
  const facts = normalizeSpan(span);
  const attributes = attributesToJson(span.attributes, payloadKeys(facts));
  const size = countChars(attributes) + (facts.inputs?.json.length ?? 0) + (facts.outputs?.json.length ?? 0);
  if (size > MAX_SPAN_CHARS) return `it has ${size} characters of data, the limit is ${MAX_SPAN_CHARS}`;
  const root = isRoot(span);
  return {
    experimentId,
    traceId: toTraceId(span.traceId),
    spanId: span.spanId,
    parentSpanId: root ? "" : span.parentSpanId,
    name: span.name,
    spanType: facts.spanType,
    service: origin.service,
    startTimeUnixNano: span.startTimeUnixNano,
    endTimeUnixNano: span.endTimeUnixNano,
    statusCode: STATUS_CODES[span.statusCode] ?? "UNSET",
    statusMessage: span.statusMessage,
    model: facts.model ?? "",
    provider: facts.provider ?? "",
    ...(facts.usage && { usage: facts.usage }),
    ...(facts.costUsd !== undefined && { costUsd: facts.costUsd }),
    sessionId: facts.sessionId ?? "",
    userId: facts.userId ?? "",
    ...(facts.inputs && { inputs: facts.inputs }),
    ...(facts.outputs && { outputs: facts.outputs }),
    attributes,
    events: span.events.map((event) => ({
      name: event.name,
      timeUnixNano: event.timeUnixNano.toString(),
      attributes: toJsonValues(event.attributes),
    })),
    links: span.links.map((link) => ({
      traceId: link.traceId,
      spanId: link.spanId,
      attributes: toJsonValues(link.attributes),
    })),
    traceTags: root ? cutEntries({ ...origin.tags, ...facts.traceTags }) : cutEntries(facts.traceTags),
    traceMetadata: cutEntries(metadataOf(facts)),
    requestPreview: facts.requestPreview ?? (root && facts.inputs ? requestPreview(facts.inputs.json) : ""),
    responsePreview: facts.responsePreview ?? (root && facts.outputs ? responsePreview(facts.outputs.json) : ""),
  };
}

/** Metadata of the trace, with the facts that have no column of a span. */
function metadataOf({ traceMetadata, clientRequestId, traceState }: NormalizedSpan): Readonly<Record<string, string>> {
  const isState = traceState === "OK" || traceState === "ERROR";
  if (clientRequestId === undefined && !isState) return traceMetadata;
  return {
    ...traceMetadata,
    ...(clientRequestId !== undefined && { [CLIENT_REQUEST_ID_KEY]: clientRequestId }),
    ...(isState && { [TRACE_STATE_KEY]: traceState }),
  };
}

/** The attributes that are kept as `inputs` and `outputs` already. */
function payloadKeys({ inputs, outputs }: NormalizedSpan): ReadonlySet<string> {
  const keys = new Set<string>();
  if (inputs?.source) keys.add(inputs.source.key);
  if (outputs?.source) keys.add(outputs.source.key);
  return keys;
}

/**
 * Resource attributes become tags of the trace, as MLflow's server does it, without those of the SDK itself. A `service.instance.id`
 * that Sightline's SDK made up is one of those: a random id in every trace's tags is of no use to anybody. One that another program
 * chose stays.
 *
 * @see MLflow 3.17, recorded: `telemetry.sdk.*` and `mlflow.*` are left out
 */
function readOrigin({ resource }: Pick<OtlpSpanGroup, "resource">): Origin {
  const service = typeof resource["service.name"] === "string" ? resource["service.name"] : "";
  const tags: Record<string, string> = {};
  const isOurSdk = hasSdkReport(resource);
  for (const [key, json] of Object.entries(attributesToJson(resource))) {
    if (isOurSdk && (key === SDK_REPORT_KEY || key === INSTANCE_ID_KEY)) continue;
    if (key.startsWith("telemetry.sdk.") || key.startsWith("mlflow.")) continue;
    // What OpenTelemetry's SDKs write when nobody named the service says nothing about the trace.
    if (key === "service.name" && service.startsWith("unknown_service")) continue;
    const value = resource[key];
    tags[key] = typeof value === "string" ? value : json;
  }
  return { service, tags };
}

/** Values as the API shows them: simple ones as they are, the rest as the JSON text that attributes have. */
function toJsonValues(attributes: Attributes): Record<string, unknown> {
  const values: [string, unknown][] = Object.entries(attributes).map(([key, value]) => [
    key,
    typeof value === "string" || typeof value === "boolean" || value === null ? value : new RawJson(valueToJson(value)),
  ]);
  return Object.fromEntries(values);
}

function countChars(texts: Readonly<Record<string, string>>): number {
  let count = 0;
  for (const key in texts) count += key.length + (texts[key]?.length ?? 0);
  return count;
}

function cutEntries(entries: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const key in entries) {
    if (key.length > MAX_KEY_CHARS || (entries[key]?.length ?? 0) > MAX_VALUE_CHARS) {
      return Object.fromEntries(
        Object.entries(entries).map(([name, value]) => [preview(name, MAX_KEY_CHARS), preview(value, MAX_VALUE_CHARS)]),
      );
    }
  }
  return entries;
}
