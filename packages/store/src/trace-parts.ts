/**
 * The part of the telemetry port about what is said of a trace beside its spans: by its client, by people, by scorers.
 *
 * Every part has a table of its own, so that writing spans never touches it. What a call wrote, the next read sees. Calls about
 * one trace run one after another: of writers at the same time none is lost, and the last of a key wins.
 */
import type { Assessment, AssessmentError, AssessmentKind, AssessmentSource } from "@sightline/wire/model/assessment";
import type { TraceState } from "@sightline/wire/model/trace";
import type { TraceLink, TraceLinkKind } from "@sightline/wire/model/trace-link";
import type { CallOptions } from "./trace-selection.ts";

/**
 * What a client says of a whole trace (MLflow's trace info); absent = it says nothing about it.
 *
 * What a client said wins over what the spans say and stays, whether it came before, between or after them.
 */
export interface ClientInfo {
  readonly traceId: string;
  /** Decimal digits. If the trace is already kept in another experiment, that one wins. */
  readonly experimentId: string;
  readonly name?: string;
  readonly state?: TraceState;
  /** Nanoseconds since the epoch; kept in microseconds. */
  readonly requestTimeUnixNano?: bigint;
  /** Nanoseconds; kept in microseconds. */
  readonly durationNano?: bigint;
  /** At most 1,000 characters, like `responsePreview`. */
  readonly requestPreview?: string;
  readonly responsePreview?: string;
  readonly clientRequestId?: string;
  /** Joined with those the spans carry; of a key that both have the client's. What people edit wins over both. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** An assessment before it is kept. */
export interface NewAssessment {
  readonly traceId: string;
  /** `a-` + 32 hex digits; absent = one is made. Writing an id again replaces the assessment. */
  readonly assessmentId?: string;
  readonly spanId?: string;
  /** Absent = metadata `mlflow.trace.session`. */
  readonly sessionId?: string;
  /** Absent = metadata `mlflow.assessment.sourceRunId`. */
  readonly runId?: string;
  readonly kind: AssessmentKind;
  readonly name: string;
  /** JSON text, kept as it is; absent = there is no value. */
  readonly valueJson?: string;
  readonly error?: AssessmentError;
  readonly rationale?: string;
  readonly source: AssessmentSource;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly overrides?: string;
  /** Nanoseconds since the epoch; absent = now. */
  readonly createTimeUnixNano?: bigint;
}

/** Changes of an assessment; absent = stays. Source, span and time of creation never change. */
export interface AssessmentChanges {
  /** If given, it must be the kind that the assessment has. */
  readonly kind?: AssessmentKind;
  readonly name?: string;
  /** Value and error are one judgement: both are replaced. */
  readonly judgement?: { readonly valueJson?: string; readonly error?: AssessmentError };
  /** "" = none any more. */
  readonly rationale?: string;
  /** Joined with what is there, key by key. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface TraceParts {
  /**
   * Sets tags on a trace. The latest write of a key wins over older ones, over what the client said and what its spans carry.
   *
   * @throws TRACE_NOT_FOUND
   */
  setTraceTags(traceId: string, tags: Readonly<Record<string, string>>): Promise<void>;

  /**
   * Removes a tag, also one that the spans carry; no error if it is not there.
   *
   * @throws TRACE_NOT_FOUND
   */
  deleteTraceTag(traceId: string, key: string): Promise<void>;

  /**
   * Sets metadata of a trace, as `setTraceTags` does with tags. Facts that the row of the trace took from metadata when it was
   * made (session, user, version, source) do not change.
   *
   * @throws TRACE_NOT_FOUND
   */
  setTraceMetadata(traceId: string, metadata: Readonly<Record<string, string>>): Promise<void>;

  /** Removes an entry of the metadata; no error if it is not there. @throws TRACE_NOT_FOUND */
  deleteTraceMetadata(traceId: string, key: string): Promise<void>;

  /**
   * Keeps what a client says of a trace and brings the trace's row up to date. Facts of a later call replace those of earlier
   * ones, others stay. The trace is made if there is none: it is visible, and in progress unless a state is said.
   *
   * @throws STORAGE_FULL, STORE_UNAVAILABLE
   */
  putClientInfo(info: ClientInfo): Promise<void>;

  /**
   * Keeps an assessment. If it overrides another, that one is not valid any more.
   *
   * @returns as it is kept; its `value` is a RawJson, or null when there is none
   * @throws TRACE_NOT_FOUND, ASSESSMENT_NOT_FOUND if the trace has none of the id in `overrides`
   */
  createAssessment(assessment: NewAssessment): Promise<Assessment>;

  /**
   * Changes an assessment.
   *
   * @returns as it is kept now
   * @throws TRACE_NOT_FOUND, ASSESSMENT_NOT_FOUND, INVALID_PARAMETER if it is of another kind
   */
  updateAssessment(traceId: string, assessmentId: string, changes: AssessmentChanges): Promise<Assessment>;

  /**
   * Deletes an assessment; those that it overrode are valid again, unless another overrides them too.
   *
   * @returns whether there was one
   * @throws TRACE_NOT_FOUND
   */
  deleteAssessment(traceId: string, assessmentId: string): Promise<boolean>;

  /** One assessment; undefined if there is none. */
  getAssessment(traceId: string, assessmentId: string, options?: CallOptions): Promise<Assessment | undefined>;

  /**
   * All assessments of the traces, valid or not, by trace id, each list by time of creation, then id. Traces without any are
   * absent. `TraceInfo` carries them too.
   */
  getAssessments(traceIds: readonly string[], options?: CallOptions): Promise<Map<string, Assessment[]>>;

  /**
   * Links traces to a run or a prompt; linking again changes nothing.
   *
   * @param target  id of the run, or `name/version` of the prompt
   * @throws TRACE_NOT_FOUND if one of the traces is not there; then none is linked
   */
  linkTraces(kind: TraceLinkKind, target: string, traceIds: readonly string[]): Promise<void>;

  /** Takes links away; those that are not there are ignored, and so are unknown traces. */
  unlinkTraces(kind: TraceLinkKind, target: string, traceIds: readonly string[]): Promise<void>;

  /** The links of the traces by trace id, each list by kind, then target. Traces without any are absent. */
  getTraceLinks(traceIds: readonly string[], options?: CallOptions): Promise<Map<string, TraceLink[]>>;
}
