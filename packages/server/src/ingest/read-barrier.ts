/**
 * A telemetry store whose every call first waits for what was acknowledged before it: reads see it, changes come behind it.
 *
 * The rules are tables. A method without a row gets the strictest one (wait for everything, and note in the journal that it is
 * done), so that a new method cannot be forgotten.
 */
import type { CallOptions, TelemetryStore } from "@sightline/store/telemetry-store";
import type { IngestMetrics } from "./ingest-metrics.ts";
import { isStorageFull } from "./store-errors.ts";

export interface BarrierOptions {
  readonly telemetry: TelemetryStore;
  /** Resolves when everything acknowledged is in the store, or everything about some traces; undefined = it is. */
  readonly settled: (traceIds?: readonly string[], signal?: AbortSignal) => Promise<void> | undefined;
  /** Resolves when what is in the store will not be written again by a replay. */
  readonly checkpoint: () => Promise<void>;
  readonly metrics: IngestMetrics;
}

/** What a call waits for; undefined = nothing. */
interface Wait {
  /** Absent = everything. */
  readonly traceIds?: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** It changes traces: a replay must not write over the change. */
  readonly changes?: true;
}

type Method = keyof TelemetryStore;
/** Methods whose answer is an iterable instead of a promise. */
type StreamMethod = {
  [M in Method]: ReturnType<TelemetryStore[M]> extends AsyncGenerator<unknown, void> ? M : never;
}[Method];
type Rule<M extends Method> = (...args: Parameters<TelemetryStore[M]>) => Wait | undefined;

const everything = (options?: CallOptions): Wait => ({ signal: options?.signal });
const traces = (traceIds: readonly string[], options?: CallOptions): Wait => ({ traceIds, signal: options?.signal });

const rules: { readonly [M in Exclude<Method, StreamMethod>]?: Rule<M> } = {
  // Called by the queue behind the barrier, or without any.
  writeSpans: () => undefined,
  prepareSpans: () => undefined,
  writePrepared: () => undefined,
  ping: () => undefined,
  close: () => undefined,
  searchTraces: (_query, options) => everything(options),
  countTraces: (_selection, options) => everything(options),
  aggregate: (_query, options) => everything(options),
  startRange: (_selection, options) => everything(options),
  listValues: (_query, options) => everything(options),
  experimentActivity: () => everything(),
  experimentSizes: () => everything(),
  findInconsistencies: (options) => everything(options),
  beginRemoval: (_id, _selection, options) => everything(options),
  // About space, not about what is in it.
  tableSizes: () => undefined,
  purge: () => undefined,
  endRemoval: () => undefined,
  stats: () => everything(),
  getTraceInfos: traces,
  findMissingTraces: traces,
  getSpans: traces,
  getSpan: (traceId, _spanId, options) => traces([traceId], options),
  getSpanOutlines: (traceId, options) => traces([traceId], options),
  getAssessment: (traceId, _assessmentId, options) => traces([traceId], options),
  getAssessments: traces,
  getTraceLinks: traces,
  // What people and clients add lies in tables of its own, which ingest and its replay never write.
  setTraceTags: (traceId) => traces([traceId]),
  deleteTraceTag: (traceId) => traces([traceId]),
  setTraceMetadata: (traceId) => traces([traceId]),
  deleteTraceMetadata: (traceId) => traces([traceId]),
  putClientInfo: (info) => traces([info.traceId]),
  createAssessment: (assessment) => traces([assessment.traceId]),
  updateAssessment: (traceId) => traces([traceId]),
  deleteAssessment: (traceId) => traces([traceId]),
  linkTraces: (_kind, _target, traceIds) => traces(traceIds),
  unlinkTraces: (_kind, _target, traceIds) => traces(traceIds),
};

const streams: { readonly [M in StreamMethod]: Rule<M> } = {
  readTraces: (_selection, options) => everything(options),
  readParquet: (_selection, _table, options) => everything(options),
};

const STRICTEST: Wait = { changes: true };

/** Wraps a store; the result has the same methods. */
export function withReadBarrier(options: BarrierOptions): TelemetryStore {
  return new Proxy(options.telemetry, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function" || typeof name !== "string") return method;
      const stream = ruleOf(streams, name);
      const rule = stream ?? ruleOf(rules, name) ?? (() => STRICTEST);
      return (...args: unknown[]): unknown => {
        const call = () => Reflect.apply(method, target, args);
        if (stream !== undefined) return behind(() => pass(options, stream(...args)), call);
        const waiting = pass(options, rule(...args));
        return waiting === undefined ? call() : waiting.then(call);
      };
    },
  });
}

/** The rule of a method under its own name; that its arguments are those of the method is what the tables' types say. */
function ruleOf(table: object, name: string): ((...args: unknown[]) => Wait | undefined) | undefined {
  return Object.hasOwn(table, name) ? Reflect.get(table, name) : undefined;
}

async function* behind(wait: () => Promise<void> | undefined, call: () => AsyncIterable<unknown>) {
  await wait();
  yield* call();
}

/** Undefined when there is nothing to wait for. */
function pass(options: BarrierOptions, wait: Wait | undefined): Promise<void> | undefined {
  if (wait === undefined) return undefined;
  const settled = options.settled(wait.traceIds, wait.signal);
  const waited = settled && measure(options.metrics, settled);
  return wait.changes ? noteDone(options, waited) : waited;
}

async function measure(metrics: IngestMetrics, settled: Promise<void>): Promise<void> {
  const started = performance.now();
  try {
    await settled;
  } catch (error) {
    // With a full disk nothing becomes readable until there is room, and to make some a person has to see and delete.
    if (!isStorageFull(error)) throw error;
  } finally {
    metrics.waited(performance.now() - started);
  }
}

async function noteDone({ checkpoint }: BarrierOptions, waited: Promise<void> | undefined): Promise<void> {
  await waited;
  try {
    await checkpoint();
  } catch (error) {
    if (!isStorageFull(error)) throw error;
  }
}
