/**
 * What all copies of the SDK in a process share: two of them (a duplicated package, a bundle beside it, ESM and CommonJS) trace as
 * one, send once, and see each other's spans as parents.
 *
 * The number in the key is the version of this shape, of spans and of exporters as the copies use each other's; copies that differ
 * in it do not know of each other.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { type Counters, newCounters } from "./export/counters.ts";
import type { Exporter } from "./export/exporter.ts";
import type { OverheadMeter } from "./overhead/meter.ts";
import type { Runtime } from "./runtime.ts";
import type { ContextEntry } from "./tracing/context.ts";
import type { Baggage } from "./tracing/w3c.ts";

export interface SharedState {
  /** Our own storage: OpenTelemetry's global context manager stays the user's. */
  readonly storage: AsyncLocalStorage<ContextEntry>;
  /** What came in as W3C baggage, for whom this process calls in turn. */
  readonly baggage: AsyncLocalStorage<Baggage>;
  /** More than zero while an OpenTelemetry span that stands for one of ours is being made; all of that is synchronous. */
  companionStarts: number;
  /** Numbers of the process, across `init()` calls. */
  readonly counters: Counters;
  /** Exporters that still have work, each with what takes it out of the care for exits. */
  readonly live: Map<Exporter, () => void>;
  /** Kinds of messages that were said. */
  readonly said: Set<string>;
  /** How often the SDK itself failed. */
  failures: number;
  /** Headers of incoming requests that were ignored. */
  malformedHeaders: number;
  /** What new traces belong to; undefined before `init()` and after `shutdown()`. */
  runtime: Runtime | undefined;
  /** That of the last runtime, for calls to the server after `shutdown()`. */
  previous: Runtime["config"] | undefined;
  /** Whether the environment was looked at, or `init()` or `shutdown()` made that needless. */
  isDecided: boolean;
  /** False between `disable()` and `enable()`. */
  isEnabled: boolean;
  /** The trace (32 hex digits) that a recorded root began or ended last. */
  lastTraceId: string | undefined;
  /** Set by the copy that loads its meter first. */
  overhead: OverheadMeter | undefined;
}

const KEY = Symbol.for("sightline.sdk.1");

/** The one state of the process (of the thread and realm, to be exact). */
export const shared: SharedState = findOrCreate();

function findOrCreate(): SharedState {
  const holder = globalThis as { [KEY]?: SharedState };
  holder[KEY] ??= {
    storage: new AsyncLocalStorage(),
    baggage: new AsyncLocalStorage(),
    companionStarts: 0,
    counters: newCounters(),
    live: new Map(),
    said: new Set(),
    failures: 0,
    malformedHeaders: 0,
    runtime: undefined,
    previous: undefined,
    isDecided: false,
    isEnabled: true,
    lastTraceId: undefined,
    overhead: undefined,
  };
  return holder[KEY];
}
