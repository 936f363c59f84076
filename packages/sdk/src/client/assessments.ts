/**
 * What people and code say of a trace: feedback, and the answers that would have been right.
 */
import type { Assessment, AssessmentError, AssessmentSource } from "@sightline/wire/model/assessment";
import { type Connection, withoutUndefined } from "./connection.ts";

interface About {
  /** `tr-` + 32 hex digits. */
  readonly traceId: string;
  /** The span that is judged; default: the whole trace. */
  readonly spanId?: string | undefined;
  /** The session that is judged, of which the trace is one turn. */
  readonly sessionId?: string | undefined;
  /** The run that made the judgement. */
  readonly runId?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Id of the assessment that this one corrects: it does not count any more. */
  readonly overrides?: string | undefined;
}

/** A judgement about a trace, one of its spans, or a session. */
export interface Feedback extends About {
  /** What is judged, e.g. `correctness`; default `feedback`. */
  readonly name?: string | undefined;
  /** The judgement: any JSON. */
  readonly value?: unknown;
  /** Why there is no judgement. */
  readonly error?: AssessmentError | Error | undefined;
  /** Why it is judged so. */
  readonly rationale?: string | undefined;
  /** Who judges; default `{ type: "CODE", id: "default" }`. People are `HUMAN`, models `LLM_JUDGE`. */
  readonly source?: AssessmentSource | undefined;
}

/** What the right answer of a trace or span would have been. */
export interface Expectation extends About {
  /** What is expected, e.g. `expected_response`. */
  readonly name: string;
  /** The right answer: any JSON. */
  readonly value: unknown;
  /** Who knows; default `{ type: "HUMAN", id: "default" }`. */
  readonly source?: AssessmentSource | undefined;
}

/** What is absent stays; value and error replace each other; metadata is joined, and a rationale of "" is taken away. */
export interface AssessmentChanges {
  readonly name?: string | undefined;
  readonly value?: unknown;
  readonly error?: AssessmentError | Error | undefined;
  readonly rationale?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** @see SightlineClient.logFeedback */
export async function logFeedback(connection: Connection, feedback: Feedback): Promise<Assessment> {
  const { traceId, name = "feedback", source = { type: "CODE", id: "default" }, error, ...rest } = feedback;
  return await create(connection, traceId, { kind: "feedback", name, source, error: toError(error), ...rest });
}

/** @see SightlineClient.logExpectation */
export async function logExpectation(connection: Connection, expectation: Expectation): Promise<Assessment> {
  const { traceId, source = { type: "HUMAN", id: "default" }, ...rest } = expectation;
  return await create(connection, traceId, { kind: "expectation", source, ...rest });
}

/** @see SightlineClient.updateAssessment */
export async function updateAssessment(
  connection: Connection,
  traceId: string,
  assessmentId: string,
  changes: AssessmentChanges,
): Promise<Assessment> {
  const { error, metadata, ...rest } = changes;
  const body = withoutUndefined({ ...rest, error: toError(error), metadata: metadata && { ...metadata } });
  const { assessment } = await connection.aboutTraces((api) =>
    api.updateAssessment({ params: { traceId, assessmentId }, body }),
  );
  return assessment;
}

type Body = Omit<About, "traceId"> & {
  readonly kind: "feedback" | "expectation";
  readonly name: string;
  readonly value?: unknown;
  readonly error?: AssessmentError | undefined;
  readonly rationale?: string | undefined;
  readonly source: AssessmentSource;
};

async function create(connection: Connection, traceId: string, body: Body): Promise<Assessment> {
  const { metadata, ...rest } = body;
  const given = withoutUndefined({ ...rest, metadata: metadata && { ...metadata } });
  const { assessment } = await connection.aboutTraces((api) =>
    api.createAssessment({ params: { traceId }, body: given }),
  );
  return assessment;
}

function toError(error: AssessmentError | Error | undefined): AssessmentError | undefined {
  if (!(error instanceof Error)) return error;
  const { name, message, stack } = error;
  return { code: name, message, ...(stack !== undefined && { stackTrace: stack }) };
}
