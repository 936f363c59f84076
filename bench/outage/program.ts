/**
 * The program that is measured: handles requests at a fixed rate, traced as a small agent would be, and says what its users met.
 *
 * A request is three spans with inputs and outputs of some kilobytes and 5 ms of waiting; it is begun on time whether or not
 * those before it are done.
 */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { flush, init, stats, trace } from "@sightline/sdk";
import { quantile } from "../measure/statistics.ts";
import { seeded } from "../workload/random.ts";
import type { Phase, PhaseResult, ProgramResult } from "./messages.ts";

init({ experiment: "outage", maxQueueBytes: Number(process.env["QUEUE_BYTES"]) });
const rate = Number(process.env["RATE"]);
const random = seeded(1);
/** Built once: the program's own work should not be what is measured. */
const texts = Array.from({ length: 64 }, () =>
  Array.from({ length: 60 + Math.floor(random() * 120) }, () => random().toString(36).slice(2)).join(" "),
);
const textOf = (number: number): string => `${number} ${texts[number % texts.length]}`;

const search = trace(
  async (query: string) => {
    await wait(2);
    return { hits: [query, textOf(3)] };
  },
  { name: "search" },
);
const model = trace(
  async (messages: { role: string; content: string }[]) => {
    await wait(3);
    return textOf(messages.length);
  },
  { name: "model" },
);
const agent = trace(
  async (question: string) => {
    const { hits } = await search(question);
    return model([
      { role: "system", content: textOf(1) },
      { role: "user", content: question },
      { role: "tool", content: hits.join("\n") },
    ]);
  },
  { name: "agent" },
);

const phases: Partial<Record<Phase, PhaseResult>> = {};
const loop = monitorEventLoopDelay({ resolution: 5 });
let phase: Phase = "before";
let latencies: number[] = [];
let maxQueuedBytes = 0;
let maxRssBytes = 0;

function look(): void {
  maxQueuedBytes = Math.max(maxQueuedBytes, stats().queuedBytes);
  maxRssBytes = Math.max(maxRssBytes, process.memoryUsage.rss());
}

async function request(number: number): Promise<void> {
  const began = performance.now();
  await agent(textOf(number));
  latencies.push(performance.now() - began);
}

function endPhase(): void {
  look();
  phases[phase] = {
    requests: latencies.length,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    maxMs: Math.max(...latencies),
    // The histogram has the resolution itself in every value.
    loopMaxMs: Math.max(0, loop.max / 1e6 - 5),
    maxQueuedBytes,
    maxRssBytes,
  };
  latencies = [];
  maxQueuedBytes = 0;
  maxRssBytes = 0;
  loop.reset();
}

process.on("message", (next: Phase) => {
  endPhase();
  phase = next;
  if (next === "end") void finish();
});

async function finish(): Promise<void> {
  clearInterval(timer);
  clearInterval(looking);
  // Requests that are under way.
  await wait(1000);
  const isDelivered = await flush(60_000);
  process.send?.({ phases, stats: stats(), isDelivered } satisfies ProgramResult, () => process.disconnect());
}

// Warm: the first requests compile the program and the SDK.
for (let number = 0; number < 500; number += 1) await request(number);
await flush();
latencies = [];
loop.enable();
let due = performance.now();
let number = 500;
const timer = setInterval(() => {
  for (; due <= performance.now(); due += 1000 / rate) void request(number++);
}, 1);
const looking = setInterval(look, 20);
process.send?.("ready");
