/**
 * A trace as one line of an export: the trace as the API shows it, and what it needs to be at home on another server.
 */
import * as z from "zod/mini";
import { Span } from "./span.ts";
import { TraceInfo } from "./trace.ts";
import { TraceLink } from "./trace-link.ts";

export const TraceLine = z.object({
  /** Name of its experiment: ids differ between servers. */
  experiment: z.optional(z.string()),
  info: TraceInfo,
  spans: z.array(
    z.extend(Span, {
      /** The cost was counted from the price table, and is counted again when prices change. */
      costComputed: z.optional(z.boolean()),
    }),
  ),
  /** Runs and prompts that it is linked to; absent when there are none. */
  links: z.optional(z.array(TraceLink)),
});
export type TraceLine = z.infer<typeof TraceLine>;
