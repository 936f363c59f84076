/**
 * OpenTelemetry JS: NodeTracerProvider, BatchSpanProcessor with its defaults, OTLP over HTTP as protobuf; the payload as JSON in
 * attributes, which take no structured values.
 *
 * @see https://opentelemetry.io/docs/languages/js/instrumentation/
 */
import type { Tracer, TracerOptions } from "../tracer.ts";

interface Span {
  setAttribute(key: string, value: string): void;
  end(): void;
}
interface Api {
  readonly trace: {
    getTracer(name: string): { startActiveSpan<T>(name: string, work: (span: Span) => T): T };
  };
}
interface TraceNode {
  readonly NodeTracerProvider: new (options: {
    spanProcessors: object[];
  }) => { register(): void; forceFlush(): Promise<void> };
  readonly BatchSpanProcessor: new (exporter: object) => object;
}
interface Exporter {
  readonly OTLPTraceExporter: new (options: { url: string }) => object;
}

export async function start({ url, load }: TracerOptions): Promise<Tracer> {
  const { trace } = await load<Api>("@opentelemetry/api");
  const { BatchSpanProcessor, NodeTracerProvider } = await load<TraceNode>("@opentelemetry/sdk-trace-node");
  const { OTLPTraceExporter } = await load<Exporter>("@opentelemetry/exporter-trace-otlp-proto");
  const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces` });
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  provider.register();
  const tracer = trace.getTracer("bench");
  return {
    trace: (work) => (request) =>
      tracer.startActiveSpan("answer", async (span) => {
        try {
          span.setAttribute("input.value", JSON.stringify(request));
          const result = await work(request);
          span.setAttribute("output.value", JSON.stringify(result));
          return result;
        } finally {
          span.end();
        }
      }),
    flush: () => provider.forceFlush(),
  };
}
