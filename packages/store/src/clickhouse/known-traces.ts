/**
 * What the writer must know of a trace before it changes it: its spans, without payloads, what its client said, and where its
 * row lies.
 */
import { type KnownClientInfo, readClientInfos } from "./client-info.ts";
import { rowReader } from "./columns.ts";
import type { Queries } from "./queries.ts";
import { spanMappings, type TraceRow, traceMappings } from "./rows.ts";
import { param, sql } from "./sql.ts";
import { SUMMARY_PROPERTIES, type SummarySpan } from "./summarize-trace.ts";

export interface KnownTrace {
  readonly experimentId: string;
  readonly traceId: string;
  /** By span id. */
  readonly spans: ReadonlyMap<string, SummarySpan>;
  /** Undefined if no client said anything of the whole trace. */
  readonly client: KnownClientInfo | undefined;
}

/** The sort key of a trace row. */
export type TraceKey = Pick<TraceRow, "experimentId" | "traceId" | "startUs">;

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
  const traces = new Map<string, KnownTrace & { readonly spans: Map<string, SummarySpan> }>();
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
