/**
 * Langfuse JS: LangfuseSpanProcessor with its defaults and `observe(fn)`.
 *
 * @see https://langfuse.com/docs/observability/sdk/instrumentation
 */
import type { Tracer, TracerOptions, Work } from "../tracer.ts";

interface TraceNode {
  readonly NodeTracerProvider: new (options: { spanProcessors: object[] }) => { register(): void };
}
interface Otel {
  readonly LangfuseSpanProcessor: new (options: {
    publicKey: string;
    secretKey: string;
    baseUrl: string;
  }) => { forceFlush(): Promise<void> };
}
interface Tracing {
  observe(work: Work, options: { name: string }): Work;
}

export async function start({ url, load }: TracerOptions): Promise<Tracer> {
  const { NodeTracerProvider } = await load<TraceNode>("@opentelemetry/sdk-trace-node");
  const { LangfuseSpanProcessor } = await load<Otel>("@langfuse/otel");
  const { observe } = await load<Tracing>("@langfuse/tracing");
  const processor = new LangfuseSpanProcessor({ publicKey: "pk-lf-bench", secretKey: "sk-lf-bench", baseUrl: url });
  new NodeTracerProvider({ spanProcessors: [processor] }).register();
  return { trace: (work) => observe(work, { name: "answer" }), flush: () => processor.forceFlush() };
}
