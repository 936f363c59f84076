/**
 * The cost of tracing as OpenTelemetry metrics, for programs that have a meter provider.
 */
import { createNoopMeter, metrics } from "@opentelemetry/api";
import { runOutside } from "../outside.ts";
import type { OverheadMeter } from "./meter.ts";

/** Programs set up their metrics around the same time as tracing, before or after. */
const RETRY_MS = 5_000;
const RETRIES = 12;

const published = new WeakSet<OverheadMeter>();

/**
 * Offers the meter's numbers to the program's global meter provider.
 *
 * - `sightline.sdk.overhead`, counter, seconds: the SDK's own work on the user's path
 * - `sightline.sdk.overhead.calls`, counter: how often it worked there
 * - `sightline.sdk.overhead.mode`, gauge: 0 = full, 1 = previews, 2 = sampling
 *
 * @returns whether they are offered now; false while the program has no meter provider
 */
export function publishOverhead(overhead: OverheadMeter): boolean {
  if (published.has(overhead)) return true;
  const meter = metrics.getMeter("@sightline/sdk");
  // What the API hands out as long as nobody registered a provider.
  if (meter === createNoopMeter()) return false;
  published.add(overhead);
  meter
    .createObservableCounter("sightline.sdk.overhead", {
      unit: "s",
      description: "Time that tracing took on the path of the traced code.",
    })
    .addCallback((result) => result.observe(overhead.stats().totalMs / 1000));
  meter
    .createObservableCounter("sightline.sdk.overhead.calls", {
      unit: "{call}",
      description: "Calls of the SDK on the path of the traced code.",
    })
    .addCallback((result) => result.observe(overhead.stats().calls));
  meter
    .createObservableGauge("sightline.sdk.overhead.mode", {
      description: "What is recorded: 0 everything, 1 previews of inputs and outputs, 2 one trace in ten.",
    })
    .addCallback((result) => result.observe(modeNumbers[overhead.stats().mode]));
  return true;
}

const modeNumbers = { full: 0, previews: 1, sampling: 2 } as const;

/**
 * The same, now or within a minute: OpenTelemetry's API does not tell when a provider is registered. Holds no process open.
 *
 * @returns stops looking for a provider
 */
export function publishOverheadSoon(overhead: OverheadMeter): () => void {
  if (publishOverhead(overhead)) return () => undefined;
  let left = RETRIES;
  const timer = runOutside(() =>
    setInterval(() => {
      left -= 1;
      if (publishOverhead(overhead) || left === 0) clearInterval(timer);
    }, RETRY_MS).unref(),
  );
  return () => clearInterval(timer);
}
