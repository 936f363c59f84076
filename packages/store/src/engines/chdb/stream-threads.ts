/**
 * The threads that run streamed queries, and the streams as async iterables.
 *
 * Threads start with the first streams and stay: ending one while the engine lives crashes the process (seen with chdb 3.4.0).
 */
import { Worker } from "node:worker_threads";
import { childEntry } from "../child-entry.ts";
import type { FromStreamThread, StreamJob, ToStreamThread } from "./stream-messages.ts";

export interface StreamChunk {
  readonly bytes: Uint8Array;
  readonly rows: number;
}

export class StreamThreads {
  readonly #idle: StreamThread[] = [];

  /**
   * Runs one query; the caller sees to it that not more run at once than there shall be threads.
   *
   * Breaking out of the loop stops the query at its next block.
   *
   * @throws Error with the engine's message
   */
  async *run(job: StreamJob): AsyncGenerator<StreamChunk, void> {
    const thread = this.#idle.pop() ?? new StreamThread();
    let over = false;
    try {
      thread.send({ type: "run", job });
      for (;;) {
        const message = await thread.receive();
        if (message.type === "chunk") {
          yield message;
          thread.send({ type: "more" });
          continue;
        }
        over = true;
        if (message.type === "error") throw new Error(message.message);
        return;
      }
    } finally {
      if (!over) await thread.stop();
      if (thread.alive) this.#idle.push(thread);
    }
  }
}

class StreamThread {
  readonly #worker: Worker;
  readonly #inbox: FromStreamThread[] = [];
  #wake: () => void = () => undefined;
  #death: Error | undefined;

  constructor() {
    this.#worker = new Worker(childEntry(import.meta.url, "./stream-thread").workerUrl);
    this.#worker.unref();
    this.#worker.on("message", (message: FromStreamThread) => {
      this.#inbox.push(message);
      this.#wake();
    });
    const die = (error: Error) => {
      this.#death ??= error;
      this.#wake();
    };
    this.#worker.on("error", die);
    this.#worker.on("exit", (code) => die(new Error(`The stream thread ended with code ${code}.`)));
  }

  get alive(): boolean {
    return this.#death === undefined;
  }

  send(message: ToStreamThread): void {
    this.#worker.postMessage(message);
  }

  async receive(): Promise<FromStreamThread> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message) return message;
      if (this.#death) throw this.#death;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Waits until the thread has let go of its query; whatever it still says about it is dropped. */
  async stop(): Promise<void> {
    if (!this.alive) return;
    this.send({ type: "stop" });
    while (this.alive && (await this.receive().catch(() => undefined))?.type === "chunk");
  }
}
