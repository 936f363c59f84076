/**
 * The trace that is running: its id, and what is said about it as a whole.
 */

import { toTraceId } from "@sightline/wire/ids";
import { safely, sayOnce } from "../diagnostics.ts";
import { activeRuntime } from "../runtime.ts";
import { activeEntry, activeSpan, spanOf } from "./context.ts";
import { lastNotedTrace } from "./entry-storage.ts";
import type { LiveSpan } from "./live-span.ts";

/**
 * The id of the trace that is running here (`tr-` + 32 hex digits); outside of every trace, of the one that began or ended last in
 * this process. Undefined before the first.
 */
export function getLastActiveTraceId(): string | undefined {
  const noted = lastNotedTrace();
  return activeSpan()?.traceId ?? (noted === undefined ? undefined : toTraceId(noted));
}

/** What can be said about a trace as a whole. */
export interface TraceUpdate {
  /** Can be searched with `tags.<key>`, shown on the trace and changed later. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Facts that do not change, e.g. the version of the program. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Groups the traces of a conversation. */
  readonly sessionId?: string | undefined;
  readonly userId?: string | undefined;
  /** Version of the agent that ran, e.g. a commit or a prompt's; by it traces can be compared. Default: `version` of `init()`. */
  readonly version?: string | undefined;
  /** The id that the caller's own system gave the request. */
  readonly clientRequestId?: string | undefined;
  /** Text for the list of traces, in place of one made from the inputs. */
  readonly requestPreview?: string | undefined;
  /** Text for the list of traces, in place of one made from the outputs. */
  readonly responsePreview?: string | undefined;
  /** How the trace went, when the status of its root does not say it: an answer may come and still be a failure. */
  readonly state?: "OK" | "ERROR" | undefined;
}

/** Fields of a trace and the attributes of its root span that carry them. */
const fieldAttributes = {
  sessionId: "session.id",
  userId: "user.id",
  version: "mlflow.traceMetadata.sightline.version",
  clientRequestId: "sightline.trace.clientRequestId",
  requestPreview: "sightline.trace.requestPreview",
  responsePreview: "sightline.trace.responsePreview",
  state: "sightline.trace.state",
} as const satisfies Partial<Record<keyof TraceUpdate, string>>;

/**
 * Says something about the running trace, from anywhere inside it. Later calls add tags and metadata, and replace the rest.
 *
 * Outside of a trace nothing happens; that is said once through `diag`. A `state` that is neither OK nor ERROR is not taken.
 */
export function updateCurrentTrace(update: TraceUpdate): void {
  const span = spanOf(activeEntry());
  // Off, or left out by the sampler: there is no trace to say it of, and nothing is wrong.
  if (span?.kind === "unsampled" || activeRuntime() === undefined) return;
  if (span === undefined) {
    sayOnce("update-outside", "warn", "updateCurrentTrace() was called outside of every trace; nothing was changed.");
    return;
  }
  // Work that outlives its root (a detached promise) can only say it on the span that still runs.
  safely("updateCurrentTrace", () => describeTrace(span.root.isEnded ? span : span.root, update));
}

/** Writes what is said of a whole trace to one of its spans. */
export function describeTrace(carrier: Pick<LiveSpan, "setAttribute">, update: TraceUpdate): void {
  for (const [key, value] of Object.entries(update.tags ?? {})) {
    carrier.setAttribute(`mlflow.traceTag.${key}`, toText(value));
  }
  for (const [key, value] of Object.entries(update.metadata ?? {})) {
    carrier.setAttribute(`mlflow.traceMetadata.${key}`, toText(value));
  }
  for (const [field, attribute] of Object.entries(fieldAttributes)) {
    const value = update[field as keyof typeof fieldAttributes];
    if (value === undefined) continue;
    if (field === "state" && value !== "OK" && value !== "ERROR") {
      sayOnce("bad-state", "warn", `A trace's state is "${toText(value)}"; give "OK" or "ERROR". It stays as it was.`);
    } else carrier.setAttribute(attribute, toText(value));
  }
}

/** Tags are texts; callers without types pass numbers and objects too. */
function toText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
}
