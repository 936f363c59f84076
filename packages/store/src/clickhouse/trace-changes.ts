/**
 * The rows that one change writes, all with one version: spans, the rows of their traces, and tombstones for rows that moved.
 */
import type { SpanRecord } from "../telemetry-store.ts";
import { type Cell, propertiesOf, rowWriter } from "./columns.ts";
import { earliest } from "./moments.ts";
import { NdjsonBatch } from "./ndjson.ts";
import { spanMappings, type TraceRow, toSpanRow, traceMappings } from "./rows.ts";
import type { KnownSpan } from "./spans.ts";
import { type SummarySpan, summarizeTrace } from "./summarize-trace.ts";

/** The sort key of a trace row. */
export type TraceKey = Pick<TraceRow, "experimentId" | "traceId" | "startUs">;

const VERSION_COLUMNS = ["version", "is_deleted"];
const spanText = rowWriter(spanMappings, propertiesOf(spanMappings), VERSION_COLUMNS);
const traceText = rowWriter(traceMappings, propertiesOf(traceMappings), VERSION_COLUMNS);
// Tombstones need the columns of the sort key only.
const removedSpanText = rowWriter(
  spanMappings,
  ["experimentId", "traceId", "spanId", "startTimeUnixNano"],
  VERSION_COLUMNS,
);
const removedTraceText = rowWriter(traceMappings, ["experimentId", "traceId", "startUs"], VERSION_COLUMNS);

const NANOS_PER_HOUR = 3_600_000_000_000n;

export class TraceChanges {
  readonly spans = new NdjsonBatch();
  readonly traces = new NdjsonBatch();
  /** Cells of the version columns. */
  readonly #here: readonly Cell[];
  readonly #gone: readonly Cell[];
  /** Start of the rows put so far, by trace id. */
  readonly #starts = new Map<string, bigint>();

  constructor(version: number) {
    this.#here = [version, 0];
    this.#gone = [version, 1];
  }

  /** Puts spans into a trace of which `known` are in the store, and its row. */
  putSpans(known: readonly KnownSpan[], records: readonly SpanRecord[]): void {
    const experimentId = known[0]?.experimentId ?? records[0]?.experimentId ?? "";
    const all = new Map<string, SummarySpan>(known.map((span) => [span.spanId, span]));
    for (const record of records) {
      const span = { ...toSpanRow(record), experimentId };
      const before = all.get(span.spanId);
      if (before !== undefined) this.#removeIfMoved(before, span, experimentId);
      all.set(span.spanId, span);
      this.spans.add(spanText(span, this.#here), span.startTimeUnixNano / 1000n);
    }
    this.putTrace([...all.values()], experimentId);

    const [first] = known;
    if (first === undefined) return;
    const start = earliest(
      first.startTimeUnixNano,
      known.map((span) => span.startTimeUnixNano),
    );
    this.removeTraceUnlessPut({ experimentId, traceId: first.traceId, startUs: start / 1000n });
  }

  /** Puts the row of a trace. @param spans  all spans of the trace */
  putTrace(spans: readonly SummarySpan[], experimentId: string): void {
    const row = summarizeTrace(spans, experimentId);
    this.#starts.set(row.traceId, row.startUs);
    this.traces.add(traceText(row, this.#here), row.startUs);
  }

  /** Removes the row that was at this key, unless the one just put replaces it. A trace never changes its experiment. */
  removeTraceUnlessPut(old: TraceKey): void {
    if (this.#starts.get(old.traceId) === old.startUs) return;
    this.traces.add(removedTraceText(old, this.#gone), old.startUs);
  }

  /** The hour of the start is part of a span's key: a span that is sent again with another start would be there twice. */
  #removeIfMoved(before: SummarySpan, now: SummarySpan, experimentId: string): void {
    if (before.startTimeUnixNano / NANOS_PER_HOUR === now.startTimeUnixNano / NANOS_PER_HOUR) return;
    this.spans.add(removedSpanText({ ...before, experimentId }, this.#gone), before.startTimeUnixNano / 1000n);
  }
}
