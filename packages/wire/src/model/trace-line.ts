/**
 * A trace as one line of an export: the trace as the API shows it, and what it needs to be at home on another server.
 */
import * as z from "zod/mini";
import { Trace } from "./trace.ts";

export const TraceLine = z.extend(Trace, {
  /** Name of its experiment: ids differ between servers. */
  experiment: z.optional(z.string()),
  /** Runs and prompts that it is linked to; absent when there are none. */
  links: z.optional(z.array(z.object({ kind: z.enum(["run", "prompt"]), target: z.string() }))),
});
export type TraceLine = z.infer<typeof TraceLine>;
