/**
 * OTLP export requests made of filled templates: many traces in one, one trace, or a slice of a very large trace.
 */
import { fraction, hash } from "./random.ts";
import { type Dialect, requestHead, type SpanTemplate, traceTemplate } from "./span-template.ts";
import { RARE_WORD, RARE_WORD_ZH, writeText, writeWord } from "./text.ts";
import { SPANS_PER_TRACE, seededTrace, type TraceFacts } from "./traces.ts";

/** The span of a trace whose inputs hold the rare word. */
const RARE_SPAN = 3;
/** Different documents that retrievers may find. */
const KNOWLEDGE_BASE = 3000;
/** Spans in one request of a large trace, as many as an SDK's batch may hold. */
const LARGE_TRACE_BATCH = 1000;

/** Large traces lie among the others of the last day, not on the first page. */
const LARGE_TRACE_AGE_MS = 12 * 3_600_000;

/** An `ExportTraceServiceRequest` with the traces, each with its 8 spans. */
export function exportRequest(traces: readonly TraceFacts[], dialect: Dialect): Buffer {
  const templates = traces.map((trace) => traceTemplate(dialect, trace.agent, trace.model, trace.failed));
  const head = requestHead(templates.reduce((sum, { length }) => sum + length, 0));
  const body = Buffer.allocUnsafe(head.length + templates.reduce((sum, { length }) => sum + length, 0));
  let at = head.copy(body);
  for (const [index, trace] of traces.entries()) {
    const { spans } = templates[index] as (typeof templates)[number];
    for (const [place, template] of spans.entries()) {
      const inStep = trace.durationMs / SPANS_PER_TRACE;
      at = writeSpan(body, at, template, trace, {
        number: place,
        parent: template.parent,
        group: 0,
        // The root spans the whole trace, the others follow each other.
        startMs: trace.startMs + (template.isRoot ? 0 : inStep * place),
        durationMs: template.isRoot ? trace.durationMs : inStep * 0.9,
      });
    }
  }
  return body;
}

/**
 * The requests of one trace with `spanCount` spans: a root with sub-agents of seven spans each, in batches.
 *
 * @param index  of the trace; its facts are those of the seeded trace with that index
 */
export function* largeTraceRequests(
  index: number,
  spanCount: number,
  newestMs: number,
  dialect: Dialect,
): Generator<{ readonly body: Buffer; readonly spans: number }> {
  const trace = { ...seededTrace(index, newestMs), startMs: newestMs - LARGE_TRACE_AGE_MS, durationMs: spanCount * 20 };
  const { spans } = traceTemplate(dialect, trace.agent, trace.model, false);
  const inAgent = spans.slice(1);
  for (let first = 0; first < spanCount; first += LARGE_TRACE_BATCH) {
    const numbers = Array.from({ length: Math.min(LARGE_TRACE_BATCH, spanCount - first) }, (_, at) => first + at);
    const templateOf = (number: number) => (number === 0 ? spans[0] : inAgent[(number - 1) % inAgent.length]);
    const chosen = numbers.map((number) => templateOf(number) as SpanTemplate);
    const length = chosen.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const head = requestHead(length);
    const body = Buffer.allocUnsafe(head.length + length);
    let at = head.copy(body);
    for (const [place, number] of numbers.entries()) {
      const inGroup = (number - 1) % inAgent.length;
      at = writeSpan(body, at, chosen[place] as SpanTemplate, trace, {
        number,
        // The first of a group hangs below the root, the others below the first.
        parent: number === 0 ? -1 : inGroup === 0 ? 0 : number - inGroup,
        group: Math.floor(number / inAgent.length),
        startMs: trace.startMs + number * 20,
        durationMs: number === 0 ? trace.durationMs : 18,
      });
    }
    yield { body, spans: numbers.length };
  }
}

interface SpanFacts {
  /** Of the span in its trace; 0 is the root. */
  readonly number: number;
  /** Number of the parent; -1 for the root. */
  readonly parent: number;
  /** Spans of one group share texts. */
  readonly group: number;
  readonly startMs: number;
  readonly durationMs: number;
}

/** Copies the template and fills its gaps; returns where it ended. */
function writeSpan(body: Buffer, at: number, template: SpanTemplate, trace: TraceFacts, span: SpanFacts): number {
  template.bytes.copy(body, at);
  trace.traceId.copy(body, at + template.traceId);
  writeSpanId(body, at + template.spanId, trace.index, span.number);
  if (template.parentSpanId !== undefined) writeSpanId(body, at + template.parentSpanId, trace.index, span.parent);
  const startNs = toNanoseconds(span.startMs);
  const endNs = startNs + toNanoseconds(span.durationMs);
  body.writeBigUInt64LE(startNs, at + template.start);
  body.writeBigUInt64LE(endNs, at + template.end);
  if (template.eventTime !== undefined) body.writeBigUInt64LE(endNs, at + template.eventTime);
  body.write(trace.session, at + template.session);
  body.write(trace.user, at + template.user);
  if (template.env !== undefined) body.write(trace.env, at + template.env);
  if (template.severity !== undefined) body.write(trace.severity, at + template.severity);
  const { inputs, outputs } = template;
  for (const gap of [inputs, outputs]) {
    const own = fraction(trace.index, 100 + gap.text + 8 * span.group);
    // A retriever finds what others found before: popular documents more often.
    const place = gap.isDocument ? fraction(Math.floor(own ** 2 * KNOWLEDGE_BASE), 99) : own;
    writeText(trace.script, place, body, at + gap.offset, gap.length);
  }
  if (trace.rare !== undefined && span.number === RARE_SPAN) {
    writeWord(trace.rare === "en" ? RARE_WORD : RARE_WORD_ZH, trace.rare, body, at + inputs.offset, 120);
  }
  return at + template.bytes.length;
}

function writeSpanId(body: Buffer, at: number, index: number, number: number): void {
  body.writeUInt32BE((hash(index, 15) ^ hash(number, 16)) >>> 0, at);
  body.writeUInt32BE((hash(index, 17) + number) >>> 0, at + 4);
}

/** Times are microseconds in truth: enough, and exact in a double. */
function toNanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n;
}
