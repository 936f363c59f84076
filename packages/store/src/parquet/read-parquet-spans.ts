/**
 * A Parquet file with a row a span → records: exports of ours, and what other programs made of them.
 *
 * A row group is read at a time. Columns that are not there are what is not known of a span.
 */

import { SightlineError } from "@sightline/wire/errors";
import type { SpanStatusCode } from "@sightline/wire/model/span";
import { asyncBufferFromFile, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { Cell, Mapping } from "../clickhouse/columns.ts";
import { spanMappings } from "../clickhouse/rows.ts";
import type { SpanRecord } from "../telemetry-store.ts";

/** A row, counted from 1, as a record or with the reason why it is none. */
export type ParquetSpan = { readonly row: number } & (
  | { readonly record: SpanRecord; readonly reason?: undefined }
  | { readonly record?: undefined; readonly reason: string }
);

/** Columns without which a row is no span. */
const NEEDED = ["trace_id", "span_id", "name", "start_time_unix_nano"] as const;
/** Bytes of a row group, unpacked: it is in memory whole. Ours have 40 MB at most. */
const MAX_GROUP_BYTES = 512 * 1024 * 1024;

type Row = Readonly<Record<string, unknown>>;

/**
 * Reads the rows of a file.
 *
 * @throws INVALID_PARAMETER if it is no Parquet file, is cut short, or lacks columns that a span needs
 */
export async function* readParquetSpans(file: string): AsyncGenerator<ParquetSpan, void> {
  const buffer = await asyncBufferFromFile(file);
  const metadata = await reading(() => parquetMetadataAsync(buffer));
  checkColumns(metadata);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    if (group.total_byte_size > MAX_GROUP_BYTES) {
      throw unreadable(`a row group has ${group.total_byte_size} bytes, and ${MAX_GROUP_BYTES} are read at most`);
    }
    const rows = await reading(() => parquetReadObjects({ file: buffer, metadata, rowStart, rowEnd, compressors }));
    for (const [index, row] of rows.entries()) yield readRow(row, rowStart + index + 1);
    rowStart = rowEnd;
  }
}

async function reading<Value>(read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error), error);
  }
}

function unreadable(reason: string, cause?: unknown): SightlineError {
  return new SightlineError("INVALID_PARAMETER", `The file cannot be read as Parquet: ${reason}.`, { cause });
}

function checkColumns({ schema }: FileMetaData): void {
  const names = new Set(schema.map(({ name }) => name));
  const missing = NEEDED.filter((name) => !names.has(name));
  if (missing.length === 0) return;
  throw new SightlineError(
    "INVALID_PARAMETER",
    `The Parquet file has no column ${missing.map((name) => `"${name}"`).join(", ")}; import the spans of an export, not its traces.`,
  );
}

const STATUS_CODES: ReadonlySet<unknown> = new Set<SpanStatusCode>(["UNSET", "OK", "ERROR"]);

function readRow(row: Row, number: number): ParquetSpan {
  const wrong = NEEDED.find((name) => (name === "start_time_unix_nano" ? !isWhole(row[name]) : !isText(row[name])));
  if (wrong !== undefined) return { row: number, reason: `"${wrong}" is ${describe(row[wrong])}` };
  const status = row.status_code ?? "UNSET";
  if (!STATUS_CODES.has(status)) return { row: number, reason: `"status_code" is ${describe(status)}` };
  try {
    return { row: number, record: toRecord(row, status as SpanStatusCode) };
  } catch (error) {
    return { row: number, reason: error instanceof Error ? error.message : String(error) };
  }
}

function toRecord(row: Row, statusCode: SpanStatusCode): SpanRecord {
  const text = (name: string) => (isText(row[name]) ? row[name] : "");
  const nanos = (name: string) => (isWhole(row[name]) ? BigInt(row[name]) : 0n);
  const usage = fromColumns(spanMappings.usage, row);
  const costUsd = fromColumns(spanMappings.costUsd, row);
  const inputs = fromColumns(spanMappings.inputs, row);
  const outputs = fromColumns(spanMappings.outputs, row);
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
    attributes: textMap(row.attributes),
    events: fromColumns(spanMappings.events, row),
    links: fromColumns(spanMappings.links, row),
    traceTags: textMap(row.trace_tags),
    traceMetadata: textMap(row.trace_metadata),
    requestPreview: text("request_preview"),
    responsePreview: text("response_preview"),
  };
}

/** Reads columns as they are read from the engine, where "" stands for what is not there. */
function fromColumns<Value>(mapping: Mapping<Value>, row: Row): Value {
  const cells = mapping.columns.map((column): Cell => {
    const cell = row[column] ?? null;
    if (typeof cell === "bigint") return Number(cell);
    if (cell === null && TEXT_COLUMNS.test(column)) return "";
    return cell as Cell;
  });
  return mapping.read(cells);
}

const TEXT_COLUMNS = /^(inputs|outputs|events|links)/;

function textMap(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, String(entry)]));
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isWhole(value: unknown): value is bigint | number {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}

function describe(value: unknown): string {
  return value === null || value === undefined ? "missing" : `of another type (${typeof value})`;
}
