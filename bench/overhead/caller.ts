/**
 * The process of one measurement: sets up one SDK, makes traced calls and says what they cost. Takes a `Task` as its argument.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { seeded } from "../workload/random.ts";
import { HoldWatch } from "./hold-watch.ts";
import { type PayloadKind, payloadKinds } from "./payloads.ts";
import type { Task, TaskResult } from "./task.ts";
import { threadCpuMs } from "./thread-clock.ts";
import type { Work } from "./tracer.ts";
import { variants } from "./variants.ts";

/** SDKs with short batch delays send by themselves within this; the others are flushed then, which is what their timers do. */
const SETTLE_MS = 1000;
const FLUSH_MS = 60_000;
/** With no server there is nothing to wait for; holds come early. */
const HOPELESS_FLUSH_MS = 2000;

// Written by measure.ts from a Task.
const task = JSON.parse(process.argv[2] ?? "") as Task;
const kind = payloadKinds[task.payload];
const random = seeded(17);
const watch = new HoldWatch();

/** Of 10 KB, before large ones. */
const SMALL_WARM_CALLS = 200;
/** Calls before a flush: OpenTelemetry queues 2,048 spans and drops what is more. */
const WARM_BATCH = 500;
/** Calls of nothing, so that the benchmark's own code is compiled before it measures. */
const UNTRACED_CALLS = 3000;

const tracer = await variants[task.variant].start({ url: task.url, load: await loader(task.folder) });
let outputs: unknown;
const work: Work = async () => outputs;
const traced = tracer.trace(work);

const warmCalls = await warmUp();
watch.start();
const cpuBefore = cpuMs();
const callMs = await makeCalls(task.calls, kind, traced);
await sleep(SETTLE_MS);
await flush();
const cpuAfter = cpuMs();
watch.stop();
const result: TaskResult = {
  callMs,
  longestHoldMs: watch.longestMs,
  holdsAbove20Ms: watch.count,
  cpuMs: cpuAfter - cpuBefore,
  peakMib: peakMib(),
  calls: task.calls + warmCalls,
  accounts: tracer.accounts?.(),
};
// SDKs would go on to wait for their server.
process.send?.(result, () => process.exit());

/**
 * Compiles the paths of the call and of the delivery; begins with small ones, because large ones are few.
 *
 * @returns how many traced calls were made
 */
async function warmUp(): Promise<number> {
  await makeCalls(UNTRACED_CALLS, payloadKinds.small, work);
  const small = kind.isLarge ? SMALL_WARM_CALLS : 0;
  await makeCalls(small, payloadKinds["10KB"], traced);
  for (let left = task.warmCalls; left > 0; left -= WARM_BATCH) {
    await makeCalls(Math.min(left, WARM_BATCH), kind, traced);
    if (task.isUp) await flush();
  }
  await sleep(SETTLE_MS / 2);
  return small + task.warmCalls;
}

/** @returns milliseconds of each call */
async function makeCalls(count: number, payload: PayloadKind, call: Work): Promise<number[]> {
  const times: number[] = [];
  for (let made = 0; made < count; made += 1) times.push(await measureCall(payload, call));
  return times;
}

async function measureCall({ make, isLarge, gapMs }: PayloadKind, call: Work): Promise<number> {
  watch.pause();
  const payload = make(random);
  outputs = payload.outputs;
  // The payload of a real call has lived through the wait for a model; its promotion is not the SDK's doing.
  if (isLarge) promote();
  const cpuBeforeCall = threadCpuMs();
  const began = performance.now();
  await call(payload.inputs);
  const wallMs = performance.now() - began;
  // Time in which another process had the CPU is nobody's: on a busy machine it would be the whole p99.
  const ms = Math.min(wallMs, threadCpuMs() - cpuBeforeCall);
  watch.resume();
  await (gapMs === 0 ? nextTurn() : sleep(gapMs));
  return ms;
}

function promote(): void {
  globalThis.gc?.({ type: "minor" });
  globalThis.gc?.({ type: "minor" });
}

async function flush(): Promise<void> {
  const limit = new AbortController();
  const timeout = sleep(task.isUp ? FLUSH_MS : HOPELESS_FLUSH_MS, undefined, { signal: limit.signal }).catch(
    () => undefined, // aborted below
  );
  // An SDK may reject when its server does not answer; what was delivered is counted by the receiver.
  await Promise.race([tracer.flush().catch((error: unknown) => complain(error)), timeout]);
  limit.abort();
}

function complain(error: unknown): void {
  if (task.isUp) process.stderr.write(`${task.variant}: flush failed: ${String(error)}\n`);
}

/** CPU of all threads of this process so far, in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** VmHWM of proc(5). */
function peakMib(): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
}

/** Packages are imported by a module in the folder that they were installed into. */
async function loader(folder: string | undefined): Promise<<T>(specifier: string) => Promise<T>> {
  if (folder === undefined) return () => Promise.reject(new Error(`${task.variant} has no packages`));
  const { load } = (await import(pathToFileURL(join(folder, "load.mjs")).href)) as {
    load: (specifier: string) => Promise<never>; // written by peer-packages.ts; tracers say which part of a package they use
  };
  return load;
}
