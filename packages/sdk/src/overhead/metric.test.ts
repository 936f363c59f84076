import { metrics } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { expect, test } from "vitest";
import { OverheadMeter } from "./meter.ts";
import { publishOverhead } from "./metric.ts";

test("a meter provider that the program registers, at any time, gets the cost of tracing", async () => {
  let nowMs = 0;
  const meter = new OverheadMeter(() => nowMs);
  expect(publishOverhead(meter)).toBe(false);

  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  try {
    expect(publishOverhead(meter)).toBe(true);
    expect(publishOverhead(meter)).toBe(true);
    const token = meter.begin();
    nowMs += 1_500;
    meter.end(token);
    await provider.forceFlush();
    const [{ scopeMetrics } = { scopeMetrics: [] }] = exporter.getMetrics();
    expect(scopeMetrics.map(({ scope }) => scope.name)).toEqual(["@sightline/sdk"]);
    const values = scopeMetrics[0]?.metrics.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      descriptor.unit,
      dataPoints[0]?.value,
    ]);
    expect(values).toEqual([
      ["sightline.sdk.overhead", "s", 1.5],
      ["sightline.sdk.overhead.calls", "{call}", 1],
      ["sightline.sdk.overhead.mode", "", 0],
    ]);
  } finally {
    metrics.disable();
    await provider.shutdown();
  }
});
