/**
 * Traces as rows: for a look by `console.table`, and to drop what was asked twice.
 */
import { preview, stringifyJson } from "@sightline/wire/json";
import type { Span } from "@sightline/wire/model/span";
import type { TraceState } from "@sightline/wire/model/trace";
import type { Trace } from "./trace.ts";

/** A trace with or without its spans. */
export type AnyTrace = Trace<readonly Span[] | undefined>;

/** A trace as a row of a table. */
export interface TraceRow {
  readonly traceId: string;
  /** What was asked: one line, at most `maxChars` long. */
  readonly request: string;
  /** What was answered, in the same way; of a failed trace the error. */
  readonly response: string;
  readonly status: TraceState;
  readonly durationMs: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly trace: AnyTrace;
}

/** Which traces become rows, and how long their texts are. */
export interface TableOptions {
  /**
   * Of traces that have the same under a field, the first stays. `request` and `response` are compared as a whole, not as they are
   * cut for the table. A function gives what is compared, e.g. `({ info }) => info.sessionId`.
   */
  readonly dropDuplicatesBy?: Exclude<keyof TraceRow, "trace"> | ((trace: AnyTrace) => unknown) | undefined;
  /** Longest request and response; default 80, `Infinity` = all of the previews that the server keeps (1,000 characters). */
  readonly maxChars?: number | undefined;
}

/**
 * One row a trace, in their order.
 *
 * ```ts
 * const traces = await searchTraces({ filter: "status = 'OK'" });
 * console.table(toTable(traces, { dropDuplicatesBy: "request" }), ["request", "response", "durationMs", "tags"]);
 * ```
 */
export function toTable(traces: Iterable<AnyTrace>, options: TableOptions = {}): TraceRow[] {
  const { dropDuplicatesBy, maxChars = 80 } = options;
  const seen = new Set<string>();
  const rows: TraceRow[] = [];
  for (const trace of traces) {
    if (dropDuplicatesBy !== undefined) {
      const compared = stringifyJson(comparedOf(trace, dropDuplicatesBy));
      if (seen.has(compared)) continue;
      seen.add(compared);
    }
    rows.push(toRow(trace, maxChars));
  }
  return rows;
}

function toRow(trace: AnyTrace, maxChars: number): TraceRow {
  const { traceId, requestPreview = "", responsePreview, errorPreview = "", state, durationMs, tags } = trace.info;
  return {
    traceId,
    request: oneLine(requestPreview, maxChars),
    response: oneLine(responsePreview ?? errorPreview, maxChars),
    status: state,
    durationMs,
    tags: readable(tags),
    trace,
  };
}

/** What tells two traces apart. The whole payloads when the spans are there, since previews are cut. */
function comparedOf(trace: AnyTrace, by: NonNullable<TableOptions["dropDuplicatesBy"]>): unknown {
  if (typeof by === "function") return by(trace);
  const { info } = trace;
  const root = trace.spans === undefined ? undefined : trace.root;
  switch (by) {
    case "request":
      return root === undefined ? info.requestPreview : root.inputs;
    case "response":
      return root === undefined ? info.responsePreview : root.outputs;
    case "status":
      return info.state;
    case "tags":
      return Object.entries(info.tags).sort(([one], [other]) => (one < other ? -1 : 1));
    default:
      return info[by];
  }
}

function oneLine(text: string, maxChars: number): string {
  return preview(text.replace(/\s+/g, " ").trim(), maxChars);
}

/** The same tags, which a cell of `console.table` shows as `env=prod team=a` rather than as `[Object]`. */
function readable(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const show = () =>
    Object.entries(tags)
      .map(([key, value]) => `${key}=${value}`)
      .join(" ");
  return Object.defineProperty({ ...tags }, Symbol.for("nodejs.util.inspect.custom"), { value: show });
}
