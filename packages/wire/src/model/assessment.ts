/**
 * An assessment: a judgement (feedback), a known right answer (expectation) or an issue, bound to a trace or one of its spans.
 *
 * Assessments are never silently overwritten: one that corrects another names it in `overrides`, and the other stays, not `valid`
 * any more.
 */
import * as z from "zod/mini";

export const AssessmentKind = z.enum(["feedback", "expectation", "issue"]);
export type AssessmentKind = z.infer<typeof AssessmentKind>;

export const AssessmentSource = z.object({
  /** HUMAN, LLM_JUDGE or CODE; other words are kept. */
  type: z.string(),
  /** Who or what judged: a person, a model, a function. */
  id: z.string(),
});
export type AssessmentSource = z.infer<typeof AssessmentSource>;

/** Why there is no judgement: the scorer failed. */
export const AssessmentError = z.object({
  /** E.g. `SCORER_ERROR`. */
  code: z.string(),
  message: z.optional(z.string()),
  stackTrace: z.optional(z.string()),
});
export type AssessmentError = z.infer<typeof AssessmentError>;

export const Assessment = z.object({
  /** `a-` + 32 hex digits. */
  assessmentId: z.string(),
  traceId: z.string(),
  /** The span it judges; absent = the whole trace. */
  spanId: z.optional(z.string()),
  /** The session it judges, of which the trace is one turn. */
  sessionId: z.optional(z.string()),
  /** The evaluation run that made it. */
  runId: z.optional(z.string()),
  kind: AssessmentKind,
  /** E.g. `correctness`; of an issue its id. */
  name: z.string(),
  /** Any JSON, as it came: `true`, `1` and `"1"` are three values, and integers keep their digits. null when there is none. */
  value: z.unknown(),
  error: z.optional(AssessmentError),
  rationale: z.optional(z.string()),
  source: AssessmentSource,
  metadata: z.record(z.string(), z.string()),
  /** The assessment that this one corrects. */
  overrides: z.optional(z.string()),
  /** False while another assessment corrects it. */
  valid: z.boolean(),
  /** RFC 3339 */
  createTime: z.string(),
  /** RFC 3339 */
  updateTime: z.string(),
});
export type Assessment = z.infer<typeof Assessment>;

/** Metadata keys that say the same as a field of an assessment; MLflow's clients send these. */
export const ASSESSMENT_SESSION_KEY = "mlflow.trace.session";
export const ASSESSMENT_RUN_KEY = "mlflow.assessment.sourceRunId";
