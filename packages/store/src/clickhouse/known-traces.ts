/**
 * Looks up what the writer must know of traces before it changes them.
 */
import { readClientInfos } from "./client-info.ts";
import { rowReader } from "./columns.ts";
import type { KnownTrace, TraceKey } from "./known-trace.ts";
import type { Queries } from "./queries.ts";
import { spanMappings, traceMappings } from "./rows.ts";
import { param, sql } from "./sql.ts";
import { SUMMARY_PROPERTIES, type SummarySpan } from "./summary-span.ts";

export interface KnownTraces {
  /** By trace id; absent if there is neither a span nor a client info. */
  readonly traces: ReadonlyMap<string, KnownTrace>;
  /** Keys of their rows: one each, but for traces that a failed write left with none or two. */
  readonly keys: readonly TraceKey[];
}

const knownSpan = rowReader(spanMappings, ["experimentId", ...SUMMARY_PROPERTIES]);
const traceKey = rowReader(traceMappings, ["experimentId", "traceId", "startUs"]);

/** Looks traces up; unknown ids are no error. */
export async function readKnownTraces(queries: Queries, traceIds: readonly string[]): Promise<KnownTraces> {
  const traces = new Map<string, KnownTrace>();
  const keys: TraceKey[] = [];
  const [clients] = await Promise.all([
    readClientInfos(queries, traceIds),
    queries.eachOfIds(
      traceIds,
      (ids) => sql`SELECT ${knownSpan.select} FROM ${queries.table("spans")} FINAL
        WHERE trace_id IN ${param(ids, "Array(String)")}`,
      (cells) => {
        const { experimentId, ...span } = knownSpan.read(cells);
        const trace = traces.get(span.traceId) ?? {
          experimentId,
          traceId: span.traceId,
          spans: new Map<string, SummarySpan>(),
          client: undefined,
        };
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
  for (const [traceId, client] of clients) {
    const spans = traces.get(traceId)?.spans ?? new Map<string, SummarySpan>();
    traces.set(traceId, { experimentId: client.experimentId, traceId, spans, client });
  }
  return { traces, keys };
}
