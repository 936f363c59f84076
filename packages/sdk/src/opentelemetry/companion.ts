/**
 * `init({ provider: "global" })`: our spans and those of the program's own OpenTelemetry set-up are one tree.
 *
 * For each span of ours one is begun in the global provider, and its ids are taken over. It runs as the active one, so that
 * instrumentations (HTTP, databases) begin under it, and ours begin under theirs. Payloads go to Sightline only.
 */
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  createTraceState,
  isSpanContextValid,
  type Span,
  type SpanKind,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { safely, sayOnce } from "../diagnostics.ts";
import { SCOPE } from "../export/exporter.ts";
import type { Companion, CompanionSpan } from "../tracing/companion.ts";
import { newSpanId, newTraceId } from "../tracing/ids.ts";
import { isSnapshot, type RecordValue, type SpanRecord } from "../tracing/span-record.ts";
import { startMarked } from "./companion-mark.ts";

type Begun = Parameters<Companion["start"]>[0];

export interface CompanionOptions {
  /** A mask is set: what it would have to see (attributes, events, messages) stays out of the other system. */
  readonly isMasked: boolean;
}

/** In contexts inside a span of ours: its id. Contexts that others derive from them have it too. */
const INSIDE = createContextKey("sightline span");

/** A companion that begins spans in the provider that is registered globally at that moment. */
export function globalCompanion(options: CompanionOptions): Companion {
  return {
    currentTraceId: () => trace.getSpanContext(context.active())?.traceId,
    start: (begun) => start(begun, options),
  };
}

function start(begun: Begun, options: CompanionOptions): CompanionSpan {
  const around = contextOf(begun);
  const parentSpanId = trace.getSpanContext(around)?.spanId ?? "";
  const tracer = trace.getTracer(SCOPE.name, SCOPE.version);
  // OpenTelemetry's API counts kinds from 0, OTLP from 1.
  const spanOptions = { startTime: begun.startMs, kind: (begun.kind - 1) as SpanKind };
  const span = startMarked(() => tracer.startSpan(begun.name, spanOptions, around));
  const spanContext = span.spanContext();
  // Without a provider, the API hands back the parent's context or an invalid one.
  if (!isSpanContextValid(spanContext) || spanContext.spanId === parentSpanId) return alone(begun);
  return {
    traceId: spanContext.traceId,
    spanId: spanContext.spanId,
    parentSpanId,
    isRecording: (spanContext.traceFlags & TraceFlags.SAMPLED) !== 0,
    run: (work) =>
      context.with(trace.setSpan(context.active(), span).setValue(INSIDE, spanContext.spanId), () => work()),
    end: (record) => void safely("ending a span of OpenTelemetry", () => end(span, record, options)),
  };
}

/** The context to begin in: the innermost span, ours or another's, is the parent. */
function contextOf({ parent, remote, isRoot = false }: Begun): Context {
  const active = context.active();
  const current = trace.getSpanContext(active);
  if (isRoot) return trace.deleteSpan(active);
  if (parent !== undefined) {
    const { traceId, spanId } = parent;
    // Whatever is active inside the parent is the parent or below it. Elsewhere the parent was given by the user.
    const isInside = active.getValue(INSIDE) === spanId && current?.traceId === traceId;
    return isInside ? active : trace.setSpanContext(active, { traceId, spanId, traceFlags: TraceFlags.SAMPLED });
  }
  // An instrumentation may have read the same headers and begun its span for the request.
  if (remote === undefined || current?.traceId === remote.traceId) return active;
  const { traceId, spanId, isSampled = true, traceState } = remote;
  return trace.setSpanContext(active, {
    traceId,
    spanId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(traceState !== undefined && { traceState: createTraceState(traceState) }),
  });
}

/** A span of ours without company. */
function alone({ parent, remote }: Begun): CompanionSpan {
  sayOnce(
    "no-provider",
    "warn",
    'init({ provider: "global" }) joins the program\'s OpenTelemetry set-up, but the global tracer provider gave no span: none is registered, or tracing is suppressed. Spans go to Sightline all the same.',
  );
  return {
    traceId: parent?.traceId ?? remote?.traceId ?? newTraceId(),
    spanId: newSpanId(),
    parentSpanId: parent?.spanId ?? remote?.spanId ?? "",
    isRecording: true,
    run: (work) => work(),
    end: () => undefined,
  };
}

function end(span: Span, record: SpanRecord, { isMasked }: CompanionOptions): void {
  if (!span.isRecording()) return;
  span.updateName(record.name);
  const message = isMasked || record.statusMessage === "" ? {} : { message: record.statusMessage };
  span.setStatus({ code: record.statusCode, ...message });
  if (!isMasked) {
    span.setAttributes(plain(record.attributes));
    for (const { name, timeMs, attributes } of record.events) span.addEvent(name, plain(attributes), timeMs);
  }
  span.end(record.endMs);
}

/** Attributes that OpenTelemetry has a form for. Snapshots (inputs, outputs) become text only later, and only for Sightline. */
function plain(attributes: ReadonlyMap<string, RecordValue>): Attributes {
  const kept: Attributes = {};
  for (const [key, value] of attributes) {
    if (typeof value !== "object" || !isSnapshot(value)) kept[key] = value as string;
  }
  return kept;
}
