import type { SpanRecord } from "@sightline/store/telemetry-store";
import { SightlineError } from "@sightline/wire/errors";
import { expect, test } from "vitest";
import { IngestBuffer } from "./buffer.ts";

function span(name: string): SpanRecord {
  return {
    experimentId: "0",
    traceId: `tr-${name.padStart(32, "0")}`,
    spanId: "1",
    parentSpanId: "",
    name,
    spanType: "UNKNOWN",
    service: "",
    startTimeUnixNano: 1n,
    endTimeUnixNano: 2n,
    statusCode: "UNSET",
    statusMessage: "",
    model: "",
    provider: "",
    sessionId: "",
    userId: "",
    attributes: {},
    events: [],
    links: [],
    traceTags: {},
    traceMetadata: {},
    requestPreview: "",
    responsePreview: "",
  };
}

const spans = (count: number, name = "s") => Array.from({ length: count }, (_, index) => span(`${name}${index}`));

/** A disk that takes each write when told to, and keeps the names in the order they came. */
function disk() {
  const writes: { names: string[]; done: () => void; fail: (error: unknown) => void }[] = [];
  const write = (records: readonly SpanRecord[]) =>
    new Promise<void>((resolve, reject) => {
      writes.push({ names: records.map(({ name }) => name), done: resolve, fail: reject });
    });
  return { writes, write };
}

/** Lets everything that is ready to run, run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("the first request is written at once; those that come meanwhile share the next write", async () => {
  const { writes, write } = disk();
  const buffer = new IngestBuffer({ write, maxGatherMs: 0 });
  const answers = ["a", "b", "c"].map((name) => buffer.write([span(name)], 10));
  expect(writes.map(({ names }) => names)).toEqual([["a"]]);
  writes[0]!.done();
  await answers[0];
  await settle();
  expect(writes.map(({ names }) => names)).toEqual([["a"], ["b", "c"]]);
  writes[1]!.done();
  await Promise.all(answers);
});

test("those who were just answered join the next write if they come back at once", async () => {
  const { writes, write } = disk();
  const buffer = new IngestBuffer({ write });
  const loop = async (name: string) => {
    for (let round = 0; round < 3; round += 1) await buffer.write([span(`${name}${round}`)], 1);
  };
  const loops = [loop("a"), loop("b")];
  for (let count = 1; count <= 4; count += 1) {
    while (writes.length < count) await settle();
    writes[count - 1]!.done();
  }
  await Promise.all(loops);
  expect(writes.map(({ names }) => names)).toEqual([["a0"], ["b0", "a1"], ["b1", "a2"], ["b2"]]);
});

test("those who wait are written soon also if nobody comes back", async () => {
  const { writes, write } = disk();
  const buffer = new IngestBuffer({ write });
  const answers = [buffer.write([span("a")], 1), buffer.write([span("b")], 1)];
  writes[0]!.done();
  while (writes.length < 2) await settle();
  writes[1]!.done();
  await Promise.all(answers);
});

test("a request is answered only after its write is done", async () => {
  const { writes, write } = disk();
  const buffer = new IngestBuffer({ write, maxGatherMs: 0 });
  let answered = false;
  const answer = buffer.write([span("a")], 1).then(() => {
    answered = true;
  });
  await settle();
  expect(answered).toBe(false);
  writes[0]!.done();
  await answer;
  expect(answered).toBe(true);
});

test("a second write runs beside the first only for a full group, a third never", async () => {
  const { writes, write } = disk();
  const buffer = new IngestBuffer({ write, maxGroupSpans: 2, maxGatherMs: 0 });
  const answers = Array.from({ length: 7 }, (_, index) => buffer.write([span(`s${index}`)], 1));
  expect(writes.map(({ names }) => names)).toEqual([["s0"], ["s1", "s2"]]);
  writes[0]!.done();
  await settle();
  expect(writes).toHaveLength(3);
  writes[1]!.done();
  writes[2]!.done();
  await settle();
  writes[3]!.done();
  await Promise.all(answers);
  expect(writes.map(({ names }) => names)).toEqual([["s0"], ["s1", "s2"], ["s3", "s4"], ["s5", "s6"]]);
});

test("groups stay under the bound of spans and of bytes", async () => {
  const sizes: number[] = [];
  const buffer = new IngestBuffer({
    write: async (records) => void sizes.push(records.length),
    maxGroupSpans: 10,
    maxGroupBytes: 100,
  });
  await Promise.all([
    buffer.write(spans(1), 1),
    buffer.write(spans(6), 10),
    buffer.write(spans(6), 10),
    buffer.write(spans(1), 90),
    buffer.write(spans(1), 90),
  ]);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(15);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
  expect(sizes).toEqual([1, 6, 7, 1]);
});

test("a request larger than a group is written in parts and answered once", async () => {
  const sizes: number[] = [];
  const buffer = new IngestBuffer({ write: async (records) => void sizes.push(records.length), maxGroupSpans: 10 });
  await buffer.write(spans(25), 100);
  expect(sizes).toEqual([9, 9, 7]);
});

test("spans that cannot be written fail their own request only", async () => {
  const kept: string[] = [];
  const buffer = new IngestBuffer({
    write: async (records) => {
      if (records.some(({ name }) => name === "poison")) throw new Error("cannot parse row");
      kept.push(...records.map(({ name }) => name));
    },
  });
  const answers = await Promise.allSettled(["a", "b", "poison", "c"].map((name) => buffer.write([span(name)], 1)));
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(kept.sort()).toEqual(["a", "b", "c"]);
});

test("a store that is away or full is told to every waiter, without trying each", async () => {
  let tries = 0;
  const buffer = new IngestBuffer({
    write: async () => {
      tries += 1;
      throw new SightlineError("STORAGE_FULL", "The disk is full.");
    },
  });
  const answers = await Promise.allSettled(["a", "b", "c"].map((name) => buffer.write([span(name)], 1)));
  expect(answers.map((answer) => answer.status === "rejected" && answer.reason.code)).toEqual([
    "STORAGE_FULL",
    "STORAGE_FULL",
    "STORAGE_FULL",
  ]);
  expect(tries).toBe(2);
});

test("the committed spans are told after they are kept, those that failed are not", async () => {
  const told: string[] = [];
  const buffer = new IngestBuffer({
    write: async (records) => {
      if (records.some(({ name }) => name === "poison")) throw new Error("no");
    },
    onCommitted: (records) => told.push(...records.map(({ name }) => name)),
  });
  await Promise.allSettled([
    buffer.write([span("a")], 1),
    buffer.write([span("poison")], 1),
    buffer.write([span("b")], 1),
  ]);
  expect(told.sort()).toEqual(["a", "b"]);
});

test("drain waits for everything that was taken", async () => {
  const { writes, write } = disk();
  const buffer = new IngestBuffer({ write, maxGatherMs: 0 });
  await buffer.drain();
  const answers = [buffer.write([span("a")], 1), buffer.write([span("b")], 1)];
  let drained = false;
  const drain = buffer.drain().then(() => {
    drained = true;
  });
  writes[0]!.done();
  await settle();
  expect(drained).toBe(false);
  writes[1]!.done();
  await drain;
  await Promise.all(answers);
});

test("a request without spans is answered at once", async () => {
  const { writes, write } = disk();
  await new IngestBuffer({ write }).write([], 0);
  expect(writes).toEqual([]);
});
