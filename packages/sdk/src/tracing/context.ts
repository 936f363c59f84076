/**
 * What runs here: the current span, across everything asynchronous.
 */
import { enter, innermost } from "./entry-storage.ts";
import type { LiveSpan, RemoteParent } from "./live-span.ts";
import type { RecordingSpan } from "./span.ts";
import type { Route } from "./span-record.ts";
import type { UnsampledSpan } from "./unsampled-span.ts";

/** A span of ours, recorded or not. */
export type OwnSpan = RecordingSpan | UnsampledSpan;

/** Says something about the traces that begin in it, without being a span. */
export interface ContextFrame {
  readonly kind: "frame";
  /** The span around it. */
  readonly span: OwnSpan | undefined;
  /** Parent of the spans that begin in it, when there is no span around it. */
  readonly remote: RemoteParent | undefined;
  /** Where traces that begin in it go; undefined = to where `init()` says. */
  readonly scope: Route | undefined;
  /** Attributes of the spans that begin a trace here, or this process's part of one. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}

/** Told apart by `kind`, not by class: another copy of the SDK may have made it. */
export type ContextEntry = OwnSpan | ContextFrame;

/** The innermost entry here; undefined outside of all. */
export function activeEntry(): ContextEntry | undefined {
  // Only spans, which enter themselves, and `runIn` put anything there.
  return innermost() as ContextEntry | undefined;
}

/** Runs `work`, and everything asynchronous that begins in it, with `entry` as the innermost. */
export function runIn<T>(entry: ContextEntry, work: () => T): T {
  return enter(entry, work);
}

/** The recorded span whose work is running, in asynchronous code too; undefined outside of every span. */
export function activeSpan(): RecordingSpan | undefined {
  const span = spanOf(activeEntry());
  return span?.kind === "recording" ? span : undefined;
}

/**
 * The current span, in everything that a traced function calls; undefined outside of every span. In a trace that the sampler left
 * out it takes everything and keeps nothing (`isRecording` is false).
 */
export function getCurrentSpan(): LiveSpan | undefined {
  return spanOf(activeEntry());
}

/** The span of an entry: itself, or the one around it. */
export function spanOf(entry: ContextEntry | undefined): OwnSpan | undefined {
  return entry?.kind === "frame" ? entry.span : entry;
}
