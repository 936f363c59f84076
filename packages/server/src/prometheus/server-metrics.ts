/**
 * What the server counts and measures of itself, in the format that Prometheus reads.
 *
 * Names follow https://prometheus.io/docs/practices/naming/: `sightline_` in front, the base unit at the end, `_total` on counters.
 */
import { Counter, collectDefaultMetrics, Histogram, type Metric, Registry } from "prom-client";

/** A value with the labels that tell it from others of its metric. */
export interface Reading {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A distribution that somebody else has counted. */
export interface CountedHistogram {
  /** Upper bounds of the buckets in ascending order; one bucket more than bounds. */
  readonly bounds: readonly number[];
  /** Values in each bucket, not cumulative. */
  readonly buckets: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/** A metric whose value is read when somebody asks. A counter only goes up; a gauge is a state. */
export type ReadMetric = {
  readonly name: string;
  /** One sentence. */
  readonly help: string;
} & (
  | { readonly kind: "counter" | "gauge"; read(): readonly Reading[] | Promise<readonly Reading[]> }
  | { readonly kind: "histogram"; read(): CountedHistogram | Promise<CountedHistogram> }
);

export interface ServerMetrics {
  /**
   * Counts an answered request.
   *
   * @param route  the path with its parameters' names, so that ids do not become labels
   * @param seconds  from the request's head to the answer's head
   */
  observeRequest(method: string, route: string, status: number, seconds: number): void;
  /** All metrics as text. One that cannot be read is left out and counted in `sightline_metrics_failures_total`. */
  text(): Promise<string>;
  /** The Content-Type of the text. */
  readonly contentType: string;
}

/** From the 1 ms of a small list to the 10 s at which people have gone. */
const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Whoever scrapes gives up after ten seconds, by default: a metric of an engine that hangs must not take the others with it. */
const MAX_READ_MS = 5000;

/**
 * @param readings  beside requests and the process itself, which are always measured
 * @param maxReadMs  a metric that takes longer cannot be read
 */
export function createServerMetrics(readings: readonly ReadMetric[], maxReadMs = MAX_READ_MS): ServerMetrics {
  // A registry of its own, so that two servers in one process (tests) do not share numbers.
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: "sightline_http_request_duration_seconds",
    help: "Time to answer requests, by route and status.",
    labelNames: ["method", "route", "status"],
    buckets: SECONDS_BUCKETS,
    registers,
  });
  const failures = new Counter({
    name: "sightline_metrics_failures_total",
    help: "Metrics that could not be read when they were asked for.",
    labelNames: ["metric"],
    registers,
  });
  for (const reading of readings) registry.registerMetric(asMetric(reading));

  return {
    contentType: registry.contentType,
    observeRequest: (method, route, status, seconds) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    async text() {
      const texts = await Promise.all(
        registry.getMetricsAsArray().map(async ({ name }) => {
          try {
            return [await inTime(registry.getSingleMetricAsString(name), maxReadMs)];
          } catch {
            // An engine is down or hangs, say: the other metrics are what tells about it.
            failures.inc({ metric: name });
            return [];
          }
        }),
      );
      return `${texts.flat().join("\n\n")}\n`;
    },
  };
}

async function inTime<Value>(value: Promise<Value>, ms: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It took more than ${ms} ms.`)), ms);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A metric as the registry asks for it: `get` gives the values of the moment. */
function asMetric(reading: ReadMetric): Metric {
  const { name, help, kind } = reading;
  const metric = {
    name,
    help,
    type: kind,
    aggregator: "sum",
    get: async () => ({ name, help, type: kind, aggregator: "sum", values: await valuesOf(reading) }),
  };
  // The registry calls nothing but `get`; the type has the methods of prom-client's own classes as well.
  return metric as unknown as Metric;
}

interface MetricValue {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

async function valuesOf(reading: ReadMetric): Promise<MetricValue[]> {
  if (reading.kind !== "histogram") {
    return (await reading.read()).map(({ labels = {}, value }) => ({ labels, value }));
  }
  const { bounds, buckets, count, sum } = await reading.read();
  let below = 0;
  const cumulative = bounds.map((bound, index) => {
    below += buckets[index] ?? 0;
    return { metricName: `${reading.name}_bucket`, labels: { le: bound }, value: below };
  });
  return [
    ...cumulative,
    { metricName: `${reading.name}_bucket`, labels: { le: "+Inf" }, value: count },
    { metricName: `${reading.name}_sum`, labels: {}, value: sum },
    { metricName: `${reading.name}_count`, labels: {}, value: count },
  ];
}
