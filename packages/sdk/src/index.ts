/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The public names of `@sightline/sdk`.
 */
export { SpanType } from "@sightline/wire/model/span-type";
export type { Autolog, AutologOptions } from "./autolog/instrument.ts";
export { autolog, openai } from "./autolog/registry.ts";
export { Attachment } from "./capture/attachments.ts";
export type { Mask, MaskPlace } from "./capture/mask.ts";
export type { AssessmentChanges, Expectation, Feedback } from "./client/assessments.ts";
export {
  deleteTraceTag,
  getTrace,
  iterateTraces,
  logExpectation,
  logFeedback,
  searchTraces,
  setTraceTag,
} from "./client/default-client.ts";
export type { ListedExperiment, TraceDeletion } from "./client/experiments.ts";
export type { SpanEnd, StartChildOptions, StartTraceOptions, TraceEnd } from "./client/manual-spans.ts";
export type {
  Metric,
  MetricMoment,
  MetricPoint,
  NewRun,
  ParamValue,
  Run,
  RunChanges,
  RunSearch,
} from "./client/runs.ts";
export type { FoundTrace, SearchWithSpans, TraceSearch } from "./client/search-traces.ts";
export { type ClientOptions, SightlineClient } from "./client/sightline-client.ts";
export { type SpanQuery, Trace, type TraceJson } from "./client/trace.ts";
export { type AnyTrace, type TableOptions, type TraceRow, toTable } from "./client/trace-table.ts";
export type { InitOptions } from "./config.ts";
export {
  afterResponse,
  type ExecutionContext,
  flushAfter,
  type LambdaContext,
  type WaitUntil,
  wrapLambda,
} from "./export/serverless.ts";
export { disable, enable, flush, init, type Stats, shutdown, stats } from "./init.ts";
export type { OverheadMode } from "./overhead/guard.ts";
export type { OverheadStats } from "./overhead/meter.ts";
export { bind, type WorkerContext, withWorkerContext, workerContext } from "./tracing/carry.ts";
export { getCurrentSpan } from "./tracing/context.ts";
export { getLastActiveTraceId, type TraceUpdate, updateCurrentTrace } from "./tracing/current.ts";
export type {
  Destination,
  EndOptions,
  LiveSpan,
  RemoteParent,
  SpanOptions,
  SpanReference,
} from "./tracing/live-span.ts";
export type { OriginPattern } from "./tracing/outgoing.ts";
export {
  getTraceHeaders,
  type HeaderSource,
  type TraceHeaderOptions,
  withTraceHeaders,
} from "./tracing/propagation.ts";
export type { SampledRoot, Sampler } from "./tracing/sampling.ts";
export type { SpanTime } from "./tracing/span-time.ts";
export { startSpan, type TraceDecorator, trace, withDestination, withSpan } from "./tracing/trace.ts";
export type { TraceOptions } from "./tracing/traced-function.ts";
