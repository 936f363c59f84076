import type { EntryRef } from "@sightline/store/journal/journal";
import type { PreparedSpan } from "@sightline/store/telemetry-store";
import { SightlineError } from "@sightline/wire/errors";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SpanQueue, type SpanQueueOptions } from "./span-queue.ts";

const ref = (seq: number): EntryRef => ({ seq, segment: 1, offset: seq * 100, length: 60, type: 1 });

/** Only what the queue looks at. */
const span = (traceId: string, name: string): NamedSpan => ({ experimentId: "0", traceId, name });

interface NamedSpan extends PreparedSpan {
  readonly name: string;
}
/** What comes back is what went in. */
const nameOf = (prepared: PreparedSpan) => (prepared as NamedSpan).name;

const away = () => new SightlineError("STORE_UNAVAILABLE", "The engine is away.");

/** A store that takes each batch when told to. */
function controlled(options: Partial<SpanQueueOptions> = {}) {
  const writes: { names: string[]; done: () => void; fail: (error: unknown) => void }[] = [];
  const released: number[] = [];
  const aside: number[] = [];
  const loaded: number[] = [];
  const queue = new SpanQueue({
    write: (spans) =>
      new Promise((resolve, reject) => {
        writes.push({ names: spans.map(nameOf), done: resolve, fail: reject });
      }),
    load: async (refs) => {
      loaded.push(...refs.map(({ seq }) => seq));
      return refs.map(({ seq }) => ({ spans: [span(`t${seq}`, `s${seq}`)], sdkReports: [] }));
    },
    release: (seq) => released.push(seq),
    setAside: async ({ seq }) => void aside.push(seq),
    maxWaitMs: 60_000,
    retryMs: [0, 0],
    ...options,
  });
  let seq = 0;
  const add = async (traceId: string, bytes = 10) => {
    const hasRoom = await queue.admit(bytes);
    seq += 1;
    queue.add({ ref: ref(seq), bytes, content: { spans: [span(traceId, `s${seq}`)], sdkReports: [] } }, hasRoom);
  };
  return { queue, writes, released, aside, loaded, add };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle();
}

test("requests wait until a batch is full", async () => {
  const { writes, released, add } = controlled({ batchSpans: 3 });
  await add("a");
  await add("b");
  expect(writes).toEqual([]);
  await add("c");
  expect(writes.map(({ names }) => names)).toEqual([["s1", "s2", "s3"]]);
  expect(released).toEqual([]);
  writes[0]!.done();
  await until(() => released.length > 0);
  expect(released).toEqual([3]);
});

test("a batch that does not fill is written when its first request is old", async () => {
  const { writes, add } = controlled({ maxWaitMs: 1 });
  await add("a");
  await until(() => writes.length === 1);
});

test("a reader has what it asks for written at once, and waits for nothing else", async () => {
  const { queue, writes, add } = controlled();
  expect(queue.settled()).toBeUndefined();
  await add("a");
  await add("b");
  expect(queue.settled(["other"])).toBeUndefined();
  const waiting = queue.settled(["a"]);
  expect(writes.map(({ names }) => names)).toEqual([["s1", "s2"]]);
  writes[0]!.done();
  await waiting;
  expect(queue.settled(["a", "b"])).toBeUndefined();
  expect(queue.size).toBe(0);
});

test("a reader that goes away is told so; the batch goes on", async () => {
  const { queue, writes, released, add } = controlled();
  await add("a");
  const leaving = new AbortController();
  const waiting = queue.settled(undefined, leaving.signal);
  leaving.abort(new Error("gone"));
  await expect(waiting).rejects.toThrow("gone");
  writes[0]!.done();
  await until(() => released.length > 0);
});

test("a batch that fails is written again before everything behind it, also what had been written beside it", async () => {
  const { queue, writes, released, add } = controlled({ batchSpans: 1 });
  await add("a");
  await add("a");
  await add("a");
  expect(writes.map(({ names }) => names)).toEqual([["s1"], ["s2"]]);
  writes[1]!.done();
  await until(() => writes.length === 3);
  expect(released).toEqual([]);
  writes[0]!.fail(away());
  for (let count = 3; count <= 6; count += 1) {
    await until(() => writes.length >= count);
    writes[count - 1]!.done();
  }
  await until(() => queue.size === 0);
  expect(writes.slice(2).map(({ names }) => names)).toEqual([["s3"], ["s1"], ["s2"], ["s3"]]);
  expect(released.at(-1)).toBe(3);
});

test("readers hear of a failure; later ones wait for the next try", async () => {
  const { queue, writes, add } = controlled();
  await add("a");
  const first = queue.settled();
  writes[0]!.fail(away());
  await expect(first).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  const second = queue.settled(["a"]);
  await until(() => writes.length === 2);
  writes[1]!.done();
  await second;
});

test("without room requests wait for it while the store works, and are read back from the journal when it is away", async () => {
  const { queue, writes, loaded, released, add } = controlled({ batchSpans: 1, maxHeldBytes: 25 });
  await add("a");
  await add("b");
  let admitted = false;
  const third = add("c").then(() => {
    admitted = true;
  });
  await settle();
  expect(admitted).toBe(false);
  writes[0]!.fail(away());
  await third;
  expect(queue.heldBytes).toBe(20);
  writes[1]!.done();
  for (let count = 3; count <= 5; count += 1) {
    await until(() => writes.length >= count);
    writes[count - 1]!.done();
  }
  await until(() => queue.size === 0);
  expect(loaded).toEqual([3]);
  expect(writes.slice(2).map(({ names }) => names)).toEqual([["s1"], ["s2"], ["s3"]]);
  expect(released.at(-1)).toBe(3);
  expect(queue.heldBytes).toBe(0);
});

test("one request that the store refuses is set aside after three tries; the others are kept", async () => {
  const kept: string[] = [];
  const { queue, aside, released, add } = controlled({
    batchSpans: 4,
    write: async (spans) => {
      if (spans.some((one) => nameOf(one) === "s2")) throw new Error("cannot parse the row");
      kept.push(...spans.map(nameOf));
    },
  });
  for (const traceId of ["a", "b", "c", "d"]) await add(traceId);
  await until(() => queue.size === 0);
  expect(kept).toEqual(["s1", "s3", "s4"]);
  expect(aside).toEqual([2]);
  expect(released.at(-1)).toBe(4);
});

test("more requests than can be remembered are refused", async () => {
  const { add } = controlled({ maxRequests: 1 });
  await add("a");
  await expect(add("b")).rejects.toMatchObject({ code: "INGEST_OVERLOADED", retryAfterSeconds: 5 });
});

test("closing writes what waits; what the store does not take stays unreleased", async () => {
  const failures: unknown[] = [];
  const { queue, writes, released, add } = controlled({ onFailure: (error) => failures.push(error) });
  await add("a");
  const closing = queue.close();
  writes[0]!.fail(away());
  await closing;
  expect(released).toEqual([]);
  expect(failures).not.toEqual([]);
});

test("property: whatever fails, the last writing of each trace is that of its last request, and all is released", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 30 }),
      fc.array(fc.boolean(), { maxLength: 20 }),
      fc.integer({ min: 1, max: 5 }),
      async (traceIds, failures, batchSpans) => {
        const state = new Map<string, string>();
        const outcomes = [...failures];
        const { queue, released } = controlledBy(batchSpans, async (spans) => {
          const fails = outcomes.shift() ?? false;
          await settle();
          // What failed may be there in part.
          for (const one of fails ? spans.slice(0, 1) : spans) state.set(one.traceId, nameOf(one));
          if (fails) throw away();
        });
        const last = new Map<string, string>();
        for (const [index, traceId] of traceIds.entries()) {
          last.set(traceId, `s${index + 1}`);
          const hasRoom = await queue.admit(10);
          queue.add(
            { ref: ref(index + 1), bytes: 10, content: { spans: [span(traceId, `s${index + 1}`)], sdkReports: [] } },
            hasRoom,
          );
        }
        while (queue.size > 0) await Promise.allSettled([queue.settled()]);
        expect(state).toEqual(last);
        expect(released.at(-1)).toBe(traceIds.length);
        await queue.close();
      },
    ),
    { numRuns: 200 },
  );
});

function controlledBy(batchSpans: number, write: SpanQueueOptions["write"]) {
  return controlled({ batchSpans, write });
}
