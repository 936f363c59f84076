/**
 * Traceloop (OpenLLMetry JS): `initialize` with its defaults and `withTask`. Its prompt registry and the report of its use, which
 * call its makers' servers, are off.
 *
 * @see https://www.traceloop.com/docs/openllmetry/tracing/annotations
 */
import type { Tracer, TracerOptions, Work } from "../tracer.ts";

interface Traceloop {
  initialize(options: {
    appName: string;
    apiKey: string;
    baseUrl: string;
    traceloopSyncEnabled: boolean;
    silenceInitializationMessage: boolean;
  }): void;
  withTask(options: { name: string }, work: Work, request: unknown): Promise<unknown>;
  forceFlush(): Promise<void>;
}

export async function start({ url, load }: TracerOptions): Promise<Tracer> {
  process.env["TRACELOOP_TELEMETRY"] = "false";
  const { forceFlush, initialize, withTask } = await load<Traceloop>("@traceloop/node-server-sdk");
  initialize({
    appName: "bench",
    apiKey: "bench",
    baseUrl: url,
    traceloopSyncEnabled: false,
    silenceInitializationMessage: true,
  });
  return { trace: (work) => (request) => withTask({ name: "answer" }, work, request), flush: () => forceFlush() };
}
