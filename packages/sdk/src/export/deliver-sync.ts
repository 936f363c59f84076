/**
 * Delivery while nothing asynchronous runs any more: in `process.on("exit")`, which `process.exit()` and uncaught errors reach.
 *
 * A thread of its own sends the requests while this one waits, bounded in time. It costs some 30 ms, and only when spans are
 * unsent.
 */
import { Worker } from "node:worker_threads";
import type { LastRequest } from "./last-requests.ts";

export interface LastDelivery {
  /** At one server. */
  readonly requests: readonly LastRequest[];
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

// Plain JavaScript in a text: it must run without the loaders that the program was started with, from a bundle too.
// `progress[0]` counts the requests that are settled, `progress[1 + i]` is the status of request i (0 = not sent).
// After a request that got no answer the others are not tried: each would take its time, and the server is away.
const SOURCE = `
const { workerData: { requests, progress } } = require("node:worker_threads");
const { Agent, request } = require(requests[0].url.startsWith("https:") ? "node:https" : "node:http");
const { gzipSync } = require("node:zlib");
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const send = (index) => {
  if (index === requests.length) return;
  const settle = (status) => {
    Atomics.store(progress, 1 + index, status);
    Atomics.store(progress, 0, status < 0 ? requests.length : index + 1);
    Atomics.notify(progress, 0);
    if (status > 0) send(index + 1);
  };
  const { method, url, headers, chunks, isGzipped } = requests[index];
  const plain = Buffer.concat(chunks);
  const body = isGzipped ? gzipSync(plain, { level: 1 }) : plain;
  const sent = request(url, { method, agent, headers: { ...headers, "content-length": body.length } });
  sent.on("response", (response) => response.resume().on("end", () => settle(response.statusCode)));
  sent.on("error", () => settle(-1));
  sent.end(body);
};
send(0);
`;

/**
 * Sends requests one after the other and blocks until they are settled or the time is over.
 *
 * @returns for each request whether the server acknowledged it
 */
export function deliverSync({ headers, requests, timeoutMs }: LastDelivery): boolean[] {
  if (requests.length === 0) return [];
  const deadline = Date.now() + timeoutMs;
  const progress = new Int32Array(new SharedArrayBuffer(4 * (1 + requests.length)));
  const worker = new Worker(SOURCE, {
    eval: true,
    execArgv: [],
    // Loaders and inspectors of the program have no business here.
    env: { ...process.env, NODE_OPTIONS: "" },
    workerData: {
      requests: requests.map(({ method, url, headers: own, body, isGzipped }) => ({
        method,
        url: url.href,
        headers: { ...headers, ...own },
        chunks: body,
        isGzipped,
      })),
      progress,
    },
  });
  worker.unref();
  for (let settled = 0; settled < requests.length; settled = Atomics.load(progress, 0)) {
    const left = deadline - Date.now();
    if (left <= 0 || Atomics.wait(progress, 0, settled, left) === "timed-out") break;
  }
  return requests.map((_, index) => {
    const status = Atomics.load(progress, 1 + index);
    return status >= 200 && status <= 299;
  });
}
