/**
 * A trace: one run of an agent. `TraceInfo` is its row in a list, `Trace` the whole with its spans.
 */
import * as z from "zod/mini";
import { Assessment } from "./assessment.ts";
import { Span, TokenUsage } from "./span.ts";

export const TraceState = z.enum(["OK", "ERROR", "IN_PROGRESS"]);
export type TraceState = z.infer<typeof TraceState>;

export const TraceInfo = z.object({
  /** `tr-` + 32 hex digits. */
  traceId: z.string(),
  experimentId: z.string(),
  /** As the client said, else of the root span, else of the earliest span; "" while there is neither. */
  name: z.string(),
  /** As the client said of the trace; IN_PROGRESS while no root has ended; as the program said on a span; ERROR if a root failed, else OK. */
  state: TraceState,
  /** RFC 3339 with microseconds: as the client said, else start of the earliest span. */
  requestTime: z.string(),
  /** Milliseconds: as the client said, else from the request time to the latest end. */
  durationMs: z.number(),
  /** Text of the question, at most 1,000 characters; absent when there is none. */
  requestPreview: z.optional(z.string()),
  /** Text of the answer, or of the error of a failed trace's outputs; at most 1,000 characters. */
  responsePreview: z.optional(z.string()),
  /** `Type: message` of the deepest failing span, for failed traces. */
  errorPreview: z.optional(z.string()),
  tags: z.record(z.string(), z.string()),
  metadata: z.record(z.string(), z.string()),
  sessionId: z.optional(z.string()),
  userId: z.optional(z.string()),
  /** The caller's own id of the request. */
  clientRequestId: z.optional(z.string()),
  /** Version of the agent that ran: metadata `sightline.version`, else tag `service.version`, else metadata `mlflow.modelId`. */
  version: z.optional(z.string()),
  /** Program that sent it: metadata `mlflow.source.name`, else the service of the root span, else of the earliest that has one. */
  source: z.optional(z.string()),
  /** Models that its spans called, each once, sorted; absent when there are none. */
  models: z.optional(z.array(z.string())),
  tokenUsage: z.optional(TokenUsage),
  /** US dollars */
  costUsd: z.optional(z.number()),
  spanCount: z.number(),
  assessments: z.array(Assessment),
});
export type TraceInfo = z.infer<typeof TraceInfo>;

/** Metadata key under which a trace's `clientRequestId` is kept; `TraceInfo` shows it as a field of its own. */
export const CLIENT_REQUEST_ID_KEY = "sightline.clientRequestId";

/** Metadata key under which spans carry the state that the program gave the trace; `TraceInfo` shows it as its `state`. */
export const TRACE_STATE_KEY = "sightline.state";

/** Metadata keys that facts of a trace are read from, where nothing else says them. */
export const TRACE_FACT_KEYS = {
  version: "sightline.version",
  modelId: "mlflow.modelId",
  source: "mlflow.source.name",
  sessionId: "mlflow.trace.session",
  userId: "mlflow.trace.user",
} as const;

export const Trace = z.object({ info: TraceInfo, spans: z.array(Span) });
export type Trace = z.infer<typeof Trace>;

/**
 * A trace without payloads, one array a column: index i of every array is span i, in order of start time.
 * Small enough to send 30,000 spans at once.
 */
export const TraceSkeleton = z.object({
  info: TraceInfo,
  spans: z.object({
    spanId: z.array(z.string()),
    /** Index of the parent in these arrays; -1 for a root, -2 when the parent was not received. */
    parent: z.array(z.number()),
    name: z.array(z.string()),
    spanType: z.array(z.string()),
    /** Microseconds after `info.requestTime`. */
    startUs: z.array(z.number()),
    /** Microseconds; -1 while running. */
    durationUs: z.array(z.number()),
    status: z.array(z.enum(["UNSET", "OK", "ERROR"])),
    /** Message of a failing span, "" otherwise. */
    statusMessage: z.array(z.string()),
    /** Total tokens; 0 when unknown. */
    tokens: z.array(z.number()),
    /** US dollars; 0 when unknown. */
    costUsd: z.array(z.number()),
  }),
});
export type TraceSkeleton = z.infer<typeof TraceSkeleton>;
