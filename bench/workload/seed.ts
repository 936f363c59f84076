/**
 * Fills a system with the seeded traces through its own ingest endpoint, newest first, then going back in time.
 */
import { keepAlive, send } from "../measure/http.ts";
import { exportRequest, largeTraceRequests } from "./requests.ts";
import type { Dialect } from "./span-template.ts";
import { largeTraceIndex, seededTrace } from "./traces.ts";

export interface SeedOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly dialect: Dialect;
  readonly newestMs: number;
  /** Numbers of the traces: `first` up to, not including, `end`. */
  readonly first: number;
  readonly end: number;
  /** Default 64, 512 spans. */
  readonly tracesPerRequest?: number;
  /** Called when all traces below `done` are acknowledged. */
  readonly onProgress?: (done: number) => void;
}

const CONNECTIONS = 4;
/** How long a refusing server is left alone when it does not say. */
const RETRY_MS = 500;

/**
 * Sends the traces; what is refused with 429 or 503 is sent again. Sending a trace twice changes nothing.
 *
 * @throws on any other answer than 200
 */
export async function seedTraces(options: SeedOptions): Promise<void> {
  const { first, end, tracesPerRequest = 64 } = options;
  const agent = keepAlive(CONNECTIONS);
  let next = first;
  const open = new Set<number>();
  const connection = async () => {
    while (next < end) {
      const from = next;
      next = Math.min(end, from + tracesPerRequest);
      open.add(from);
      const traces = Array.from({ length: next - from }, (_, at) => seededTrace(from + at, options.newestMs));
      await deliver(agent, options, exportRequest(traces, options.dialect));
      open.delete(from);
      options.onProgress?.(Math.min(next, ...open));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  agent.destroy();
}

/** Sends one large trace, request by request, in order. */
export async function seedLargeTrace(
  options: Pick<SeedOptions, "url" | "headers" | "dialect" | "newestMs">,
  spanCount: number,
): Promise<void> {
  const agent = keepAlive(1);
  const requests = largeTraceRequests(largeTraceIndex(spanCount), spanCount, options.newestMs, options.dialect);
  for (const { body } of requests) await deliver(agent, options, body);
  agent.destroy();
}

async function deliver(
  agent: ReturnType<typeof keepAlive>,
  { url, headers }: Pick<SeedOptions, "url" | "headers">,
  body: Buffer,
): Promise<void> {
  for (;;) {
    const answer = await send(agent, {
      method: "POST",
      url,
      headers: { "content-type": "application/x-protobuf", ...headers },
      body,
    });
    if (answer.status === 200) return;
    if (answer.status !== 429 && answer.status !== 503) {
      throw new Error(`${url} answered ${answer.status}: ${answer.body.toString().slice(0, 500)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
