/**
 * Spans and traces ⇄ rows, column by column.
 */
import type { Payload } from "@sightline/wire/conventions/normalized-span";
import { parseExactJson } from "@sightline/wire/exact-json";
import { preview, stringifyJson } from "@sightline/wire/json";
import type { SpanEvent, SpanLink, TokenUsage } from "@sightline/wire/model/span";
import type { TraceInfo } from "@sightline/wire/model/trace";
import { formatRfc3339Micros } from "@sightline/wire/time";
import type { SpanRecord } from "../telemetry-store.ts";
import { count, type Mapping, type Mappings, propertiesOf, text, textList, textMap, wellFormed } from "./columns.ts";

/** A row of `spans`. */
export interface SpanRow extends SpanRecord {
  /** `Type: message` of a failing span, at most 1,000 characters; "" on others. What a failed trace shows in lists. */
  readonly failure: string;
}

/** A row of `traces`: what a list of traces needs, made from the spans of the trace. */
export interface TraceRow {
  readonly experimentId: string;
  readonly traceId: string;
  /** Microseconds since the epoch. */
  readonly startUs: bigint;
  /** Microseconds. */
  readonly durationUs: bigint;
  readonly name: string;
  readonly state: TraceInfo["state"];
  readonly sessionId: string;
  readonly userId: string;
  readonly clientRequestId: string;
  readonly version: string;
  readonly source: string;
  /** Sorted, each once. */
  readonly models: readonly string[];
  readonly spanCount: number;
  readonly usage?: TokenUsage;
  readonly costUsd?: number;
  readonly requestPreview: string;
  readonly responsePreview: string;
  readonly failure: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Latest moment that a time is kept as (2106): the sort key has the hour as ClickHouse's DateTime, 32 bits of seconds. */
const MAX_NANOS = 4_294_967_295_999_999_999n;

/** A time as it is kept: later than 2106 becomes 2106. */
export function storedNanos(nanos: bigint): bigint {
  if (nanos < 0n) return 0n;
  return nanos > MAX_NANOS ? MAX_NANOS : nanos;
}

/**
 * A DateTime64 column. Written as `seconds.fraction`, which ClickHouse reads without a calendar; the seconds are padded to ten
 * digits, since four digits would be read as a year. Read as an integer in text, because a double cannot hold nanoseconds.
 */
export function time(column: string, unit: "Nano" | "Micro"): Mapping<bigint> {
  const digits = unit === "Nano" ? 9 : 6;
  return {
    columns: [column],
    select: [`toString(toUnixTimestamp64${unit}(${column}))`],
    write: (value) => {
      const padded = String(value).padStart(10 + digits, "0");
      return [`${padded.slice(0, -digits)}.${padded.slice(-digits)}`];
    },
    read: ([cell]) => BigInt(String(cell)),
  };
}

const TOKEN_COLUMNS = {
  inputTokens: "input_tokens",
  outputTokens: "output_tokens",
  totalTokens: "total_tokens",
  cacheReadInputTokens: "cache_read_input_tokens",
  cacheCreationInputTokens: "cache_creation_input_tokens",
  reasoningTokens: "reasoning_tokens",
} as const satisfies Record<keyof TokenUsage, string>;

const TOKEN_KINDS = Object.keys(TOKEN_COLUMNS) as (keyof TokenUsage)[];

const usage: Mapping<TokenUsage | undefined> = {
  columns: Object.values(TOKEN_COLUMNS),
  write: (value) => TOKEN_KINDS.map((kind) => integerOrNull(value?.[kind])),
  read: (cells) => {
    const counts = Object.fromEntries(
      TOKEN_KINDS.map((kind, index) => [kind, cells[index]] as const)
        .filter(([, cell]) => cell !== null && cell !== undefined)
        .map(([kind, cell]) => [kind, Number(cell)]),
    );
    // The three counts that a TokenUsage must have are written together or not at all.
    return "totalTokens" in counts ? (counts as unknown as TokenUsage) : undefined;
  },
};

/** Whole tokens; what is no number at all becomes NULL, since one bad cell would make ClickHouse refuse the block. */
function integerOrNull(value: number | undefined): number | null {
  if (value === undefined || Number.isNaN(value)) return null;
  return Math.min(Math.max(Math.round(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}

const costUsd: Mapping<number | undefined> = {
  columns: ["cost_usd"],
  write: (value) => [value !== undefined && Number.isFinite(value) ? value : null],
  read: ([cell]) => (cell === null || cell === undefined ? undefined : Number(cell)),
};

/** 1 = yes; what is not said is no. */
const isCostComputed: Mapping<boolean | undefined> = {
  columns: ["cost_computed"],
  write: (value) => [value === true ? 1 : 0],
  read: ([cell]) => (Number(cell) === 1 ? true : undefined),
};

/** JSON text and, in a column of its own, `form key` or `form~escapes key` of the attribute it was taken from; "" if there is none. */
function payload(column: string): Mapping<Payload | undefined> {
  return {
    columns: [column, `${column}_source`],
    write: (value) => [value?.json ?? "", value?.source ? writeSource(value.source) : ""],
    read: ([json, source]) => {
      if (json === "") return undefined;
      return { json: String(json), ...readSource(String(source)) };
    },
  };
}

function writeSource({ form, escapes, key }: NonNullable<Payload["source"]>): string {
  return escapes === undefined ? `${form} ${key}` : `${form}~${escapes} ${key}`;
}

function readSource(source: string): Pick<Payload, "source"> {
  const space = source.indexOf(" ");
  const [form, escapes] = source.slice(0, space).split("~");
  if (form !== "text" && form !== "string" && form !== "value") return {};
  return { source: { form, key: source.slice(space + 1), ...(escapes !== undefined && { escapes }) } };
}

function jsonList<Item extends SpanEvent | SpanLink>(column: string): Mapping<readonly Item[]> {
  return {
    columns: [column],
    write: (value) => [value.length === 0 ? "" : stringifyJson(value)],
    // The column holds only what `write` put there.
    read: ([cell]) => (cell === "" ? [] : (parseExactJson(String(cell)) as Item[])),
  };
}

/** Columns of `spans`. */
export const spanMappings: Mappings<SpanRow> = {
  experimentId: text("experiment_id"),
  traceId: text("trace_id"),
  spanId: text("span_id"),
  parentSpanId: text("parent_span_id"),
  name: text("name"),
  spanType: text("span_type"),
  service: text("service"),
  startTimeUnixNano: time("start_time", "Nano"),
  endTimeUnixNano: time("end_time", "Nano"),
  statusCode: text("status_code"),
  statusMessage: text("status_message"),
  model: text("model"),
  provider: text("provider"),
  usage,
  costUsd,
  isCostComputed,
  sessionId: text("session_id"),
  userId: text("user_id"),
  inputs: payload("inputs"),
  outputs: payload("outputs"),
  attributes: textMap("attributes"),
  events: jsonList<SpanEvent>("events"),
  links: jsonList<SpanLink>("links"),
  traceTags: textMap("trace_tags"),
  traceMetadata: textMap("trace_metadata"),
  requestPreview: text("request_preview"),
  responsePreview: text("response_preview"),
  failure: text("failure"),
};

/** Columns of `traces`. */
export const traceMappings: Mappings<TraceRow> = {
  experimentId: text("experiment_id"),
  traceId: text("trace_id"),
  startUs: time("start_time", "Micro"),
  durationUs: {
    columns: ["duration_us"],
    select: ["toString(duration_us)"],
    write: (value) => [String(value)],
    read: ([cell]) => BigInt(String(cell)),
  },
  name: text("name"),
  state: text("state"),
  sessionId: text("session_id"),
  userId: text("user_id"),
  clientRequestId: text("client_request_id"),
  version: text("app_version"),
  source: text("source"),
  models: textList("models"),
  spanCount: count("span_count"),
  usage,
  costUsd,
  requestPreview: text("request_preview"),
  responsePreview: text("response_preview"),
  failure: text("failure"),
  tags: textMap("tags"),
  metadata: textMap("metadata"),
};

const traceProperties = propertiesOf(traceMappings);

/** A row of `traces` as it comes back from the store: in well-formed texts, with whole counts. */
export function storedTraceRow(row: TraceRow): TraceRow {
  const stored: Record<string, unknown> = {};
  for (const property of traceProperties) {
    const mapping = traceMappings[property] as Mapping<unknown>;
    const value = row[property];
    // Times come back from another form than they are written in, and as they are.
    const read = typeof value === "bigint" ? value : mapping.read(mapping.write(value).map(wellFormed));
    if (read !== undefined) stored[property] = read;
  }
  // Read from the table that says how every property is read.
  return stored as unknown as TraceRow;
}

/** A row of `trace_tags` or `trace_metadata`. */
export interface EditRow {
  readonly experimentId: string;
  readonly traceId: string;
  readonly key: string;
  readonly value: string;
  /** 1 = a person removed the entry. */
  readonly removed: number;
}

/** Columns of `trace_tags` and `trace_metadata`. */
export const editMappings: Mappings<EditRow> = {
  experimentId: text("experiment_id"),
  traceId: text("trace_id"),
  key: text("key"),
  value: text("value"),
  removed: count("removed"),
};

/**
 * The row of a span: times inside what can be kept, previews on roots only, the text of its failure.
 *
 * @param experimentId  the one that its trace is kept in
 */
export function toSpanRow(record: SpanRecord, experimentId = record.experimentId): SpanRow {
  const isRoot = record.parentSpanId === "";
  // Written out: spreading an object of thirty properties takes longer than writing its row.
  return {
    experimentId,
    traceId: record.traceId,
    spanId: record.spanId,
    parentSpanId: record.parentSpanId,
    name: record.name,
    spanType: record.spanType,
    service: record.service,
    startTimeUnixNano: storedNanos(record.startTimeUnixNano),
    endTimeUnixNano: storedNanos(record.endTimeUnixNano),
    statusCode: record.statusCode,
    statusMessage: record.statusMessage,
    model: record.model,
    provider: record.provider,
    ...(record.usage && { usage: record.usage }),
    ...(record.costUsd !== undefined && { costUsd: record.costUsd }),
    ...(record.isCostComputed !== undefined && { isCostComputed: record.isCostComputed }),
    sessionId: record.sessionId,
    userId: record.userId,
    ...(record.inputs && { inputs: record.inputs }),
    ...(record.outputs && { outputs: record.outputs }),
    attributes: record.attributes,
    events: record.events,
    links: record.links,
    traceTags: record.traceTags,
    traceMetadata: record.traceMetadata,
    requestPreview: isRoot ? record.requestPreview : "",
    responsePreview: isRoot ? record.responsePreview : "",
    failure: failureOf(record),
  };
}

const MAX_FAILURE_CHARS = 1000;

/**
 * `Type: message` of the last exception event, else the status message; "" if the span did not fail.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/
 */
function failureOf({ statusCode, statusMessage, events }: SpanRecord): string {
  if (statusCode !== "ERROR") return "";
  const exception = events.findLast((event) => event.name === "exception")?.attributes ?? {};
  const facts = [exception["exception.type"], exception["exception.message"]];
  const known = facts.filter((fact): fact is string => typeof fact === "string" && fact !== "");
  return preview(known.length > 0 ? known.join(": ") : statusMessage, MAX_FAILURE_CHARS);
}

/** What the API shows of a trace row. @param parts  tags and metadata with people's edits laid over those of the row; assessments */
export function toTraceInfo(
  row: TraceRow,
  { tags, metadata, assessments }: Pick<TraceInfo, "tags" | "metadata" | "assessments">,
): TraceInfo {
  return {
    traceId: row.traceId,
    experimentId: row.experimentId,
    name: row.name,
    state: row.state,
    requestTime: formatRfc3339Micros(row.startUs * 1000n),
    durationMs: Number(row.durationUs) / 1000,
    ...(row.requestPreview !== "" && { requestPreview: row.requestPreview }),
    ...(row.responsePreview !== "" && { responsePreview: row.responsePreview }),
    ...(row.failure !== "" && { errorPreview: row.failure }),
    tags,
    metadata,
    ...(row.sessionId !== "" && { sessionId: row.sessionId }),
    ...(row.userId !== "" && { userId: row.userId }),
    ...(row.clientRequestId !== "" && { clientRequestId: row.clientRequestId }),
    ...(row.version !== "" && { version: row.version }),
    ...(row.source !== "" && { source: row.source }),
    ...(row.models.length > 0 && { models: [...row.models] }),
    ...(row.usage !== undefined && { tokenUsage: row.usage }),
    ...(row.costUsd !== undefined && { costUsd: row.costUsd }),
    spanCount: row.spanCount,
    assessments,
  };
}
