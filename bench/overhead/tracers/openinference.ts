/**
 * OpenInference JS: `register` of Phoenix's OpenTelemetry package with its defaults and `traceChain(fn)`.
 *
 * @see https://arize.com/docs/phoenix/sdk-api-reference/typescript/arizeai-phoenix-otel
 */
import type { Tracer, TracerOptions, Work } from "../tracer.ts";

interface PhoenixOtel {
  register(options: { projectName: string; url: string; apiKey: string }): { forceFlush(): Promise<void> };
  traceChain(work: Work, options: { name: string }): Work;
}

export async function start({ url, load }: TracerOptions): Promise<Tracer> {
  const { register, traceChain } = await load<PhoenixOtel>("@arizeai/phoenix-otel");
  const provider = register({ projectName: "bench", url, apiKey: "bench" });
  return { trace: (work) => traceChain(work, { name: "answer" }), flush: () => provider.forceFlush() };
}
