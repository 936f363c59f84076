/**
 * How long traces are kept.
 */
import * as z from "zod/mini";
import { RetentionDays } from "./experiment.ts";

export const Retention = z.strictObject({
  /** Whole days after its start that a trace is kept; null = for ever. */
  days: z.nullable(RetentionDays),
});
export type Retention = z.infer<typeof Retention>;
