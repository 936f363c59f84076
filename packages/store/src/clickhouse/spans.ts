/**
 * Reading spans.
 */
import type { CallOptions, SpanOutline, StoredSpan } from "../telemetry-store.ts";
import { propertiesOf, rowReader } from "./columns.ts";
import type { Queries } from "./queries.ts";
import { type SpanRow, spanMappings } from "./rows.ts";
import { param, sql } from "./sql.ts";

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
  queries: Queries,
  traceIds: readonly string[],
  options: CallOptions,
): Promise<Map<string, StoredSpan[]>> {
  const spans = new Map<string, StoredSpan[]>();
  await queries.eachOfIds(
    [...new Set(traceIds)],
    (ids) => sql`SELECT ${storedSpan.select} FROM ${queries.table("spans")} FINAL
      WHERE trace_id IN ${param(ids, "Array(String)")} ORDER BY start_time, span_id`,
    (cells) => {
      const span = storedSpan.read(cells);
      append(spans, span.traceId, span);
    },
    options,
  );
  return spans;
}

/** @see TelemetryStore.getSpan */
export async function getSpan(
  queries: Queries,
  traceId: string,
  spanId: string,
  options: CallOptions,
): Promise<StoredSpan | undefined> {
  const [cells] = await queries.rows(
    sql`SELECT ${storedSpan.select} FROM ${queries.table("spans")} FINAL
      WHERE trace_id = ${param(traceId, "String")} AND span_id = ${param(spanId, "String")}`,
    options,
  );
  return cells && storedSpan.read(cells);
}

/** @see TelemetryStore.getSpanOutlines */
export async function getSpanOutlines(queries: Queries, traceId: string, options: CallOptions): Promise<SpanOutline[]> {
  const outlines: SpanOutline[] = [];
  await queries.each(
    sql`SELECT ${spanOutline.select} FROM ${queries.table("spans")} FINAL
      WHERE trace_id = ${param(traceId, "String")} ORDER BY start_time, span_id`,
    (cells) => outlines.push(spanOutline.read(cells)),
    options,
  );
  return outlines;
}

function append<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
