import { metrics } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { expect, test, vi } from "vitest";
import { OverheadMeter } from "./meter.ts";
import { publishOverhead, publishOverheadSoon } from "./metric.ts";

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

test("a provider that is registered a while after tracing began is found, and the search ends", () => {
  vi.useFakeTimers();
  try {
    const meter = new OverheadMeter(() => 0);
    const stop = publishOverheadSoon(meter);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(12_000);
    expect(vi.getTimerCount()).toBe(1);
    metrics.setGlobalMeterProvider(new MeterProvider());
    vi.advanceTimersByTime(5_000);
    expect(vi.getTimerCount()).toBe(0);
    expect(publishOverhead(meter)).toBe(true);
    stop();
  } finally {
    metrics.disable();
    vi.useRealTimers();
  }
});

test("without a provider the search ends after a minute", () => {
  vi.useFakeTimers();
  try {
    publishOverheadSoon(new OverheadMeter(() => 0));
    vi.advanceTimersByTime(59_000);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(2_000);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
