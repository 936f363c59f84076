/**
 * Begins spans: finds the parent, and decides for the root of a trace whether it is recorded and where it goes.
 */
import { sayOnce } from "../diagnostics.ts";
import { SAMPLED_ROOTS } from "../overhead/guard.ts";
import { overhead } from "../overhead/meter.ts";
import type { Runtime } from "../runtime.ts";
import { TraceClock } from "./clock.ts";
import { activeEntry, type ContextEntry, type OwnSpan, spanOf } from "./context.ts";
import { newTraceId } from "./ids.ts";
import type { LiveSpan, RemoteParent, SpanOptions } from "./live-span.ts";
import { toReference } from "./reference.ts";
import { isInPart, isSampled } from "./sampling.ts";
import { KIND_INTERNAL, RecordingSpan } from "./span.ts";
import type { Route } from "./span-record.ts";
import { toMillis } from "./span-time.ts";
import { UnsampledSpan } from "./unsampled-span.ts";

/**
 * Begins a span of ours under `options.parent`, else under what is current in `entry`; without either it begins a trace.
 *
 * Children of a trace that is not recorded are the span of that trace itself.
 *
 * @param entry  default: the innermost one here
 */
export function beginSpan(runtime: Runtime, options: SpanOptions, entry = activeEntry()): OwnSpan {
  const parent = options.parent === undefined ? inherited(entry) : given(options.parent, entry);
  if (parent === undefined) return beginRoot(runtime, options, entry, undefined);
  if (!isOwn(parent)) return beginRoot(runtime, options, entry, parent);
  return parent.kind === "unsampled" ? parent : beginChild(runtime, options, parent, entry?.scope);
}

function beginChild(runtime: Runtime, options: SpanOptions, parent: RecordingSpan, scope: Route | undefined): OwnSpan {
  const startMs = startOf(options) ?? parent.clock.now();
  const { record, traceState, clock } = parent;
  const companion = runtime.companion?.start({ name: options.name, kind: kindOf(options), startMs, parent: record });
  const span = new RecordingSpan(options, {
    parent,
    traceId: record.traceId,
    parentSpanId: record.spanId,
    route: record.route,
    scope,
    traceState,
    companion,
    clock,
    startMs,
  });
  record.route.exporter.onStart(span.record);
  return span;
}

function beginRoot(
  runtime: Runtime,
  options: SpanOptions,
  entry: ContextEntry | undefined,
  remote: RemoteParent | undefined,
): OwnSpan {
  const scope = entry?.scope;
  const clock = new TraceClock();
  const startMs = startOf(options) ?? clock.now();
  // Decided before the other system begins a span: it would never end one that we leave out.
  const candidate =
    remote?.traceId ?? (options.parent === null ? undefined : runtime.companion?.currentTraceId()) ?? newTraceId();
  if (!decide(runtime, options, candidate, remote)) {
    return new UnsampledSpan({ traceId: candidate, scope, traceState: remote?.traceState });
  }
  const companion = runtime.companion?.start({
    name: options.name,
    kind: kindOf(options),
    startMs,
    ...(remote && { remote }),
    isRoot: options.parent === null,
  });
  const traceId = companion?.traceId ?? candidate;
  if (companion?.isRecording === false) {
    return new UnsampledSpan({ traceId, scope, traceState: remote?.traceState, companion });
  }
  const span = new RecordingSpan(options, {
    parent: undefined,
    traceId,
    parentSpanId: remote?.spanId ?? "",
    route: destinationOf(runtime, options) ?? scope ?? runtime.route,
    scope,
    traceState: remote?.traceState,
    companion,
    clock,
    startMs,
  });
  if (entry?.kind === "frame" && entry.attributes) span.setAttributes(entry.attributes);
  span.record.route.exporter.onStart(span.record);
  return span;
}

function decide({ config }: Runtime, options: SpanOptions, traceId: string, remote: RemoteParent | undefined): boolean {
  // Independent of the sampler's digits: else a part of a tenth that was sampled already would be all of it. The first eight are
  // left out because some systems put the time there.
  if (overhead.mode === "sampling" && !isInPart(traceId.slice(8, 21), 1 / SAMPLED_ROOTS)) return false;
  // The root of the trace has decided, in whichever process it was.
  if (remote !== undefined) return remote.isSampled ?? true;
  const { name, spanType = "UNKNOWN", attributes = {}, inputs } = options;
  return config.sampler === 1 || isSampled(config.sampler, traceId, { name, spanType, attributes, inputs });
}

function destinationOf(runtime: Runtime, { destination, experiment }: SpanOptions): Route | undefined {
  if (destination === undefined && experiment === undefined) return undefined;
  return runtime.routeTo(experiment === undefined ? { ...destination } : { ...destination, experiment });
}

function inherited(entry: ContextEntry | undefined): OwnSpan | RemoteParent | undefined {
  return spanOf(entry) ?? (entry?.kind === "frame" ? entry.remote : undefined);
}

function given(
  parent: LiveSpan | RemoteParent | null,
  entry: ContextEntry | undefined,
): OwnSpan | RemoteParent | undefined {
  if (parent === null) return undefined;
  if (isOwn(parent)) return parent.isOff ? inherited(entry) : parent;
  const reference = toReference(parent);
  if (reference !== undefined) return { ...(parent as RemoteParent), ...reference };
  sayOnce(
    "bad-parent",
    "warn",
    "A parent was given that is neither a span nor { traceId, spanId }; the current span is.",
  );
  return inherited(entry);
}

/** Every `LiveSpan` is ours, or that of another copy of the SDK; what else has ids comes from another process. */
function isOwn(parent: LiveSpan | RemoteParent): parent is OwnSpan {
  return "kind" in parent;
}

function kindOf({ kind = KIND_INTERNAL }: SpanOptions): number {
  return kind;
}

function startOf({ startTime }: SpanOptions): number | undefined {
  return startTime === undefined ? undefined : toMillis(startTime);
}
