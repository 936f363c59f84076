/**
 * An experiment: the named drawer that traces and runs lie in.
 */
import * as z from "zod/mini";

/** Whole days, 1 to 36,500. */
export const RetentionDays = z.int().check(z.minimum(1), z.maximum(36_500));

export const Experiment = z.object({
  /** Decimal digits; `0` is `Default`. */
  experimentId: z.string(),
  name: z.string(),
  /** RFC 3339 */
  createTime: z.string(),
  /** RFC 3339; set while it is deleted: hidden with its traces, and restorable until it is purged. */
  deleteTime: z.optional(z.string()),
  /** Days that its traces are kept; null = for ever; absent = as set for all experiments. */
  retentionDays: z.optional(z.nullable(RetentionDays)),
});
export type Experiment = z.infer<typeof Experiment>;

/** The experiment that traces land in when none is named. */
export const DEFAULT_EXPERIMENT = { experimentId: "0", name: "Default" } as const;
