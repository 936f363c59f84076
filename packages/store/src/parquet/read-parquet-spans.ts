/**
 * A Parquet file with a row a span → records: exports of ours, and what other programs made of them.
 *
 * A row group is read at a time. Columns that are not there are what is not known of a span.
 * What is in the file was written by others: its footer and row groups are checked before hyparquet decodes them, and JSON that is none
 * is refused with its row, since answers pass it on as it is.
 */
import { nestsDeeper } from "@sightline/wire/conventions/parse-shallow";
import { spellPlainly } from "@sightline/wire/conventions/payload";
import { parseJson } from "@sightline/wire/json";
import { SpanEvent, SpanLink, type SpanStatusCode } from "@sightline/wire/model/span";
import { setKey } from "@sightline/wire/otlp/attributes";
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { Cell, Mapping } from "../clickhouse/columns.ts";
import { spanMappings } from "../clickhouse/rows.ts";
import type { SpanRecord } from "../telemetry-store.ts";
import { checkGroup } from "./check-parquet.ts";
import { unreadable } from "./parquet-error.ts";
import {
  type ParquetColumn,
  type ParquetMetadata,
  type ParquetType,
  type RandomAccess,
  readMetadata,
  show,
} from "./parquet-metadata.ts";

/** A row, counted from 1, as a record or with the reason why it is none. */
export type ParquetSpan = { readonly row: number } & (
  | { readonly record: SpanRecord; readonly experiment?: string; readonly reason?: undefined }
  | { readonly record?: undefined; readonly reason: string }
);

type ColumnType = "text" | "integer" | "number" | "flag" | "map";

/** The columns that are read; a column of another type is an error, since a value that is not understood would be one that is not there. */
const COLUMNS: Readonly<Record<string, ColumnType>> = {
  trace_id: "text",
  span_id: "text",
  parent_span_id: "text",
  experiment: "text",
  experiment_id: "text",
  name: "text",
  span_type: "text",
  service: "text",
  model: "text",
  provider: "text",
  start_time_unix_nano: "integer",
  end_time_unix_nano: "integer",
  status_code: "text",
  status_message: "text",
  session_id: "text",
  user_id: "text",
  // pandas makes doubles of integers that may be NULL.
  input_tokens: "number",
  output_tokens: "number",
  total_tokens: "number",
  cache_read_input_tokens: "number",
  cache_creation_input_tokens: "number",
  reasoning_tokens: "number",
  cost_usd: "number",
  cost_computed: "flag",
  inputs: "text",
  inputs_source: "text",
  outputs: "text",
  outputs_source: "text",
  attributes: "map",
  events: "text",
  links: "text",
  trace_tags: "map",
  trace_metadata: "map",
  request_preview: "text",
  response_preview: "text",
};

const TYPES: Readonly<Record<ColumnType, readonly ParquetType[]>> = {
  text: ["BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"],
  integer: ["INT64", "INT32"],
  number: ["INT64", "INT32", "DOUBLE", "FLOAT"],
  flag: ["BOOLEAN"],
  map: ["BYTE_ARRAY"],
};

/** Columns without which a row is no span. Without its end a span would be one that runs. */
const NEEDED = ["trace_id", "span_id", "name", "start_time_unix_nano", "end_time_unix_nano"] as const;
/** A row group is in memory whole, packed, unpacked and as values. Ours have 40 MB at most. */
const LIMITS = { maxBytes: 512 * 1024 * 1024, maxValues: 5_000_000, maxCells: 20_000_000 };
/** Levels of JSON; whoever shows deeper ones would exhaust the stack. */
const MAX_DEPTH = 1000;

type Row = Readonly<Record<string, unknown>>;

/**
 * Reads the rows of a file.
 *
 * @throws INVALID_PARAMETER if it is no Parquet file, is cut short or damaged, or lacks columns that a span needs
 */
export async function* readParquetSpans(file: RandomAccess): AsyncGenerator<ParquetSpan, void> {
  const own = await readMetadata(file);
  const columns = checkColumns(own);
  const buffer = toAsyncBuffer(file);
  const metadata = await reading(() => parquetMetadataAsync(buffer));
  let rowStart = 0;
  for (const group of own.rowGroups) {
    const rowEnd = rowStart + group.numRows;
    await checkGroup({
      file,
      numRows: group.numRows,
      columns: columns
        .flatMap((name) => leavesOf(own.columns.get(name)))
        .map((leaf) => {
          const chunk = group.chunks[leaf.index];
          if (chunk === undefined) throw unreadable(`a row group has no column ${show(leaf.name)}`);
          return { leaf, chunk };
        }),
      unpackers: UNPACKERS,
      limits: LIMITS,
    });
    const rows = await reading(() => readGroup(buffer, metadata, columns, rowStart, rowEnd));
    for (const [index, row] of rows.entries()) yield readRow(row, rowStart + index + 1);
    rowStart = rowEnd;
  }
}

async function readGroup(
  file: AsyncBuffer,
  metadata: FileMetaData,
  columns: string[],
  rowStart: number,
  rowEnd: number,
): Promise<Row[]> {
  if (rowStart === rowEnd) return [];
  return await parquetReadObjects({
    file,
    metadata,
    columns,
    rowStart,
    rowEnd,
    compressors: UNPACKERS,
    parsers: PARSERS,
  });
}

/** hyparquet-compressors 1.1 takes an empty block of LZ4 for a damaged one. */
const UNPACKERS = Object.fromEntries(
  Object.entries(compressors).map(([codec, unpack]) => [
    codec,
    (packed: Uint8Array, bytes: number) => (bytes === 0 ? new Uint8Array() : unpack(packed, bytes)),
  ]),
);

/** hyparquet assigns entries of maps to plain objects, where this one key would be lost; random, so that no text of a sender is it. */
const PROTO_STAND_IN = `__proto__:${Math.random().toString(36).slice(2)}`;

/** JSON stays text, whatever a writer says it is, and texts keep a byte order mark at their beginning. */
const toText = (bytes: Uint8Array | undefined) => {
  const text = bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return text === "__proto__" ? PROTO_STAND_IN : text;
};
const PARSERS = { stringFromBytes: toText, jsonFromBytes: toText };

function fromStandIn(text: string): string {
  return text === PROTO_STAND_IN ? "__proto__" : text;
}

function toAsyncBuffer(file: RandomAccess): AsyncBuffer {
  return {
    byteLength: file.size,
    slice: async (start, end = file.size) => {
      const bytes = await file.read(start, end - start);
      return new Uint8Array(bytes).buffer;
    },
  };
}

async function reading<Value>(read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error), error);
  }
}

/** @returns those that are read. @throws INVALID_PARAMETER if a needed one is not there, or one has another type */
function checkColumns({ columns }: ParquetMetadata): string[] {
  const missing = NEEDED.filter((name) => !columns.has(name));
  if (missing.length > 0) {
    const names = missing.map((name) => `"${name}"`).join(", ");
    throw unreadable(`it has no column ${names}; import the spans of an export, not its traces`);
  }
  return Object.entries(COLUMNS).flatMap(([name, type]) => {
    const column = columns.get(name);
    if (column === undefined || column.kind === "nothing") return [];
    const leaves = leavesOf(column);
    const fits = column.kind === (type === "map" ? "map" : "value");
    if (!fits || !leaves.every((leaf) => TYPES[type].includes(leaf.type))) {
      const found = column.kind === "value" ? column.leaf.type : column.kind;
      throw unreadable(
        `its column "${name}" is ${found}, and must be ${type === "map" ? "a map of texts" : TYPES[type].join(" or ")}`,
      );
    }
    return [name];
  });
}

function leavesOf(column: ParquetColumn | undefined) {
  if (column?.kind === "value") return [column.leaf];
  return column?.kind === "map" ? [column.key, column.value] : [];
}

const STATUS_CODES: ReadonlySet<unknown> = new Set<SpanStatusCode>(["UNSET", "OK", "ERROR"]);

function readRow(row: Row, number: number): ParquetSpan {
  // A span without an end is one that runs.
  const missing = NEEDED.find((name) => name !== "end_time_unix_nano" && (row[name] ?? null) === null);
  if (missing !== undefined) return { row: number, reason: `"${missing}" is missing` };
  const status = row.status_code ?? "UNSET";
  if (!STATUS_CODES.has(status)) {
    return { row: number, reason: `"status_code" is ${show(String(status))}, and must be UNSET, OK or ERROR` };
  }
  const reason = jsonProblem(row);
  if (reason !== undefined) return { row: number, reason };
  return {
    row: number,
    record: toRecord(row, status as SpanStatusCode),
    ...(isText(row.experiment) && { experiment: fromStandIn(row.experiment) }),
  };
}

/** Texts that answers pass on as JSON. @returns why they cannot; undefined if they can */
function jsonProblem(row: Row): string | undefined {
  for (const name of ["inputs", "outputs"]) {
    const text = row[name];
    if (isText(text) && text !== "" && !isJson(text)) return `"${name}" is no JSON`;
  }
  for (const [key, text] of Object.entries(textMap(row.attributes))) {
    if (!isJson(text)) return `the attribute ${show(key)} is no JSON; a text stands in quotes`;
  }
  for (const [name, schema] of Object.entries(LISTS)) {
    const text = row[name];
    if (!isText(text) || text === "") continue;
    const list = nestsDeeper(text, MAX_DEPTH) ? undefined : parseJson(text);
    if (!Array.isArray(list) || !list.every((item) => schema.safeParse(item).success)) {
      return `"${name}" is no list of ${name} as JSON`;
    }
  }
  return undefined;
}

const LISTS = { events: SpanEvent, links: SpanLink };

function isJson(text: string): boolean {
  return !nestsDeeper(text, MAX_DEPTH) && parseJson(text) !== undefined;
}

function toRecord(row: Row, statusCode: SpanStatusCode): SpanRecord {
  const text = (name: string) => (isText(row[name]) ? fromStandIn(row[name]) : "");
  const nanos = (name: string) => (isWhole(row[name]) ? BigInt(row[name]) : 0n);
  const usage = fromColumns(spanMappings.usage, row);
  const costUsd = fromColumns(spanMappings.costUsd, row);
  const attributes = textMap(row.attributes);
  const inputs = readPayload("inputs", row, attributes);
  const outputs = readPayload("outputs", row, attributes);
  return {
    experimentId: text("experiment_id"),
    traceId: text("trace_id"),
    spanId: text("span_id"),
    parentSpanId: text("parent_span_id"),
    name: text("name"),
    spanType: text("span_type"),
    service: text("service"),
    startTimeUnixNano: nanos("start_time_unix_nano"),
    endTimeUnixNano: nanos("end_time_unix_nano"),
    statusCode,
    statusMessage: text("status_message"),
    model: text("model"),
    provider: text("provider"),
    ...(usage !== undefined && { usage }),
    ...(costUsd !== undefined && { costUsd }),
    ...(row.cost_computed === true && { isCostComputed: true }),
    sessionId: text("session_id"),
    userId: text("user_id"),
    ...(inputs !== undefined && { inputs }),
    ...(outputs !== undefined && { outputs }),
    attributes,
    events: fromColumns(spanMappings.events, row),
    links: fromColumns(spanMappings.links, row),
    traceTags: textMap(row.trace_tags),
    traceMetadata: textMap(row.trace_metadata),
    requestPreview: text("request_preview"),
    responsePreview: text("response_preview"),
  };
}

/** A payload, spelled as text search needs it; what cannot be told from it any more becomes an attribute. */
function readPayload(name: "inputs" | "outputs", row: Row, attributes: Record<string, string>) {
  const given = fromColumns(spanMappings[name], row);
  if (given === undefined) return undefined;
  const { payload, attribute } = spellPlainly(given);
  if (attribute !== undefined && given.source) setKey(attributes, given.source.key, attribute);
  return payload;
}

/** Reads columns as they are read from the engine, where "" stands for what is not there. */
function fromColumns<Value>(mapping: Mapping<Value>, row: Row): Value {
  const cells = mapping.columns.map((column): Cell => {
    const cell = row[column] ?? null;
    if (typeof cell === "bigint") return Number(cell);
    if (Number.isNaN(cell)) return null;
    if (cell === null && TEXT_COLUMNS.test(column)) return "";
    return cell as Cell;
  });
  return mapping.read(cells);
}

const TEXT_COLUMNS = /^(inputs|outputs|events|links)/;

/** A value that is NULL is not there. */
function textMap(value: unknown): Record<string, string> {
  const map: Record<string, string> = {};
  if (typeof value !== "object" || value === null) return map;
  for (const [key, entry] of Object.entries(value))
    if (isText(entry)) setKey(map, fromStandIn(key), fromStandIn(entry));
  return map;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isWhole(value: unknown): value is bigint | number {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}
