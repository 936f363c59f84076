/**
 * The live stream: server-sent events about traces that were just committed.
 *
 * `GET /api/v1/live/traces?experiment=<id>` (absent = all) answers `text/event-stream`. Event `traces` carries a
 * {@link LiveTraces} as JSON; event `hello` comes first, so a client knows it is connected; a comment line is sent every 15 s.
 */
import * as z from "zod/mini";

export const LIVE_TRACES_PATH = "/api/v1/live/traces";

/** Traces that became visible or changed since the last event. Their rows are read through the search API. */
export const LiveTraces = z.object({
  traces: z.array(z.object({ traceId: z.string(), experimentId: z.string() })),
  /** How many more there were: left out because too many came at once or the client reads too slowly. Absent = none. */
  more: z.optional(z.number()),
});
export type LiveTraces = z.infer<typeof LiveTraces>;
