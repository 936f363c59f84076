/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The public names of `@sightline/sdk`.
 */
export { SpanType } from "@sightline/wire/model/span-type";
export type { Autolog, AutologOptions } from "./autolog/instrument.ts";
export { autolog, openai } from "./autolog/registry.ts";
export {
  deleteTraceTag,
  type FoundTrace,
  getTrace,
  searchTraces,
  setTraceTag,
  type TraceSearch,
} from "./client.ts";
export type { InitOptions } from "./config.ts";
export { flush, init, type Stats, shutdown, stats } from "./init.ts";
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
export {
  getTraceHeaders,
  type HeaderSource,
  type TraceHeaderOptions,
  withTraceHeaders,
} from "./tracing/propagation.ts";
export type { SpanTime } from "./tracing/span-time.ts";
export {
  startSpan,
  type TraceDecorator,
  type TraceOptions,
  trace,
  withSpan,
} from "./tracing/trace.ts";
