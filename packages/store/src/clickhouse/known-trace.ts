/**
 * What the writer must know of a trace before it changes it: its spans, without payloads, what its client said, and where its
 * row lies.
 */
import type { KnownClientInfo } from "./client-info.ts";
import type { TraceRow } from "./rows.ts";
import type { SpanDigest } from "./span-digest.ts";
import type { SummarySpan } from "./summary-span.ts";

/** It belongs to whoever took or read it: it changes as spans are put into the trace. */
export interface KnownTrace {
  readonly experimentId: string;
  readonly traceId: string;
  /** By span id. */
  readonly spans: Map<string, SummarySpan>;
  /** Undefined if no client said anything of the whole trace. */
  readonly client: KnownClientInfo | undefined;
  /** Of exactly these spans; absent = to be made of them. */
  readonly digest?: SpanDigest;
}

/** The sort key of a trace row. */
export type TraceKey = Pick<TraceRow, "experimentId" | "traceId" | "startUs">;
