/**
 * Runs measurements: a receiver for each state of the server, a fresh process for each SDK, payload and round, in turn.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { freePort } from "../systems/processes.ts";
import { type PayloadName, payloadKinds } from "./payloads.ts";
import type { ReceiverCount, ReceiverReady, Task, TaskResult } from "./task.ts";
import type { VariantName } from "./variants.ts";

/** Whether the server takes spans, takes connections and never answers, or is not there. */
export type ServerState = "up" | "stalled" | "down";

export const serverStates: readonly ServerState[] = ["up", "stalled", "down"];

export interface Measurement extends TaskResult {
  readonly variant: VariantName;
  readonly payload: PayloadName;
  readonly server: ServerState;
  /** Spans that came, those of calls that warmed up included; 0 when the server is not up. */
  readonly delivered: number;
  readonly bytes: number;
}

export interface MeasureOptions {
  readonly variants: readonly VariantName[];
  readonly payloads: readonly PayloadName[];
  readonly servers: readonly ServerState[];
  /** By state of the server: the one that is up is what users have, the others are there to see that nothing breaks. */
  readonly rounds: { readonly up: number; readonly notUp: number };
  /** All counts of calls are divided by it. */
  readonly divisor: number;
  /** Folder with the packages of a variant. */
  readonly folderOf: (variant: VariantName) => string | undefined;
  readonly onMeasured: (measurement: Measurement) => void;
}

/** Measures everything in turn: all SDKs follow each other on one payload, and rounds follow each other. */
export async function measureAll(options: MeasureOptions): Promise<Measurement[]> {
  const receivers = {
    up: await startReceiver("up"),
    stalled: await startReceiver("stalled"),
    down: { url: `http://127.0.0.1:${await freePort()}`, count: async () => NOTHING, stop: () => undefined },
  };
  const measurements: Measurement[] = [];
  try {
    const { up, notUp } = options.rounds;
    for (let round = 0; round < Math.max(up, notUp); round += 1) {
      for (const server of options.servers) {
        if (round >= (server === "up" ? up : notUp)) continue;
        for (const payload of options.payloads) {
          for (const variant of options.variants) {
            const { calls, warmCalls } = payloadKinds[payload];
            const receiver = receivers[server];
            const result = await runTask({
              variant,
              payload,
              url: receiver.url,
              folder: options.folderOf(variant),
              calls: Math.ceil(calls / options.divisor),
              warmCalls: Math.ceil(warmCalls[server === "up" ? "up" : "notUp"] / options.divisor),
              isUp: server === "up",
            });
            const { spans, bytes } = await receiver.count();
            const measurement = { ...result, variant, payload, server, delivered: spans, bytes };
            options.onMeasured(measurement);
            measurements.push(measurement);
          }
        }
      }
    }
  } finally {
    for (const { stop } of Object.values(receivers)) stop();
  }
  return measurements;
}

const NOTHING: ReceiverCount = { spans: 0, requests: 0, bytes: 0 };

async function startReceiver(state: "up" | "stalled") {
  const child = fork(join(import.meta.dirname, "receiver.ts"), [state], { execArgv: ["--import", "tsx"] });
  const { port } = (await message(child)) as ReceiverReady;
  return {
    url: `http://127.0.0.1:${port}`,
    count: async () => {
      child.send("count");
      return (await message(child)) as ReceiverCount;
    },
    stop: () => child.disconnect(),
  };
}

/** The SDK runs from the build: tsx, which runs the benchmark, would slow down functions that it compiles. */
async function runTask(task: Task): Promise<TaskResult> {
  const child = fork(join(import.meta.dirname, "caller.ts"), [JSON.stringify(task)], {
    execArgv: ["--import", "tsx", "--expose-gc", "--disable-warning=ExperimentalWarning"],
  });
  try {
    return (await message(child)) as TaskResult;
  } finally {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
}

/** The next message of a process. */
function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (code: number | null): void => reject(new Error(`a process ended with ${code} before it answered`));
    child.once("exit", fail);
    child.once("message", (answer) => {
      child.off("exit", fail);
      resolve(answer);
    });
  });
}
