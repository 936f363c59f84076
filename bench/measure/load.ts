/**
 * The ingest load: a closed loop over kept-alive connections, in a process of its own so that what measures is not slowed by it.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import type { Dialect } from "../workload/span-template.ts";
import { quantile } from "./statistics.ts";

export interface Load {
  /** Where spans are sent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly dialect: Dialect;
  readonly tracesPerRequest: number;
  readonly gzip: boolean;
  readonly connections: number;
  readonly seconds: number;
  /** Traces: the loop ends after so many, if it has not before. */
  readonly maxTraces?: number;
  /** Spans a second at most; absent = as many as the server takes. */
  readonly pace?: number;
}

export interface LoadResult {
  readonly seconds: number;
  /** Acknowledged with 200. */
  readonly traces: number;
  readonly spans: number;
  /** Requests answered otherwise (429, 503). */
  readonly refused: number;
  /** Requests whose connection broke. */
  readonly broken: number;
  /** Milliseconds to each acknowledgement, in order of arrival. */
  readonly waitsMs: readonly number[];
  readonly bytesPerRequest: number;
  /** Of the load process itself: near 1 per second it limits what is measured. */
  readonly clientCpuSeconds: number;
}

export interface RunningLoad {
  readonly result: Promise<LoadResult>;
  /** Ends the loop early; the result comes as usual. */
  stop(): void;
}

/** Starts the load; it began to send when this resolves. */
export async function startLoad(load: Load): Promise<RunningLoad> {
  const child = fork(new URL("load-process.ts", import.meta.url), [JSON.stringify(load)], {
    serialization: "advanced",
  });
  const exited = once(child, "exit");
  const messages = (async () => {
    const [result] = (await Promise.race([
      once(child, "message"),
      exited.then(([code]) => Promise.reject(new Error(`the load's process ended with ${code}`))),
    ])) as [unknown];
    return result;
  })();
  // The first message says that it sends.
  await messages;
  const result = Promise.race([
    once(child, "message").then(([value]) => value as LoadResult),
    exited.then(([code]) => Promise.reject(new Error(`the load's process ended with ${code} before its result`))),
  ]);
  return {
    result: result.then(async (value) => {
      await exited;
      return value;
    }),
    stop: () => child.send("stop"),
  };
}

/** Runs the load to its end. */
export async function runLoad(load: Load): Promise<LoadResult> {
  return (await startLoad(load)).result;
}

/** Quantile of the acknowledgement times in milliseconds. */
export function ackMs(result: LoadResult, q: number): number {
  return quantile(result.waitsMs, q);
}
