/**
 * What the writer must know of a trace before it changes it: its spans, without payloads, and where its row lies.
 */
import { rowReader } from "./columns.ts";
import type { Queries } from "./queries.ts";
import { spanMappings, type TraceRow, traceMappings } from "./rows.ts";
import { param, sql } from "./sql.ts";
import { SUMMARY_PROPERTIES, type SummarySpan } from "./summarize-trace.ts";

export interface KnownTrace {
  readonly experimentId: string;
  /** By span id. */
  readonly spans: ReadonlyMap<string, SummarySpan>;
}

/** The sort key of a trace row. */
export type TraceKey = Pick<TraceRow, "experimentId" | "traceId" | "startUs">;

export interface KnownTraces {
  /** By trace id; traces without spans are absent. */
  readonly traces: ReadonlyMap<string, KnownTrace>;
  /** Keys of their rows: one each, but for traces that a failed write left with none or two. */
  readonly keys: readonly TraceKey[];
}

const knownSpan = rowReader(spanMappings, ["experimentId", ...SUMMARY_PROPERTIES]);
const traceKey = rowReader(traceMappings, ["experimentId", "traceId", "startUs"]);

/** Looks traces up; unknown ids are no error. */
export async function readKnownTraces(queries: Queries, traceIds: readonly string[]): Promise<KnownTraces> {
  const traces = new Map<string, { experimentId: string; spans: Map<string, SummarySpan> }>();
  const keys: TraceKey[] = [];
  await Promise.all([
    queries.eachOfIds(
      traceIds,
      (ids) => sql`SELECT ${knownSpan.select} FROM ${queries.table("spans")} FINAL
        WHERE trace_id IN ${param(ids, "Array(String)")}`,
      (cells) => {
        const { experimentId, ...span } = knownSpan.read(cells);
        const trace = traces.get(span.traceId) ?? { experimentId, spans: new Map<string, SummarySpan>() };
        trace.spans.set(span.spanId, span);
        traces.set(span.traceId, trace);
      },
    ),
    queries.eachOfIds(
      traceIds,
      (ids) => sql`SELECT ${traceKey.select} FROM ${queries.table("traces")} FINAL
        WHERE trace_id IN ${param(ids, "Array(String)")}`,
      (cells) => keys.push(traceKey.read(cells)),
    ),
  ]);
  return { traces, keys };
}
