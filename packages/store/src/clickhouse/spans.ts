/**
 * Reading spans.
 */
import type { CallOptions, SpanOutline, StoredSpan } from "../telemetry-store.ts";
import { propertiesOf, type RowReader, rowReader } from "./columns.ts";
import { earliest, latest, momentUs } from "./moments.ts";
import { type SpanRow, spanMappings, type TraceRow } from "./rows.ts";
import { and, param, raw, type Sql, sql } from "./sql.ts";
import type { TraceReader } from "./traces.ts";

const NOT_SHOWN = ["traceTags", "traceMetadata", "requestPreview", "responsePreview", "failure"] as const;
type NotShown = (typeof NOT_SHOWN)[number];

/** Reads a whole span. */
export const storedSpan = rowReader(
  spanMappings,
  propertiesOf(spanMappings).filter(
    (property): property is Exclude<keyof SpanRow, NotShown> => !NOT_SHOWN.some((name) => name === property),
  ),
);

const spanOutline = rowReader(spanMappings, [
  "spanId",
  "parentSpanId",
  "name",
  "spanType",
  "startTimeUnixNano",
  "endTimeUnixNano",
  "statusCode",
  "statusMessage",
  "usage",
  "costUsd",
]);

/** @see TelemetryStore.getSpans */
export async function getSpans(
  reader: TraceReader,
  traceIds: readonly string[],
  options: CallOptions,
): Promise<Map<string, StoredSpan[]>> {
  const spans = new Map<string, StoredSpan[]>();
  await eachSpan(reader, [...new Set(traceIds)], storedSpan, options, (traceId, found) => spans.set(traceId, found));
  return spans;
}

/** @see TelemetryStore.getSpan */
export async function getSpan(
  reader: TraceReader,
  traceId: string,
  spanId: string,
  options: CallOptions,
): Promise<StoredSpan | undefined> {
  const rows = await reader.rows([{ traceId }], raw("1"), options);
  for (const place of [spansNear(rows), raw("1")]) {
    const [cells] = await reader.queries.rows(
      sql`SELECT ${storedSpan.select} FROM ${reader.queries.table("spans")} FINAL
        WHERE ${place} AND trace_id = ${param(traceId, "String")} AND span_id = ${param(spanId, "String")}`,
      options,
    );
    if (cells !== undefined) return storedSpan.read(cells);
  }
  return undefined;
}

/** @see TelemetryStore.getSpanOutlines */
export async function getSpanOutlines(
  reader: TraceReader,
  traceId: string,
  options: CallOptions,
): Promise<SpanOutline[]> {
  let outlines: SpanOutline[] = [];
  await eachSpan(reader, [traceId], spanOutline, options, (_, found) => {
    outlines = found;
  });
  return outlines;
}

/**
 * Reads the spans of traces in the order of their starts.
 *
 * Where they lie is known from the rows of their traces: an id alone is looked for in the Bloom filters of the whole store, which
 * takes longer the more there is. Spans may lie elsewhere (a client can say other times than its spans have), so a trace of which
 * fewer are found than its row counts is looked for by its id.
 */
async function eachSpan<Found>(
  reader: TraceReader,
  traceIds: readonly string[],
  { select, read }: RowReader<Found>,
  options: CallOptions,
  onTrace: (traceId: string, spans: Found[]) => void,
): Promise<void> {
  const { queries } = reader;
  const readWhere = async (ids: readonly string[], place: Sql): Promise<Map<string, Found[]>> => {
    const spans = new Map<string, Found[]>();
    await queries.eachOfIds(
      ids,
      (part) => sql`SELECT trace_id, ${select} FROM ${queries.table("spans")} FINAL
        WHERE ${place} AND trace_id IN ${param(part, "Array(String)")} ORDER BY start_time, span_id`,
      ([traceId, ...cells]) => append(spans, String(traceId), read(cells)),
      options,
    );
    return spans;
  };
  const rows = await reader.rows(
    traceIds.map((traceId) => ({ traceId })),
    raw("1"),
    options,
  );
  const near = await readWhere(
    rows.map(({ traceId }) => traceId),
    spansNear(rows),
  );
  const complete = new Set(
    rows.filter(({ traceId, spanCount }) => (near.get(traceId)?.length ?? 0) >= spanCount).map((row) => row.traceId),
  );
  const rest = await readWhere(
    traceIds.filter((traceId) => !complete.has(traceId)),
    raw("1"),
  );
  for (const traceId of traceIds) {
    const found = complete.has(traceId) ? near.get(traceId) : rest.get(traceId);
    if (found !== undefined) onTrace(traceId, found);
  }
}

/** Where the spans of traces lie if their clients say the times of their spans: as the sort key of `spans` has it. */
function spansNear(rows: readonly TraceRow[]): Sql {
  const [first, ...others] = rows;
  if (first === undefined) return raw("0");
  const starts = others.map(({ startUs }) => startUs);
  const ends = others.map(({ startUs, durationUs }) => startUs + durationUs);
  const prefixes = [...new Set(rows.map(({ traceId }) => traceId.slice(0, 5)))];
  return and([
    sql`experiment_id IN ${param([...new Set(rows.map((row) => row.experimentId))], "Array(String)")}`,
    sql`start_time >= ${momentUs(earliest(first.startUs, starts))}`,
    // Rows have microseconds, spans nanoseconds.
    sql`start_time < ${momentUs(latest(first.startUs + first.durationUs, ends) + 1n)}`,
    sql`substring(trace_id, 1, 5) IN ${param(prefixes, "Array(String)")}`,
  ]);
}

function append<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
