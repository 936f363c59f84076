/**
 * The threads that run streamed queries, and the streams as async iterables.
 *
 * Threads start with the first streams and stay: ending one while the engine lives crashes the process (seen with chdb 3.4.0).
 */
import { on } from "node:events";
import { Worker } from "node:worker_threads";
import { childEntry } from "../child-entry.ts";
import type { FromStreamThread, StreamJob, ToStreamThread } from "./stream-messages.ts";

export interface StreamChunk {
  readonly bytes: Uint8Array;
  readonly rows: number;
}

export class StreamThreads {
  readonly #idle: Worker[] = [];

  /**
   * Runs one query; the caller sees to it that not more run at once than there shall be threads.
   *
   * Breaking out of the loop stops the query at its next block.
   *
   * @throws Error with the engine's message
   */
  async *run(job: StreamJob): AsyncGenerator<StreamChunk, void> {
    const worker = this.#idle.pop() ?? startThread();
    const send = (message: ToStreamThread) => worker.postMessage(message);
    const failed = new AbortController();
    const fail = (error: Error) => failed.abort(error);
    worker.once("error", fail);
    const messages = on(worker, "message", { signal: failed.signal });
    send({ type: "run", job });
    let over = false;
    try {
      for await (const [message] of messages as AsyncIterable<[FromStreamThread]>) {
        if (message.type === "chunk") {
          yield message;
          send({ type: "more" });
          continue;
        }
        over = true;
        if (message.type === "error") throw new Error(message.message);
        return;
      }
    } catch (error) {
      throw failed.signal.aborted ? failed.signal.reason : error;
    } finally {
      if (!over && !failed.signal.aborted) {
        send({ type: "stop" });
        await ended(worker);
      }
      worker.off("error", fail);
      if (!failed.signal.aborted) this.#idle.push(worker);
    }
  }
}

function startThread(): Worker {
  const entry = childEntry(import.meta.url, "./stream-thread");
  const worker = new Worker(entry.workerUrl);
  worker.unref();
  return worker;
}

function ended(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    const listen = (message: FromStreamThread) => {
      if (message.type === "chunk") return;
      worker.off("message", listen);
      resolve();
    };
    worker.on("message", listen);
  });
}
