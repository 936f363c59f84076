/**
 * Costs at ingest: spans that say what they used but not what it cost get a cost on their way into the store, whether they come by
 * OTLP, out of the journal or from an import.
 */
import type { SpanRecord, TelemetryStore } from "@sightline/store/telemetry-store";
import { MLFLOW_USAGE_KEY } from "@sightline/wire/conventions/usage";
import type { ModelPrices } from "./model-prices.ts";

/** The same store; it counts the cost of spans whose sender did not say one, and notes that it did. */
export function withCosts(telemetry: TelemetryStore, prices: Pick<ModelPrices, "costOf">): TelemetryStore {
  const priced: Pick<TelemetryStore, "writeSpans" | "prepareSpans"> = {
    writeSpans: (spans) => telemetry.writeSpans(spans.map((span) => addCost(span, prices))),
    prepareSpans: (spans) => telemetry.prepareSpans(spans.map((span) => addCost(span, prices))),
  };
  return new Proxy(telemetry, {
    get: (store, name) => Reflect.get(Object.hasOwn(priced, name) ? priced : store, name),
  });
}

/** The span with its cost, if it is to be counted and the price is known; else the span itself. */
export function addCost(span: SpanRecord, prices: Pick<ModelPrices, "costOf">): SpanRecord {
  // The cost that a sender says is its own; one that was counted here once (an import) is counted by the prices of here.
  if (span.usage === undefined || (span.costUsd !== undefined && span.isCostComputed !== true)) return span;
  const costUsd = prices.costOf({
    model: span.model,
    provider: span.provider,
    usage: span.usage,
    startTimeUnixNano: span.startTimeUnixNano,
    hasMlflowUsage: Object.hasOwn(span.attributes, MLFLOW_USAGE_KEY),
  });
  return costUsd === undefined ? span : { ...span, costUsd, isCostComputed: true };
}
