/**
 * An experiment: the named drawer that traces and runs lie in.
 */
import * as z from "zod/mini";

export const Experiment = z.object({
  /** Decimal digits; `0` is `Default`. */
  experimentId: z.string(),
  name: z.string(),
  /** RFC 3339 */
  createTime: z.string(),
});
export type Experiment = z.infer<typeof Experiment>;

/** The experiment that traces land in when none is named. */
export const DEFAULT_EXPERIMENT = { experimentId: "0", name: "Default" } as const;
