/**
 * The process that sends the load of `load.ts`: takes a `Load` as its argument, says "sending", then the result.
 */
import { gzipSync } from "node:zlib";
import { exportRequest } from "../workload/requests.ts";
import { FIRST_LOAD_INDEX, loadTrace, SPANS_PER_TRACE } from "../workload/traces.ts";
import { keepAlive, send } from "./http.ts";
import type { Load, LoadResult } from "./load.ts";

// Written by startLoad from a Load.
const load = JSON.parse(process.argv[2] ?? "") as Load;

let next = firstIndex();
let stopped = false;
process.on("message", (message) => {
  if (message === "stop") stopped = true;
});

// The text is made before the clock runs.
let bytesPerRequest = nextBody().length;
const result = await run();
process.send?.(result, () => process.disconnect());

/** Every run has traces of its own: microseconds of the clock, far above the seeded ones. */
function firstIndex(): number {
  return FIRST_LOAD_INDEX + Date.now() * 1000;
}

function nextBody(): Buffer {
  const traces = Array.from({ length: load.tracesPerRequest }, () => {
    next += 1;
    return loadTrace(next);
  });
  return exportRequest(traces, load.dialect);
}

async function run(): Promise<LoadResult> {
  const agent = keepAlive(load.connections);
  const waitsMs: number[] = [];
  let requests = 0;
  let refused = 0;
  let broken = 0;
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  process.send?.("sending");
  const isOver = () =>
    stopped ||
    performance.now() - began >= load.seconds * 1000 ||
    (load.maxTraces !== undefined && requests * load.tracesPerRequest >= load.maxTraces);
  const connection = async () => {
    while (!isOver()) {
      requests += 1;
      const plain = nextBody();
      const body = load.gzip ? gzipSync(plain, { level: 1 }) : plain;
      bytesPerRequest = body.length;
      if (load.pace !== undefined) await untilDue(began, requests);
      try {
        const answer = await send(agent, {
          method: "POST",
          url: load.url,
          headers: {
            "content-type": "application/x-protobuf",
            ...load.headers,
            ...(load.gzip && { "content-encoding": "gzip" }),
          },
          body,
        });
        if (answer.status === 200) waitsMs.push(answer.ms);
        else refused += 1;
      } catch (error) {
        // The server was killed, or closed the connection: counted, and shown with the result.
        if (!("code" in (error as Error))) throw error;
        broken += 1;
      }
      // A server that refuses is not asked again at once.
      if (refused > 0 && waitsMs.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await Promise.all(Array.from({ length: load.connections }, connection));
  agent.destroy();
  const cpu = process.cpuUsage(cpuBefore);
  return {
    seconds: (performance.now() - began) / 1000,
    traces: waitsMs.length * load.tracesPerRequest,
    spans: waitsMs.length * load.tracesPerRequest * SPANS_PER_TRACE,
    refused,
    broken,
    waitsMs,
    bytesPerRequest,
    clientCpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
}

async function untilDue(began: number, requests: number): Promise<void> {
  const spansPerMs = (load.pace ?? 0) / 1000;
  const due = began + ((requests - 1) * load.tracesPerRequest * SPANS_PER_TRACE) / spansPerMs;
  const wait = due - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
}
