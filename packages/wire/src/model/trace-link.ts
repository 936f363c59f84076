/**
 * A link from a trace to what it belongs to: the run that made it, or a prompt it used.
 */
import * as z from "zod/mini";

export const TraceLinkKind = z.enum(["run", "prompt"]);
export type TraceLinkKind = z.infer<typeof TraceLinkKind>;

export const TraceLink = z.object({
  kind: TraceLinkKind,
  /** Id of the run, or `name/version` of the prompt. */
  target: z.string(),
});
export type TraceLink = z.infer<typeof TraceLink>;
