/**
 * Numbers of metrics on the wire. In a file without a schema: programs that are traced load it, and need no zod for it.
 */
import type { MetricValue } from "./run.ts";

/** A number as it goes over the wire, where JSON has no NaN and no infinities; `Number(value)` is the way back. */
export function toMetricValue(value: number): MetricValue {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}
