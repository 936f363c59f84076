/**
 * The endpoint that measures: numbers over many traces, by time and by group.
 */
import * as z from "zod/mini";
import { METRIC_VIEWS } from "../model/metric.ts";
import { endpoint } from "./endpoint.ts";

/** Most points of one answer; more than a chart can show. */
export const MAX_METRIC_POINTS = 10_000;

/** A leap year in seconds: longer buckets say nothing that no bucket at all would not. */
const MAX_INTERVAL_SECONDS = 366 * 86_400;

export const queryMetrics = endpoint({
  id: "queryMetrics",
  method: "POST",
  path: "/api/v1/metrics",
  summary: "A metric of matching traces, spans or assessments, aggregated, by time and by group.",
  body: z.strictObject({
    view: z.enum(METRIC_VIEWS),
    /** E.g. `latency`; the names are in `metricTable`. */
    metric: z.string(),
    /** `count`, `sum`, `avg`, `min`, `max` and percentiles: `p50`, `p95`, `p99.9`. */
    aggregations: z.array(z.string()).check(z.minLength(1), z.maxLength(20)),
    /** Names or ids; absent = all. */
    experiments: z.optional(z.array(z.string())),
    /** Which traces count, or whose spans and assessments. */
    filter: z.optional(z.string()),
    /** Start of the trace, RFC 3339, inclusive. */
    from: z.optional(z.string()),
    /** Start of the trace, RFC 3339, exclusive. */
    to: z.optional(z.string()),
    /** Buckets of this length by the start of the trace or span, counted from the epoch; absent = no buckets. */
    intervalSeconds: z.optional(z.int().check(z.minimum(1), z.maximum(MAX_INTERVAL_SECONDS))),
    /** At most so many buckets, of a round length that the server picks for the time range and tells. */
    autoInterval: z.optional(z.int().check(z.minimum(1), z.maximum(1000))),
    /** Points also for the buckets in which there is nothing, between `from` and `to`, else the first and the last. */
    fill: z.optional(z.boolean()),
    /** Dimensions: `name`, `tags.env`. */
    groupBy: z.optional(z.array(z.string()).check(z.maxLength(3))),
    /** Dimension → values: only such rows count; null = has none. E.g. `{"span_type": ["TOOL"]}`. */
    only: z.optional(z.record(z.string(), z.array(z.nullable(z.string())).check(z.minLength(1), z.maxLength(1000)))),
    /** So many groups with the most rows; all others are joined in points with `other`. */
    top: z.optional(z.int().check(z.minimum(1), z.maximum(1000))),
  }),
  response: z.object({
    /** Length of the buckets; there with `intervalSeconds` and, if something matches, with `autoInterval`. */
    intervalSeconds: z.optional(z.number()),
    /** By time, then by group; only where something matches, unless `fill` asks for all. */
    points: z.array(
      z.object({
        /** Start of the bucket, RFC 3339; there with an interval. */
        time: z.optional(z.string()),
        /** Dimension, as it was asked for → value; null = it has none. There with `groupBy`. */
        group: z.optional(z.record(z.string(), z.nullable(z.string()))),
        /** The point is of all groups beyond the `top` ones; it has no `group`. */
        other: z.optional(z.literal(true)),
        /** Aggregation → number; null = no value is known. */
        values: z.record(z.string(), z.nullable(z.number())),
      }),
    ),
  }),
  errors: ["BAD_FILTER", "EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER", "QUERY_TOO_SLOW"],
});
