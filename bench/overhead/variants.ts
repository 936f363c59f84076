/**
 * The SDKs that are measured: what to install for each, and where it is set up. A new one is a row here and a file in `tracers/`.
 */
import type { Tracer, TracerOptions } from "./tracer.ts";

export type VariantName =
  | "untraced"
  | "sightline"
  | "opentelemetry"
  | "langfuse"
  | "langsmith"
  | "traceloop"
  | "openinference";

export interface Variant {
  readonly title: string;
  /** Exact versions; those of OpenTelemetry are the newest that run on Node 20. */
  readonly packages: readonly string[];
  readonly start: (options: TracerOptions) => Promise<Tracer>;
}

export const variants: Readonly<Record<VariantName, Variant>> = {
  untraced: {
    title: "untraced",
    packages: [],
    start: async () => ({ trace: (work) => work, flush: async () => undefined }),
  },
  opentelemetry: {
    title: "OpenTelemetry JS 2.9.0",
    packages: [
      "@opentelemetry/api@1.9.0",
      "@opentelemetry/sdk-trace-node@2.9.0",
      "@opentelemetry/exporter-trace-otlp-proto@0.220.0",
    ],
    start: async (options) => (await import("./tracers/opentelemetry.ts")).start(options),
  },
  langfuse: {
    title: "Langfuse JS 5.11.1",
    packages: [
      "@langfuse/tracing@5.11.1",
      "@langfuse/otel@5.11.1",
      "@opentelemetry/api@1.9.0",
      "@opentelemetry/core@2.9.0",
      "@opentelemetry/exporter-trace-otlp-http@0.220.0",
      "@opentelemetry/sdk-trace-node@2.9.0",
    ],
    start: async (options) => (await import("./tracers/langfuse.ts")).start(options),
  },
  langsmith: {
    title: "LangSmith JS 0.12.0",
    packages: ["langsmith@0.12.0"],
    start: async (options) => (await import("./tracers/langsmith.ts")).start(options),
  },
  traceloop: {
    title: "Traceloop 0.27.0",
    packages: ["@traceloop/node-server-sdk@0.27.0"],
    start: async (options) => (await import("./tracers/traceloop.ts")).start(options),
  },
  openinference: {
    title: "OpenInference JS 2.7.1",
    packages: ["@arizeai/openinference-core@2.7.1", "@arizeai/phoenix-otel@2.1.0", "@opentelemetry/api@1.9.1"],
    start: async (options) => (await import("./tracers/openinference.ts")).start(options),
  },
  sightline: {
    title: "Sightline",
    packages: [],
    start: async (options) => (await import("./tracers/sightline.ts")).start(options),
  },
};
