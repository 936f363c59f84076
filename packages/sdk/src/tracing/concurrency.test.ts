/**
 * Thousands of chains at once, with random awaits, timers, events, errors and streams: no span has a wrong parent.
 */
import { EventEmitter } from "node:events";
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { flush, init, shutdown } from "../init.ts";
import { type Receiver, startReceiver } from "../testing/receiver.ts";
import { getCurrentSpan } from "./context.ts";
import { updateCurrentTrace } from "./current.ts";
import { trace, withSpan } from "./trace.ts";

const CHAINS = 2_000;

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  init({ url: receiver.url });
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

test(`${CHAINS} chains at once`, async () => {
  /** Span id → the parent that it must have. */
  const expected = new Map<string, string>();

  const step = trace(
    async (chain: number, depth: number, random: () => number): Promise<void> => {
      const self = getCurrentSpan()!;
      const pause = (): Promise<unknown> => pauses[Math.floor(random() * pauses.length)]!(random);
      const child = async (): Promise<void> => {
        await step(chain, depth + 1, random);
      };
      await pause();
      expect(getCurrentSpan()).toBe(self);
      for (let left = depth < 3 ? Math.floor(random() * 3) : 0; left > 0; left--) {
        const kind = random();
        if (kind < 0.3) await child();
        else if (kind < 0.5) await Promise.all([child(), child()]);
        else if (kind < 0.7)
          await withSpan({ name: "block" }, async (block) => {
            expected.set(block.spanId, self.spanId);
            await pause();
            expect(getCurrentSpan()).toBe(block);
          });
        else for await (const id of stream(random)) expected.set(id, self.spanId);
        expect(getCurrentSpan()).toBe(self);
        await pause();
      }
      updateCurrentTrace({ tags: { [`chain`]: String(chain) } });
      if (random() < 0.1) throw new Error(`chain ${chain} failed`);
    },
    { name: "step" },
  );

  const stream = trace(async function* stream(random: () => number) {
    const id = getCurrentSpan()!.spanId;
    yield id;
    await pauses[Math.floor(random() * pauses.length)]!(random);
    expect(getCurrentSpan()!.spanId).toBe(id);
    yield id;
  });

  const chains = Array.from({ length: CHAINS }, async (_, chain) =>
    withSpan({ name: `chain ${chain}`, attributes: { chain } }, () => step(chain, 0, seeded(chain))).catch(
      (error: Error) => expect(error.message).toBe(`chain ${chain} failed`),
    ),
  );
  await Promise.all(chains);
  expect(getCurrentSpan()).toBeUndefined();
  expect(await flush()).toBe(true);

  const spans = new Map(receiver.spans.map((span) => [span.spanId, span]));
  expect(spans.size).toBeGreaterThan(2 * CHAINS);
  const wrong: string[] = [];
  for (const span of spans.values()) {
    const parent = spans.get(span.parentSpanId);
    const must = expected.get(span.spanId);
    if (span.parentSpanId !== "" && parent?.traceId !== span.traceId)
      wrong.push(`${span.name}: parent of another trace`);
    if (parent && parent.startTimeUnixNano > span.startTimeUnixNano)
      wrong.push(`${span.name}: began before its parent`);
    if (span.endTimeUnixNano < span.startTimeUnixNano) wrong.push(`${span.name}: ended before it began`);
    // A failed parent does not wait for the others of its Promise.all.
    const isInside = parent === undefined || parent.statusCode === 2 || parent.endTimeUnixNano >= span.endTimeUnixNano;
    if (!isInside) wrong.push(`${span.name}: ended after its parent`);
    if (must !== undefined && must !== span.parentSpanId) wrong.push(`${span.name}: not the parent it was begun under`);
    if (span.name === "step") {
      // Its own chain number must be the one of its root, all the way up.
      const { chain } = JSON.parse(String(span.attributes["mlflow.spanInputs"])) as { chain: number };
      let root = span;
      while (root.parentSpanId !== "") root = spans.get(root.parentSpanId)!;
      if (root.attributes["chain"] !== chain) wrong.push(`step of ${chain} under ${root.name}`);
    }
    if (span.parentSpanId === "" && span.attributes["mlflow.traceTag.chain"] !== String(span.attributes["chain"])) {
      wrong.push(`${span.name}: the tag of another trace`);
    }
  }
  expect(wrong).toEqual([]);
});
