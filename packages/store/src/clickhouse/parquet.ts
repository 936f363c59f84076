/**
 * Spans or traces of a selection as one Parquet file.
 *
 * Columns are made for people with pandas, DuckDB or Spark: what is not there is NULL, times are timestamps of microseconds in UTC
 * (Spark reads no nanoseconds; those are beside as Int64), counts are Int64 (Spark makes decimals of UInt64), JSON is text.
 */
import { stringifyJson } from "@sightline/wire/json";
import type { TraceInfo } from "@sightline/wire/model/trace";
import { parseRfc3339 } from "@sightline/wire/time";
import { clickHouseError } from "../engines/clickhouse.ts";
import { joinParquet, type ParquetFile, readParquetFile } from "../parquet/join-parquet.ts";
import type { TraceSelection } from "../telemetry-store.ts";
import type { ParquetOptions, ParquetTable } from "../trace-transfer.ts";
import type { Queries } from "./queries.ts";
import { param, raw, type Sql, sql } from "./sql.ts";
import type { TraceReader } from "./traces.ts";
import { readRuns, spansElsewhere, spansInWindow } from "./transfer.ts";

/** gzip is what every reader unpacks, also the import in Node 20, which has no zstd. The page index would hold places that are moved. */
const SETTINGS = raw(
  ", output_format_parquet_compression_method = 'gzip', output_format_compression_level = 3, output_format_parquet_write_page_index = 0, output_format_parquet_write_bloom_filter = 0",
);

/** Spans of a row group: readers want large ones, but it is made in memory. */
const MAX_SPANS = 20_000;
/** A row group should be about this large; the next is sized by the last. */
const GROUP_BYTES = 8 * 1024 * 1024;
const FIRST_SPANS = 4000;
const MIN_SPANS = 50;
/** Traces of a row group; they go through the text of a query, of which ClickHouse takes 16 MiB. */
const GROUP_TRACES = 5000;
const GROUP_CHARS = 6 * 1024 * 1024;

/** @see TraceTransfer.readParquet */
export function readParquet(
  reader: TraceReader,
  selection: TraceSelection,
  table: ParquetTable,
  options: ParquetOptions,
): AsyncGenerator<Uint8Array, void> {
  const read = table === "spans" ? readSpanFiles : readTraceFiles;
  return joinParquet(read(reader, selection, options));
}

const SPAN_COLUMNS = raw(
  [
    "CAST(trace_id, 'String') AS trace_id",
    "CAST(span_id, 'String') AS span_id",
    "nullIf(parent_span_id, '') AS parent_span_id",
    "CAST(experiment_id, 'String') AS experiment_id",
    "CAST(name, 'String') AS name",
    "CAST(span_type, 'String') AS span_type",
    ...["service", "model", "provider"].map((name) => `nullIf(CAST(${name}, 'String'), '') AS ${name}`),
    "toDateTime64(s.start_time, 6, 'UTC') AS start_time",
    "if(s.end_time = 0, NULL, toDateTime64(s.end_time, 6, 'UTC')) AS end_time",
    "toUnixTimestamp64Nano(s.start_time) AS start_time_unix_nano",
    "if(s.end_time = 0, NULL, toUnixTimestamp64Nano(s.end_time)) AS end_time_unix_nano",
    "if(s.end_time = 0, NULL, intDiv(toUnixTimestamp64Nano(s.end_time) - toUnixTimestamp64Nano(s.start_time), 1000)) AS duration_us",
    "CAST(status_code, 'String') AS status_code",
    ...["status_message", "session_id", "user_id"].map((name) => `nullIf(${name}, '') AS ${name}`),
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "reasoning_tokens",
    "cost_usd",
    "CAST(cost_computed, 'Bool') AS cost_computed",
    "nullIf(inputs, '') AS inputs",
    "nullIf(CAST(inputs_source, 'String'), '') AS inputs_source",
    "nullIf(outputs, '') AS outputs",
    "nullIf(CAST(outputs_source, 'String'), '') AS outputs_source",
    "CAST(attributes, 'Map(String, String)') AS attributes",
    "if(events = '', '[]', events) AS events",
    "if(links = '', '[]', links) AS links",
    "CAST(trace_tags, 'Map(String, String)') AS trace_tags",
    "CAST(trace_metadata, 'Map(String, String)') AS trace_metadata",
    "nullIf(request_preview, '') AS request_preview",
    "nullIf(response_preview, '') AS response_preview",
  ].join(", "),
);

async function* readSpanFiles(
  reader: TraceReader,
  selection: TraceSelection,
  options: ParquetOptions,
): AsyncGenerator<ParquetFile, void> {
  const { queries } = reader;
  const read = (where: Sql, infos: readonly TraceInfo[]) =>
    readFile(
      queries,
      sql`SELECT ${SPAN_COLUMNS}, ${experimentColumn(infos, options.experimentNames)} FROM ${queries.table("spans")} AS s FINAL WHERE ${where} ORDER BY s.start_time DESC, s.span_id`,
      options,
    );
  // A file without rows brings the columns, also when nothing is selected.
  yield await read(raw("0"), []);
  let spansInRun = FIRST_SPANS;
  for await (const infos of readRuns(reader, selection, options, () => spansInRun)) {
    let rows = 0;
    let bytes = 0;
    const readOf = (where: Sql) => read(where, infos);
    for await (const file of readWithinMemory(readOf, spansInWindow(infos))) {
      rows += file.numRows;
      bytes += file.data.length;
      yield file;
    }
    if (rows < infos.reduce((sum, info) => sum + info.spanCount, 0)) {
      yield* readWithinMemory(readOf, spansElsewhere(infos));
    }
    if (bytes > 0) spansInRun = Math.max(MIN_SPANS, Math.min(MAX_SPANS, Math.floor((rows * GROUP_BYTES) / bytes)));
  }
}

/** The name of the experiment, which ClickHouse does not know. */
function experimentColumn(infos: readonly TraceInfo[], names: ReadonlyMap<string, string> | undefined): Sql {
  const ids = [...new Set(infos.map(({ experimentId }) => experimentId))].filter((id) => names?.has(id));
  // `transform` takes no empty lists; no experiment has the id "".
  const from = param(["", ...ids], "Array(String)");
  const to = param(["", ...ids.map((id) => names?.get(id) ?? "")], "Array(String)");
  return sql`nullIf(transform(CAST(s.experiment_id, 'String'), ${from}, ${to}, ''), '') AS experiment`;
}

/** ClickHouse's MEMORY_LIMIT_EXCEEDED. */
const MEMORY_LIMIT = 241;
const SHARES = 8;
/** 8 x 8 x 8 x 8 shares: of a gigabyte in one trace each is below a megabyte. */
const MAX_DEPTH = 4;

/** Reads spans; if their payloads together are too large for the engine, share by share. */
async function* readWithinMemory(
  read: (where: Sql) => Promise<ParquetFile>,
  where: Sql,
  depth = 0,
): AsyncGenerator<ParquetFile, void> {
  let file: ParquetFile;
  try {
    file = await read(where);
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    if (clickHouseError(cause)?.code !== MEMORY_LIMIT || depth === MAX_DEPTH) throw error;
    const level = param(depth, "UInt8");
    for (let share = 0; share < SHARES; share++) {
      const own = sql`cityHash64(span_id, ${level}) % ${param(SHARES, "UInt8")} = ${param(share, "UInt8")}`;
      yield* readWithinMemory(read, sql`(${where}) AND ${own}`, depth + 1);
    }
    return;
  }
  if (file.numRows > 0) yield file;
}

/** Columns of traces with their types; what is made of a trace is below in the same order. */
const TRACE_COLUMNS: readonly (readonly [name: string, type: string, read: (info: TraceInfo) => unknown])[] = [
  ["trace_id", "String", (info) => info.traceId],
  ["experiment_id", "String", (info) => info.experimentId],
  ["name", "String", (info) => info.name],
  ["state", "String", (info) => info.state],
  ["request_time", "DateTime64(6, 'UTC')", (info) => seconds(info.requestTime)],
  ["duration_us", "Int64", (info) => Math.round(info.durationMs * 1000)],
  ["session_id", "Nullable(String)", (info) => info.sessionId],
  ["user_id", "Nullable(String)", (info) => info.userId],
  ["client_request_id", "Nullable(String)", (info) => info.clientRequestId],
  ["version", "Nullable(String)", (info) => info.version],
  ["source", "Nullable(String)", (info) => info.source],
  ["models", "Array(String)", (info) => info.models ?? []],
  ["span_count", "Int64", (info) => info.spanCount],
  ["input_tokens", "Nullable(Int64)", (info) => info.tokenUsage?.inputTokens],
  ["output_tokens", "Nullable(Int64)", (info) => info.tokenUsage?.outputTokens],
  ["total_tokens", "Nullable(Int64)", (info) => info.tokenUsage?.totalTokens],
  ["cache_read_input_tokens", "Nullable(Int64)", (info) => info.tokenUsage?.cacheReadInputTokens],
  ["cache_creation_input_tokens", "Nullable(Int64)", (info) => info.tokenUsage?.cacheCreationInputTokens],
  ["reasoning_tokens", "Nullable(Int64)", (info) => info.tokenUsage?.reasoningTokens],
  ["cost_usd", "Nullable(Float64)", (info) => info.costUsd],
  ["request_preview", "Nullable(String)", (info) => info.requestPreview],
  ["response_preview", "Nullable(String)", (info) => info.responsePreview],
  ["error_preview", "Nullable(String)", (info) => info.errorPreview],
  ["tags", "Map(String, String)", (info) => info.tags],
  ["metadata", "Map(String, String)", (info) => info.metadata],
  ["assessments", "String", (info) => stringifyJson(info.assessments)],
];

const TRACE_STRUCTURE = TRACE_COLUMNS.map(([name, type]) => `${name} ${type}`).join(", ");

/**
 * Traces as the API shows them, with edits laid over and assessments; the engine only gives them the form of Parquet.
 */
async function* readTraceFiles(
  reader: TraceReader,
  selection: TraceSelection,
  options: ParquetOptions,
): AsyncGenerator<ParquetFile, void> {
  const { queries } = reader;
  const write = (rows: readonly string[]) =>
    readFile(
      queries,
      // The engine refuses a text without rows.
      raw(
        `SELECT * FROM format(JSONEachRow, ${quote(TRACE_STRUCTURE)}, ${quote(rows.join("\n") || "{}")}) LIMIT ${rows.length}`,
      ),
      options,
    );
  yield await write([]);
  let rows: string[] = [];
  let chars = 0;
  for await (const infos of readRuns(reader, selection, options)) {
    for (const info of infos) {
      const row = stringifyJson(Object.fromEntries(TRACE_COLUMNS.map(([name, , read]) => [name, read(info) ?? null])));
      rows.push(row);
      chars += row.length;
      if (rows.length < GROUP_TRACES && chars < GROUP_CHARS) continue;
      yield await write(rows);
      rows = [];
      chars = 0;
    }
  }
  if (rows.length > 0) yield await write(rows);
}

/** Seconds with microseconds as ClickHouse reads them without a calendar. */
function seconds(rfc3339: string): string {
  const micros = ((parseRfc3339(rfc3339) ?? 0n) / 1000n).toString().padStart(16, "0");
  return `${micros.slice(0, -6)}.${micros.slice(-6)}`;
}

/** A string literal. As a parameter it could be no longer than 128 KiB. */
function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

async function readFile(queries: Queries, query: Sql, options: ParquetOptions): Promise<ParquetFile> {
  const pieces: Uint8Array[] = [];
  for await (const piece of queries.bytes(query, "Parquet", options, SETTINGS)) pieces.push(piece);
  return readParquetFile(Buffer.concat(pieces));
}
