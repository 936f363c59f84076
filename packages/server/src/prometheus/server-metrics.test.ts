import { expect, test } from "vitest";
import { createServerMetrics, type ReadMetric } from "./server-metrics.ts";

const engines: ReadMetric = {
  name: "sightline_engine_up",
  help: "1 while the engine answers.",
  kind: "gauge",
  read: () => [
    { labels: { engine: "clickhouse" }, value: 1 },
    { labels: { engine: "postgres" }, value: 0 },
  ],
};

test("readings are taken anew each time, counters too", async () => {
  let spans = 5;
  const accepted: ReadMetric = {
    name: "sightline_ingest_spans_total",
    help: "Spans that were taken.",
    kind: "counter",
    read: () => [{ value: spans }],
  };
  const metrics = createServerMetrics([engines, accepted]);
  expect(await metrics.text()).toContain("\nsightline_ingest_spans_total 5\n");
  spans = 7;
  const text = await metrics.text();
  expect(text).toContain("# TYPE sightline_ingest_spans_total counter\nsightline_ingest_spans_total 7\n");
  expect(text).toContain('sightline_engine_up{engine="clickhouse"} 1\nsightline_engine_up{engine="postgres"} 0\n');
});

test("requests are counted by route, not by address", async () => {
  const metrics = createServerMetrics([]);
  metrics.observeRequest("GET", "/api/v1/traces/:traceId", 200, 0.004);
  metrics.observeRequest("GET", "/api/v1/traces/:traceId", 404, 0.2);
  const text = await metrics.text();
  const of = (status: string, more: string) =>
    `sightline_http_request_duration_seconds${more},method="GET",route="/api/v1/traces/:traceId",status="${status}"}`;
  expect(text).toContain(`${of("200", '_bucket{le="0.005"')} 1\n`);
  expect(text).toContain(`${of("200", '_bucket{le="0.0025"')} 0\n`);
  expect(text).toContain('_count{method="GET",route="/api/v1/traces/:traceId",status="404"} 1\n');
});

test("what cannot be read is left out, counted, and does not hide the rest", async () => {
  const broken: ReadMetric = {
    name: "sightline_store_bytes",
    help: "Bytes on disk.",
    kind: "gauge",
    read: () => Promise.reject(new Error("the engine is down")),
  };
  const metrics = createServerMetrics([broken, engines]);
  const text = await metrics.text();
  expect(text).not.toMatch(/^sightline_store_bytes/m);
  expect(text).toContain('sightline_engine_up{engine="clickhouse"} 1\n');
  expect(await metrics.text()).toContain('sightline_metrics_failures_total{metric="sightline_store_bytes"} ');
});

test("what takes too long is left out like what fails", async () => {
  const hangs: ReadMetric = {
    name: "sightline_store_bytes",
    help: "Bytes on disk.",
    kind: "gauge",
    read: () => new Promise(() => undefined),
  };
  const text = await createServerMetrics([hangs, engines], 1).text();
  expect(text).not.toMatch(/^sightline_store_bytes/m);
  expect(text).toContain('sightline_engine_up{engine="clickhouse"} 1\n');
});

test("a histogram that somebody else counted has cumulative buckets", async () => {
  const metrics = createServerMetrics([
    {
      name: "sightline_commit_seconds",
      help: "Time of commits.",
      kind: "histogram",
      read: () => ({ bounds: [0.1, 1], buckets: [3, 2, 1], count: 6, sum: 4.5 }),
    },
  ]);
  expect(await metrics.text()).toContain(
    [
      "# TYPE sightline_commit_seconds histogram",
      'sightline_commit_seconds_bucket{le="0.1"} 3',
      'sightline_commit_seconds_bucket{le="1"} 5',
      'sightline_commit_seconds_bucket{le="+Inf"} 6',
      "sightline_commit_seconds_sum 4.5",
      "sightline_commit_seconds_count 6",
      "",
    ].join("\n"),
  );
});

test("the process itself is measured", async () => {
  const text = await createServerMetrics([]).text();
  for (const name of ["process_resident_memory_bytes", "nodejs_eventloop_lag_p99_seconds"]) {
    expect(text).toMatch(new RegExp(`^${name} \\S+$`, "m"));
  }
});
