/**
 * The rows that one change writes, all with one version: spans, the rows of their traces, and tombstones for rows that moved.
 */
import type { SpanRecord } from "../telemetry-store.ts";
import { type Cell, propertiesOf, rowWriter } from "./columns.ts";
import type { KnownTrace, TraceKey } from "./known-traces.ts";
import { NdjsonBatch } from "./ndjson.ts";
import { type SpanRow, spanMappings, toSpanRow, traceMappings } from "./rows.ts";
import { type SummarySpan, summarizeTrace, toSummarySpan } from "./summarize-trace.ts";

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

  /**
   * Puts spans into a trace, and its row.
   *
   * @param known  the trace as it is in the store
   * @returns the trace as it will be
   */
  putSpans(known: KnownTrace | undefined, records: Iterable<SpanRecord>): KnownTrace {
    let experimentId = known?.experimentId;
    const spans = new Map(known?.spans);
    for (const record of records) {
      experimentId ??= record.experimentId;
      const row = { ...toSpanRow(record), experimentId };
      this.spans.add(spanText(row, this.#here), row.startTimeUnixNano / 1000n);
      const before = spans.get(row.spanId);
      if (before !== undefined) this.#removeIfMoved(before, row);
      spans.set(row.spanId, toSummarySpan(row));
    }
    const trace = { experimentId: experimentId ?? "", spans };
    this.putTrace(trace);
    return trace;
  }

  /** Puts the row of a trace. */
  putTrace({ experimentId, spans }: KnownTrace): void {
    const row = summarizeTrace([...spans.values()], experimentId);
    this.#starts.set(row.traceId, row.startUs);
    this.traces.add(traceText(row, this.#here), row.startUs);
  }

  /** Removes the row that was at this key, unless the one just put replaces it. A trace never changes its experiment. */
  removeTraceUnlessPut(old: TraceKey): void {
    if (this.#starts.get(old.traceId) === old.startUs) return;
    this.traces.add(removedTraceText(old, this.#gone), old.startUs);
  }

  /** The hour of the start is part of a span's key: a span that is sent again with another start would be there twice. */
  #removeIfMoved(before: SummarySpan, now: SpanRow): void {
    if (before.startTimeUnixNano / NANOS_PER_HOUR === now.startTimeUnixNano / NANOS_PER_HOUR) return;
    const old = { ...before, experimentId: now.experimentId };
    this.spans.add(removedSpanText(old, this.#gone), before.startTimeUnixNano / 1000n);
  }
}
