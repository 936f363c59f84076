/**
 * The public names of `@sightline/sdk/opentelemetry`: joining a program's own OpenTelemetry set-up.
 */
export type { ReadableSpan } from "./readable-span.ts";
export type { SpanDestinationOptions } from "./span-destination.ts";
export { type ExportResult, SightlineSpanExporter } from "./span-exporter.ts";
export { SightlineSpanProcessor } from "./span-processor.ts";
export { tracer } from "./tracer.ts";
