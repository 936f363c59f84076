/**
 * A trace that was read from a server: plain data, with a few questions that one asks it.
 */
import { SightlineError } from "@sightline/wire/errors";
import { parseJson } from "@sightline/wire/json";
import type { Span } from "@sightline/wire/model/span";
import type { SpanType } from "@sightline/wire/model/span-type";
import type { TraceInfo } from "@sightline/wire/model/trace";

/** Which spans; a span must satisfy all that is given. */
export interface SpanQuery {
  /** E.g. `SpanType.TOOL`. */
  readonly type?: SpanType | undefined;
  /** The whole name, or a pattern that it holds. */
  readonly name?: string | RegExp | undefined;
}

/** What a trace is as JSON: `POST /api/v1/traces/search` answers it, and a line of an export is one. */
export interface TraceJson {
  readonly info: TraceInfo;
  readonly spans?: readonly Span[];
}

type Inspect = (value: unknown, options: object) => string;

/**
 * A trace as the server has it.
 *
 * `spans` is there after `getTrace` and after a search with `include: ["spans"]`: in order of their start, the root first.
 * `JSON.stringify` and {@link Trace.fromJSON} give and take all of it.
 */
export class Trace<Spans extends readonly Span[] | undefined = readonly Span[]> {
  readonly info: TraceInfo;
  declare readonly spans: Spans;

  constructor(info: TraceInfo, spans: Spans) {
    this.info = info;
    // Not there at all when it was not asked for, as in the JSON.
    if (spans !== undefined) this.spans = spans;
  }

  /**
   * The span that has no parent in this trace, of several the earliest; undefined in a trace without spans.
   *
   * @throws INVALID_PARAMETER if the trace was found without its spans
   */
  get root(): Span | undefined {
    const spans = this.#spans();
    const ids = new Set(spans.map(({ spanId }) => spanId));
    return spans.find(({ parentSpanId }) => parentSpanId === undefined || !ids.has(parentSpanId));
  }

  /**
   * The spans of a type, with a name, or both; in the order of their start.
   *
   * ```ts
   * const tools = trace.findSpans({ type: SpanType.TOOL, name: /^search_/ });
   * ```
   *
   * @throws INVALID_PARAMETER if the trace was found without its spans
   */
  findSpans({ type, name }: SpanQuery = {}): Span[] {
    return this.#spans().filter(
      (span) => (type === undefined || span.spanType === type) && (name === undefined || isNamed(span, name)),
    );
  }

  /** The data of the trace: what `JSON.stringify` writes. */
  toJSON(): TraceJson {
    return this.spans === undefined ? { info: this.info } : { info: this.info, spans: this.spans };
  }

  /**
   * Reads what `toJSON` gave, a line of an export, or the answer of the API.
   *
   * @param json  the object, or its text
   * @throws INVALID_PARAMETER for what is no trace
   */
  static fromJSON(json: unknown): Trace<readonly Span[] | undefined> {
    const value = typeof json === "string" ? parseJson(json) : json;
    if (!isTraceJson(value)) {
      throw new SightlineError(
        "INVALID_PARAMETER",
        "This is not the JSON of a trace: it is { info, spans? }, and info has a traceId.",
      );
    }
    return new Trace(value.info, value.spans);
  }

  /** One line inside of other values, e.g. in a cell of `console.table`; everything when a trace is printed itself. */
  [Symbol.for("nodejs.util.inspect.custom")](depth: number, options: object, inspect: Inspect): string {
    if (depth > 0) return `Trace ${inspect(this.toJSON(), options)}`;
    const { traceId, state, spanCount } = this.info;
    return `${traceId} (${state}, ${spanCount} ${spanCount === 1 ? "span" : "spans"})`;
  }

  #spans(): readonly Span[] {
    if (this.spans !== undefined) return this.spans;
    throw new SightlineError(
      "INVALID_PARAMETER",
      `Trace ${this.info.traceId} was found without its spans. Search with include: ["spans"], or call getTrace.`,
    );
  }
}

function isNamed(span: Span, name: string | RegExp): boolean {
  // `search` starts at the beginning whatever `lastIndex` of the pattern is.
  return typeof name === "string" ? span.name === name : span.name.search(name) !== -1;
}

function isTraceJson(value: unknown): value is TraceJson {
  if (!isRecord(value) || !isRecord(value.info) || typeof value.info.traceId !== "string") return false;
  return value.spans === undefined || Array.isArray(value.spans);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
