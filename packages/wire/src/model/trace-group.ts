/**
 * Sessions and users: what the traces of each have in common, summed up. Nothing of it is kept; it is derived when asked for.
 */
import * as z from "zod/mini";

/** The valid assessments of one kind and name on the traces of a group. */
const GroupAssessments = z.object({
  kind: z.string(),
  name: z.string(),
  count: z.number(),
  /** How many of them failed to judge. */
  errors: z.number(),
  /** Of the numeric values, yes and pass being 1, no and fail 0; absent when there are none. */
  average: z.optional(z.number()),
  min: z.optional(z.number()),
  max: z.optional(z.number()),
});

const common = {
  experimentId: z.string(),
  /** RFC 3339: starts of the earliest and of the latest trace. */
  firstTraceTime: z.string(),
  lastTraceTime: z.string(),
  traceCount: z.number(),
  errorCount: z.number(),
  /** Traces in progress. */
  runningCount: z.number(),
  /** Absent when no trace says any. */
  tokenUsage: z.optional(z.object({ inputTokens: z.number(), outputTokens: z.number(), totalTokens: z.number() })),
  /** US dollars */
  costUsd: z.optional(z.number()),
  /** At most 20, sorted. */
  models: z.array(z.string()),
  assessments: z.array(GroupAssessments),
};

/** The traces of one experiment with the same session id. */
export const Session = z.object({
  sessionId: z.string(),
  ...common,
  /** Milliseconds from the earliest start to the latest end. */
  durationMs: z.number(),
  /** At most 20, sorted. */
  userIds: z.array(z.string()),
  /** Previews: of the first trace that has an input, and of the last that has an output. */
  firstInput: z.optional(z.string()),
  lastOutput: z.optional(z.string()),
});
export type Session = z.infer<typeof Session>;

/** The traces of one experiment with the same user id. */
export const User = z.object({
  userId: z.string(),
  ...common,
  sessionCount: z.number(),
});
export type User = z.infer<typeof User>;
