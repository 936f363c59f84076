/**
 * Whole traces of a selection, as a stream.
 *
 * Traces are found page by page, newest first; the spans of a run of them, a few megabytes, are then read in one query. The run's
 * window of time is part of the query: with it the sort key leads to the spans, which Bloom filters of the ids alone would look for
 * in every part of the table.
 */
import type { TraceInfo } from "@sightline/wire/model/trace";
import { parseRfc3339 } from "@sightline/wire/time";
import type { CallOptions, StoredSpan, TraceSelection } from "../telemetry-store.ts";
import type { TracePart } from "../trace-transfer.ts";
import { earliest, latest, momentUs } from "./moments.ts";
import type { Queries } from "./queries.ts";
import { storedSpan } from "./spans.ts";
import { param, type Sql, sql } from "./sql.ts";
import { searchTraces } from "./trace-pages.ts";
import type { TraceReader } from "./traces.ts";

/** Rows of traces read at a time. */
const TRACES_IN_PAGE = 500;
/** Spans in one query, unless one trace has more: 5 MB of usual spans, which the embedded engine still answers in one piece. */
const SPANS_IN_RUN = 4000;
/** A part of a trace ends at this many characters of payloads and attributes. */
const CHARS_IN_PART = 32 * 1024 * 1024;

/** @see TraceTransfer.readTraces */
export async function* readTraces(
  reader: TraceReader,
  selection: TraceSelection,
  options: CallOptions,
): AsyncGenerator<TracePart, void> {
  for await (const infos of readRuns(reader, selection, options)) yield* readRun(reader.queries, infos, options);
}

/** The traces of a selection, newest first, in runs of about {@link SPANS_IN_RUN} spans together; at least one trace a run. */
export async function* readRuns(
  reader: TraceReader,
  selection: TraceSelection,
  options: CallOptions,
  spansInRun: () => number = () => SPANS_IN_RUN,
): AsyncGenerator<readonly TraceInfo[], void> {
  const order = { key: "timestamp_ms", direction: "DESC" } as const;
  let run: TraceInfo[] = [];
  let spans = 0;
  let page = await searchTraces(reader, { ...selection, order, limit: TRACES_IN_PAGE }, options);
  for (;;) {
    for (const info of page.traces) {
      if (run.length > 0 && spans + info.spanCount > spansInRun()) {
        yield run;
        run = [];
        spans = 0;
      }
      run.push(info);
      spans += info.spanCount;
    }
    if (page.next === undefined) break;
    page = await searchTraces(reader, { ...selection, order, limit: TRACES_IN_PAGE, after: page.next }, options);
  }
  if (run.length > 0) yield run;
}

async function* readRun(
  queries: Queries,
  infos: readonly TraceInfo[],
  options: CallOptions,
): AsyncGenerator<TracePart, void> {
  const ids = infos.map((info) => info.traceId);
  const spans = readSpans(
    queries,
    sql`${spansInWindow(infos)} ORDER BY indexOf(${param(ids, "Array(String)")}, trace_id), start_time, span_id`,
    options,
  );
  // One span is looked ahead at, since a trace ends where the next one begins.
  let next = await spans.next();
  try {
    for (const info of infos) {
      let part = new SpansOfPart();
      let count = 0;
      for (; next.value?.traceId === info.traceId; next = await spans.next()) {
        if (part.isFull) {
          yield { info, spans: part.spans };
          part = new SpansOfPart();
        }
        part.add(next.value);
        count += 1;
      }
      if (count < info.spanCount) {
        for await (const span of readSpans(
          queries,
          sql`${spansElsewhere([info])} ORDER BY start_time, span_id`,
          options,
        )) {
          part.add(span);
          count += 1;
        }
      }
      // Deleted since its row was read: a trace that had spans and has none is no trace.
      if (count > 0 || info.spanCount === 0) yield { info, spans: part.spans };
    }
  } finally {
    await spans.return(undefined);
  }
}

class SpansOfPart {
  readonly spans: StoredSpan[] = [];
  #chars = 0;

  get isFull(): boolean {
    return this.#chars > CHARS_IN_PART;
  }

  add(span: StoredSpan): void {
    this.spans.push(span);
    this.#chars += countChars(span);
  }
}

async function* readSpans(queries: Queries, where: Sql, options: CallOptions): AsyncGenerator<StoredSpan, undefined> {
  const query = sql`SELECT ${storedSpan.select} FROM ${queries.table("spans")} FINAL WHERE ${where}`;
  for await (const rows of queries.stream(query, options)) for (const cells of rows) yield storedSpan.read(cells);
  return undefined;
}

/** Conditions on `spans` for the spans of these traces that lie where their rows say. */
export function spansInWindow(infos: readonly TraceInfo[]): Sql {
  return sql`${window(infos)} AND ${ofTraces(infos)}`;
}

/** Conditions for their other spans: there are some if a client gave a trace other times than its spans have. */
export function spansElsewhere(infos: readonly TraceInfo[]): Sql {
  return sql`NOT (${window(infos)}) AND ${ofTraces(infos)}`;
}

function ofTraces(infos: readonly TraceInfo[]): Sql {
  const ids = infos.map((info) => info.traceId);
  return sql`trace_id IN ${param(ids, "Array(String)")}`;
}

function window(infos: readonly TraceInfo[]): Sql {
  const experimentIds = [...new Set(infos.map((info) => info.experimentId))];
  const starts = infos.map(startUs);
  const ends = infos.map((info) => startUs(info) + BigInt(Math.ceil(info.durationMs * 1000)));
  return sql`experiment_id IN ${param(experimentIds, "Array(String)")}
    AND start_time >= ${momentUs(earliest(starts[0] ?? 0n, starts))}
    AND start_time < ${momentUs(latest(ends[0] ?? 0n, ends) + 1n)}`;
}

function startUs(info: TraceInfo): bigint {
  // The store formats it itself, with microseconds.
  return (parseRfc3339(info.requestTime) ?? 0n) / 1000n;
}

function countChars(span: StoredSpan): number {
  let count = (span.inputs?.json.length ?? 0) + (span.outputs?.json.length ?? 0);
  for (const key in span.attributes) count += key.length + (span.attributes[key]?.length ?? 0);
  return count;
}
