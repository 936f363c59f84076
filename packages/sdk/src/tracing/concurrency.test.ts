/**
 * Ten thousand chains at once, with random awaits, timers, generators, emitters, queues, callers in other processes and errors: no
 * span has a wrong parent, and every count is exact.
 */
import { EventEmitter } from "node:events";
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { flush, init, shutdown, stats } from "../init.ts";
import { type Receiver, startReceiver } from "../testing/receiver.ts";
import { bind } from "./carry.ts";
import { getCurrentSpan } from "./context.ts";
import { updateCurrentTrace } from "./current.ts";
import { newSpanId, newTraceId } from "./ids.ts";
import { withTraceHeaders } from "./propagation.ts";
import { startSpan, trace, withSpan } from "./trace.ts";

const CHAINS = 10_000;

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  // The receiver is in this process: spans gather while the chains keep it busy.
  init({ url: receiver.url, maxQueueBytes: 1024 ** 3 });
});
afterAll(async () => {
  await shutdown();
  await receiver.close();
});

/** A reproducible source of chance (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ways for work to be continued later. */
const pauses: readonly ((random: () => number) => Promise<unknown>)[] = [
  () => Promise.resolve(),
  (random) => wait(random() * 5),
  () => nextTurn(),
  () => new Promise((resolve) => process.nextTick(resolve)),
  () =>
    new Promise<void>((resolve) => {
      const emitter = new EventEmitter().once("go", resolve);
      setImmediate(() => emitter.emit("go"));
    }),
];

const pick = <T>(list: readonly T[], random: () => number): T => list[Math.floor(random() * list.length)] as T;

/** Runs what any chain hands in, in a context that belongs to none, or to whichever chain was first. */
class Pool {
  readonly #jobs: (() => void)[] = [];
  #isRunning = false;

  add(job: () => void): void {
    this.#jobs.push(job);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => {
      this.#isRunning = false;
      for (const queued of this.#jobs.splice(0)) queued();
    });
  }
}

test(`${CHAINS} chains at once`, async () => {
  const pool = new Pool();
  const before = stats();
  /** Span id → the parent that it must have, told by the code that begins it; "" for roots. */
  const expected = new Map<string, string>();
  /** Span id → the chain that it belongs to. */
  const chainOf = new Map<string, number>();
  /** Ids of the spans that an error left. */
  const failed = new Set<string>();

  /** To be called first thing inside a span. */
  const enter = (parent: string, chain: number): string => {
    const { spanId } = getCurrentSpan()!;
    expected.set(spanId, parent);
    chainOf.set(spanId, chain);
    return spanId;
  };

  const step = trace(
    async (chain: number, depth: number, parent: string, random: () => number): Promise<void> => {
      const self = enter(parent, chain);
      const stays = (): void => expect(getCurrentSpan()?.spanId).toBe(self);
      try {
        await pick(pauses, random)(random);
        stays();
        for (let left = depth < 2 ? Math.floor(random() * 3) : 0; left > 0; left--) {
          await pick(branches, random)(chain, depth, self, random);
          stays();
        }
        updateCurrentTrace({ tags: { chain: String(chain) } });
        if (random() < 0.1) throw new Error(`chain ${chain} failed`);
      } catch (error) {
        // Its own, or that of a step below it.
        failed.add(self);
        throw error;
      }
    },
    { name: "step" },
  );

  type Branch = (chain: number, depth: number, self: string, random: () => number) => Promise<unknown>;
  const child: Branch = (chain, depth, self, random) => step(chain, depth + 1, self, random);

  const numbers = trace(function* numbers(chain: number, parent: string) {
    const self = enter(parent, chain);
    for (const count of [1, 2]) {
      expect(getCurrentSpan()?.spanId).toBe(self);
      yield count;
    }
  });

  const stream = trace(async function* stream(chain: number, parent: string, random: () => number) {
    const self = enter(parent, chain);
    yield 1;
    await pick(pauses, random)(random);
    expect(getCurrentSpan()?.spanId).toBe(self);
    withSpan({ name: "in a stream" }, () => enter(self, chain));
    yield 2;
  });

  const branches: readonly Branch[] = [
    child,
    (...about) => Promise.all([child(...about), child(...about)]),
    (...about) => Promise.allSettled([child(...about), child(...about)]),
    (chain, _depth, self, random) =>
      withSpan({ name: "block" }, async () => {
        enter(self, chain);
        await pick(pauses, random)(random);
      }),
    async (chain, _depth, self, random) => {
      for await (const _ of stream(chain, self, random)) await pick(pauses, random)(random);
    },
    async (chain, _depth, self, random) => {
      // Read over awaits, and broken off by some.
      for (const count of numbers(chain, self)) {
        await pick(pauses, random)(random);
        if (random() < 0.3 && count === 1) break;
      }
    },
    (chain, _depth, self) =>
      // Run by somebody else, later; what is bound belongs to the chain all the same.
      new Promise<void>((resolve) => {
        pool.add(
          bind(() => {
            withSpan({ name: "pooled" }, () => enter(self, chain));
            resolve();
          }),
        );
      }),
    async (chain, _depth, self, random) => {
      const span = startSpan({ name: "by hand" });
      await pick(pauses, random)(random);
      span.run(() => enter(self, chain));
      span.end();
    },
  ];

  const chains = Array.from({ length: CHAINS }, async (_, chain) => {
    const random = seeded(chain);
    const begin = (parent: string): Promise<void> =>
      withSpan({ name: "chain", attributes: { chain } }, () => {
        const self = enter(parent, chain);
        return step(chain, 0, self, random).catch((error: unknown) => {
          failed.add(self);
          throw error;
        });
      });
    // Some come from another process, while all the others run.
    const remote = { traceId: newTraceId(), spanId: newSpanId() };
    const traceparent = `00-${remote.traceId}-${remote.spanId}-01`;
    const run = random() < 0.2 ? withTraceHeaders({ traceparent }, () => begin(remote.spanId)) : begin("");
    await run.catch((error: Error) => expect(error.message).toBe(`chain ${chain} failed`));
  });
  await Promise.all(chains);
  expect(getCurrentSpan()).toBeUndefined();
  // A chain that fails leaves work of its Promise.all behind; it ends by itself.
  while (stats().ended - before.ended < expected.size) await nextTurn();
  expect(await flush(120_000)).toBe(true);

  const after = stats();
  expect(after.ended - before.ended).toBe(expected.size);
  expect(after.sent - before.sent).toBe(expected.size);
  expect([after.dropped, after.failures, after.queued]).toEqual([before.dropped, before.failures, 0]);

  const spans = new Map(receiver.spans.map((span) => [span.spanId, span]));
  expect(spans.size).toBe(expected.size);
  expect(spans.size).toBeGreaterThan(4 * CHAINS);
  const wrong: string[] = [];
  for (const span of spans.values()) {
    const parent = spans.get(span.parentSpanId);
    const about = `${span.name} of chain ${chainOf.get(span.spanId)}`;
    if (span.parentSpanId !== expected.get(span.spanId)) wrong.push(`${about}: not the parent it was begun under`);
    if (span.name === "chain") {
      if (span.attributes["chain"] !== chainOf.get(span.spanId)) wrong.push(`${about}: another chain's attributes`);
      const tag = span.attributes["mlflow.traceTag.chain"];
      // Absent when every step failed before it came to that.
      const isOwn = tag === String(chainOf.get(span.spanId)) || (tag === undefined && failed.has(span.spanId));
      if (!isOwn) wrong.push(`${about}: the tag of another trace`);
    } else if (parent === undefined) wrong.push(`${about}: no parent`);
    if (span.statusCode !== (failed.has(span.spanId) ? 2 : 1)) wrong.push(`${about}: status ${span.statusCode}`);
    if (span.endTimeUnixNano < span.startTimeUnixNano) wrong.push(`${about}: ended before it began`);
    if (parent === undefined) continue;
    if (parent.traceId !== span.traceId) wrong.push(`${about}: parent of another trace`);
    if (chainOf.get(parent.spanId) !== chainOf.get(span.spanId)) wrong.push(`${about}: parent of another chain`);
    if (parent.startTimeUnixNano > span.startTimeUnixNano) wrong.push(`${about}: began before its parent`);
    // A failed parent does not wait for the others of its Promise.all.
    const isInside = parent.statusCode === 2 || parent.endTimeUnixNano >= span.endTimeUnixNano;
    if (!isInside) wrong.push(`${about}: ended after its parent`);
  }
  expect(wrong).toEqual([]);
  expect(failed.size).toBeGreaterThan(CHAINS / 10);
});
