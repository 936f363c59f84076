/**
 * The rows that one change writes, all with one version: spans and client infos, the rows of their traces, and tombstones for rows
 * that moved.
 */
import type { SpanRecord } from "../telemetry-store.ts";
import type { ClientInfo } from "../trace-parts.ts";
import { clientInfoText, joinClientInfo } from "./client-info.ts";
import { type Cell, propertiesOf, rowWriter } from "./columns.ts";
import { type EncodedSpan, SPAN_ROW_HEAD } from "./encoded-span.ts";
import type { KnownTrace, TraceKey } from "./known-trace.ts";
import type { VersionedRow } from "./latest-rows.ts";
import { NdjsonBatch } from "./ndjson.ts";
import { spanMappings, storedTraceRow, type TraceRow, traceMappings } from "./rows.ts";
import { SpanDigest } from "./span-digest.ts";
import { summarizeTrace } from "./summarize-trace.ts";
import type { SummarySpan } from "./summary-span.ts";
import { TableRows } from "./table-rows.ts";
import { tsvWriter } from "./tsv.ts";

const VERSION_COLUMNS = ["version", "is_deleted"];
const traceRow = tsvWriter(traceMappings, propertiesOf(traceMappings), VERSION_COLUMNS);
// Tombstones need the columns of the sort key only.
const removedSpanText = rowWriter(
  spanMappings,
  ["experimentId", "traceId", "spanId", "startTimeUnixNano"],
  VERSION_COLUMNS,
);
const removedTraceText = rowWriter(traceMappings, ["experimentId", "traceId", "startUs"], VERSION_COLUMNS);

const NANOS_PER_HOUR = 3_600_000_000_000n;

export class TraceChanges {
  readonly spans = new TableRows(SPAN_ROW_HEAD);
  readonly clientInfos = new NdjsonBatch();
  readonly traces = new TableRows(traceRow.head);
  readonly #version: number;
  /** Cells of the version columns. */
  readonly #here: readonly Cell[];
  readonly #gone: readonly Cell[];
  /** What a row of a span ends with: the cells of the version columns. */
  readonly #rowEnd: string;
  /** The rows of `traces` put so far, by trace id. */
  readonly #rows = new Map<string, TraceRow>();

  constructor(version: number) {
    this.#version = version;
    this.#here = [version, 0];
    this.#gone = [version, 1];
    this.#rowEnd = `\t${version}\t0`;
  }

  /**
   * Puts spans into a trace, and its row. A span that has ended is not replaced by a report that it is running, which came late.
   *
   * @param known  the trace as it is in the store; it is changed
   * @returns the trace as it will be
   */
  putSpans(traceId: string, known: KnownTrace | undefined, prepared: Iterable<EncodedSpan>): KnownTrace {
    let experimentId = known?.experimentId;
    const spans = known?.spans ?? new Map<string, SummarySpan>();
    const digest = known?.digest ?? new SpanDigest(spans.values());
    let hasReplaced = false;
    for (const span of prepared) {
      const { summary } = span;
      experimentId ??= span.experimentId;
      const before = spans.get(summary.spanId);
      if (before !== undefined && isStale(summary, before)) continue;
      this.spans.addEncoded(`${experimentId}\t`, span.row, this.#rowEnd, summary.startTimeUnixNano / 1000n);
      spans.set(summary.spanId, summary);
      if (before === undefined) {
        digest.add(summary);
      } else {
        hasReplaced = true;
        this.#removeIfMoved(before, summary, experimentId);
      }
    }
    const trace = {
      experimentId: experimentId ?? "",
      traceId,
      spans,
      client: known?.client,
      digest: hasReplaced ? new SpanDigest(spans.values()) : digest,
    };
    this.putTrace(trace);
    return trace;
  }

  /** Puts what a client said of a trace, and the row of the trace. @returns the trace as it will be */
  putClientInfo(known: KnownTrace | undefined, info: ClientInfo, nowUs: bigint): KnownTrace {
    const { traceId } = info;
    const experimentId = known?.experimentId ?? info.experimentId;
    const client = joinClientInfo(known?.client, info, nowUs);
    this.clientInfos.add(clientInfoText({ experimentId, traceId, ...client }, this.#version));
    const spans = known?.spans ?? new Map<string, SummarySpan>();
    const trace = { experimentId, traceId, spans, client, digest: known?.digest ?? new SpanDigest(spans.values()) };
    this.putTrace(trace);
    return trace;
  }

  /** The rows of traces that were put, as they will be read. */
  *tracesPut(): Iterable<VersionedRow> {
    for (const row of this.#rows.values()) yield { version: this.#version, row: storedTraceRow(row) };
  }

  /** Puts the row of a trace. */
  putTrace(trace: KnownTrace): void {
    const row = summarizeTrace(trace);
    this.#rows.set(row.traceId, row);
    this.traces.add(traceRow.write(row, this.#here), row.startUs);
  }

  /** Removes the row that was at this key, unless the one just put replaces it. A trace never changes its experiment. */
  removeTraceUnlessPut(old: TraceKey): void {
    if (this.#rows.get(old.traceId)?.startUs === old.startUs) return;
    this.traces.remove(removedTraceText(old, this.#gone), old.startUs);
  }

  /** The hour of the start is part of a span's key: a span that is sent again with another start would be there twice. */
  #removeIfMoved(before: SummarySpan, now: SummarySpan, experimentId: string): void {
    if (before.startTimeUnixNano / NANOS_PER_HOUR === now.startTimeUnixNano / NANOS_PER_HOUR) return;
    const old = { ...before, experimentId };
    this.spans.remove(removedSpanText(old, this.#gone), before.startTimeUnixNano / 1000n);
  }
}

/** Whether a report says that a span runs which is known to have ended: reports of one span may overtake each other. */
export function isStale(
  report: Pick<SpanRecord, "endTimeUnixNano">,
  known: Pick<SpanRecord, "endTimeUnixNano">,
): boolean {
  return report.endTimeUnixNano === 0n && known.endTimeUnixNano !== 0n;
}
