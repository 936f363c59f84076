/**
 * What the server counts and measures of itself, in the format that Prometheus reads.
 *
 * Names follow https://prometheus.io/docs/practices/naming/: `sightline_` in front, the base unit at the end, `_total` on counters.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** A value read when somebody asks for the metrics. */
export interface Reading {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric of the table in `readings.ts`. */
export interface ReadMetric {
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  /** A counter only goes up; a gauge is a state. */
  readonly kind: "counter" | "gauge";
  readonly labels?: readonly string[];
  /** Gives nothing while it is unknown. */
  read(): readonly Reading[] | Promise<readonly Reading[]>;
}

export interface ServerMetrics {
  /**
   * Counts a finished request.
   *
   * @param route  the path with its parameters' names, so that ids do not become labels
   * @param seconds  from the request line to the end of the answer's headers
   */
  observeRequest(method: string, route: string, status: number, seconds: number): void;
  /** All metrics as text. A reading that fails is left out and counted in `sightline_metrics_failures_total`. */
  text(): Promise<string>;
  /** The Content-Type of the text. */
  readonly contentType: string;
}

/** From the 1 ms of a cached list to the 10 s at which people have gone. */
const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A registry of its own, so that two servers in one process (tests) do not share numbers. */
export function createServerMetrics(readings: readonly ReadMetric[]): ServerMetrics {
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
  const instruments = readings.map((reading) => ({ reading, instrument: instrumentOf(reading, registers) }));

  return {
    contentType: registry.contentType,
    observeRequest: (method, route, status, seconds) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    async text() {
      const unknown = new Set<string>();
      await Promise.all(
        instruments.map(async ({ reading, instrument }) => {
          instrument.reset();
          try {
            for (const { labels = {}, value } of await reading.read()) instrument.inc(labels, value);
          } catch {
            // The engine is down, say: the other metrics are what tells about it.
            failures.inc({ metric: reading.name });
            unknown.add(reading.name);
          }
        }),
      );
      // A metric without labels says 0 when nothing was read, which is not what is known.
      const known = registry.getMetricsAsArray().filter(({ name }) => !unknown.has(name));
      const texts = await Promise.all(known.map(({ name }) => registry.getSingleMetricAsString(name)));
      return `${texts.join("\n\n")}\n`;
    },
  };
}

function instrumentOf({ name, help, kind, labels = [] }: ReadMetric, registers: Registry[]): Counter | Gauge {
  const options = { name, help, labelNames: [...labels], registers };
  return kind === "counter" ? new Counter(options) : new Gauge(options);
}
