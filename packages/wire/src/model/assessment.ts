/**
 * An assessment: a judgement (feedback), a known right answer (expectation) or an issue, bound to a trace or one of its spans.
 */
import * as z from "zod/mini";

export const Assessment = z.object({
  assessmentId: z.string(),
  traceId: z.string(),
  spanId: z.optional(z.string()),
  kind: z.enum(["feedback", "expectation", "issue"]),
  name: z.string(),
  value: z.unknown(),
  rationale: z.optional(z.string()),
  source: z.object({ type: z.string(), id: z.string() }),
  /** RFC 3339 */
  createTime: z.string(),
});
export type Assessment = z.infer<typeof Assessment>;
