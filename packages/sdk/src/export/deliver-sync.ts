/**
 * Delivery while nothing asynchronous runs any more: in `process.on("exit")`, which `process.exit()` and uncaught errors reach.
 *
 * A thread of its own sends the requests while this one waits, bounded in time. It costs some 30 ms, and only when spans are
 * unsent.
 */
import { Worker } from "node:worker_threads";

export interface LastDelivery {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Protobuf bytes, uncompressed. */
  readonly bodies: readonly Uint8Array[];
  readonly timeoutMs: number;
}

// Plain JavaScript in a text: it must run without the loaders that the program was started with, from a bundle too.
// `progress[0]` counts the requests that are settled, `progress[1 + i]` is the status of request i (0 = not sent).
const SOURCE = `
const { workerData: { url, headers, bodies, progress } } = require("node:worker_threads");
const { request } = require(url.startsWith("https:") ? "node:https" : "node:http");
const { gzipSync } = require("node:zlib");
const send = (index) => {
  if (index === bodies.length) return;
  const settle = (status) => {
    Atomics.store(progress, 1 + index, status);
    Atomics.add(progress, 0, 1);
    Atomics.notify(progress, 0);
    send(index + 1);
  };
  const body = gzipSync(bodies[index], { level: 1 });
  const sent = request(url, { method: "POST", headers: { ...headers, "content-encoding": "gzip", "content-length": body.length } });
  sent.on("response", (response) => response.resume().on("end", () => settle(response.statusCode)));
  sent.on("error", () => settle(-1));
  sent.end(body);
};
send(0);
`;

/**
 * Sends the bodies one after the other and blocks until they are settled or the time is over.
 *
 * @returns for each body whether the server acknowledged it
 */
export function deliverSync({ url, headers, bodies, timeoutMs }: LastDelivery): boolean[] {
  const deadline = Date.now() + timeoutMs;
  const progress = new Int32Array(new SharedArrayBuffer(4 * (1 + bodies.length)));
  const worker = new Worker(SOURCE, {
    eval: true,
    execArgv: [],
    // Loaders and inspectors of the program have no business here.
    env: { ...process.env, NODE_OPTIONS: "" },
    workerData: { url: url.href, headers, bodies, progress },
  });
  worker.unref();
  for (let settled = 0; settled < bodies.length; settled = Atomics.load(progress, 0)) {
    const left = deadline - Date.now();
    if (left <= 0 || Atomics.wait(progress, 0, settled, left) === "timed-out") break;
  }
  return bodies.map((_, index) => {
    const status = Atomics.load(progress, 1 + index);
    return status >= 200 && status <= 299;
  });
}
