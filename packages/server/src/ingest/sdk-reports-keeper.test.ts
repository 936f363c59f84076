import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mergeFacts } from "@sightline/store/sdk-process-facts";
import type { SdkProcessFacts } from "@sightline/store/sdk-processes";
import { SightlineError } from "@sightline/wire/errors";
import { countSequences, parseSequences, type Sequences } from "@sightline/wire/sequence-ranges";
import { afterAll, expect, test } from "vitest";
import { sdkReportsFile } from "./sdk-reports-file.ts";
import { SdkReportsKeeper, type SdkReportsKeeperOptions } from "./sdk-reports-keeper.ts";

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});
async function newPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-reports-"));
  folders.push(folder);
  return join(folder, "sdk-reports.json");
}

function report(instanceId: string, came: string): SdkProcessFacts {
  const received = parseSequences(came) as Sequences;
  return {
    instanceId,
    service: "checkout",
    host: "web-1",
    pid: 42,
    runtime: "node 20.20.0",
    sdkVersion: "0.1.0",
    startMs: 1,
    lastSeenMs: 2,
    isFinal: false,
    ended: received.at(-1)?.[1] ?? 0,
    received,
    isExact: true,
    dropped: { queueFull: 0, refused: 0, unsentAtExit: 0, broken: 0 },
    truncations: 0,
    retries: 0,
    failures: 0,
    mode: "full",
    overheadMs: 0,
    experimentIds: ["0"],
  };
}

const away = () => new SightlineError("STORE_UNAVAILABLE", "PostgreSQL is away.");

/** A database that can be away; keeps what it is given as the real one does. */
function database(options: Partial<SdkReportsKeeperOptions> = {}) {
  const rows = new Map<string, SdkProcessFacts>();
  const calls: number[] = [];
  const events: string[] = [];
  const state: { error?: unknown; refuses?: string } = {};
  const keeper = new SdkReportsKeeper({
    merge: async (facts) => {
      calls.push(facts.length);
      await new Promise((resolve) => setImmediate(resolve));
      if (state.error !== undefined) throw state.error;
      if (facts.some(({ instanceId }) => instanceId === state.refuses)) throw new Error("invalid row");
      for (const some of facts) {
        const before = rows.get(some.instanceId);
        rows.set(some.instanceId, before === undefined ? some : mergeFacts(before, some));
      }
    },
    onEvent: (sentence) => events.push(sentence),
    // A try only happens when a test asks for it.
    gatherMs: 1e8,
    retryMs: [1e8, 1e8],
    ...options,
  });
  return { keeper, rows, calls, events, state };
}

/** Tells whether a callback has been called. */
function watch(keeper: SdkReportsKeeper): () => boolean {
  let isKept = false;
  keeper.whenKept(() => {
    isKept = true;
  });
  return () => isKept;
}

test("thousands of reports of a process are one when they are written", async () => {
  const { keeper, rows, calls } = database();
  for (let sequence = 1; sequence <= 5000; sequence += 1) keeper.add([report("a", String(sequence))]);
  keeper.add([report("b", "1-3")]);
  await keeper.settled();
  expect(calls).toEqual([2]);
  expect(rows.get("a")?.received).toEqual([[1, 5000]]);
  await keeper.close();
  expect(calls).toEqual([2]);
});

test("by itself it writes after a while, and tries again after a failure", async () => {
  const { keeper, rows, calls, state } = database({ gatherMs: 1, retryMs: [1, 1] });
  state.error = away();
  keeper.add([report("a", "1")]);
  while (calls.length < 3) await new Promise((resolve) => setImmediate(resolve));
  delete state.error;
  while (rows.size === 0) await new Promise((resolve) => setImmediate(resolve));
  await keeper.close();
});

test("whoever waits for what was added is told when that is written, also if a write is under way", async () => {
  const { keeper, rows } = database();
  expect(watch(keeper)()).toBe(true);
  keeper.add([report("a", "1")]);
  const first = watch(keeper);
  const writing = keeper.settled();
  keeper.add([report("a", "2")]);
  const second = watch(keeper);
  expect([first(), second()]).toEqual([false, false]);
  await writing;
  expect([first(), second(), rows.get("a")?.received]).toEqual([true, false, [[1, 1]]]);
  await keeper.kept();
  expect([second(), rows.get("a")?.received]).toEqual([true, [[1, 2]]]);
  await keeper.close();
});

test("while the database is away a file keeps reports, which lets the journal go on; afterwards it is gone", async () => {
  const path = await newPath();
  const { keeper, rows, state, events } = database({ file: sdkReportsFile(path) });
  state.error = away();
  keeper.add([report("a", "1-2"), report("b", "1")]);
  const isKept = watch(keeper);
  await expect(keeper.settled()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(isKept()).toBe(true);
  // What is added now is not in the file yet.
  keeper.add([report("a", "3")]);
  expect(watch(keeper)()).toBe(false);
  await keeper.kept();
  expect(watch(keeper)()).toBe(true);
  expect(events).toHaveLength(1);
  expect(JSON.parse(await readFile(path, "utf8"))).toHaveLength(2);

  // The server is killed here. The next one takes the file up.
  const next = database({ file: sdkReportsFile(path) });
  await next.keeper.open();
  await next.keeper.settled();
  expect([...next.rows.values()].map(({ received }) => received)).toEqual([[[1, 3]], [[1, 1]]]);
  expect(await readdir(join(path, ".."))).toEqual([]);

  // And if it was not killed, the reports are written as well: twice is as good as once.
  delete state.error;
  await keeper.settled();
  expect(rows).toEqual(next.rows);
  await keeper.close();
  await next.keeper.close();
});

test("what neither the database nor the disk takes is told, and kept in memory", async () => {
  const full = new SightlineError("STORAGE_FULL", "The disk is full.");
  const { keeper, rows, state } = database({
    file: { read: async () => [], write: () => Promise.reject(full), remove: async () => undefined },
  });
  state.error = away();
  keeper.add([report("a", "1")]);
  const isKept = watch(keeper);
  await expect(keeper.kept()).rejects.toBe(full);
  await expect(keeper.settled()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(isKept()).toBe(false);
  delete state.error;
  await keeper.kept();
  expect([isKept(), rows.size]).toEqual([true, 1]);
  await keeper.close();
});

test("a file that cannot be read does not keep the server from starting", async () => {
  const path = await newPath();
  await writeFile(path, "{half");
  const { keeper, events } = database({ file: sdkReportsFile(path) });
  await keeper.open();
  expect(events).toEqual([expect.stringContaining("cannot be read")]);
  await keeper.settled();
});

test("a report that the database refuses for good is given up and counted, the others are written", async () => {
  const { keeper, rows, state } = database();
  state.refuses = "bad";
  keeper.add(["a", "b", "bad", "c", "d"].map((id) => report(id, "1")));
  await keeper.settled();
  expect([[...rows.keys()], keeper.lost]).toEqual([["a", "b", "c", "d"], 1]);
  await keeper.close();
});

test("a database that refuses everything has something else: nothing is given up without end", async () => {
  const { keeper, rows, state } = database();
  state.error = new Error("permission denied");
  keeper.add(Array.from({ length: 500 }, (_, index) => report(`p${index}`, "1")));
  await expect(keeper.settled()).rejects.toThrow("permission denied");
  delete state.error;
  await keeper.settled();
  expect(rows.size).toBe(500);
  await keeper.close();
});

test("a write without an end is given up, and no other one is begun beside it", async () => {
  let release: () => void = () => undefined;
  let calls = 0;
  const keeper = new SdkReportsKeeper({
    merge: () => {
      calls += 1;
      return calls === 1 ? new Promise((resolve) => (release = resolve)) : Promise.resolve();
    },
    onEvent: () => undefined,
    gatherMs: 1e8,
    retryMs: [1e8, 1e8],
    maxWriteMs: 1,
  });
  keeper.add([report("a", "1")]);
  await expect(keeper.settled()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  await expect(keeper.settled()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(calls).toBe(1);
  release();
  await new Promise((resolve) => setImmediate(resolve));
  await keeper.settled();
  expect(calls).toBe(2);
  await keeper.close();
});

test("what waits is bounded: in processes, whose loss is counted, and in ranges, which are kept less exactly", async () => {
  const { keeper, rows, state, events } = database({ maxProcesses: 3, maxRanges: 100 });
  state.error = away();
  for (const id of ["a", "b", "c", "d", "e", "a"]) keeper.add([report(id, "1")]);
  await expect(keeper.settled()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect([keeper.lost, events.length]).toEqual([2, 2]);
  const odd = Array.from({ length: 90 }, (_, index) => 2 * index + 1).join(",");
  keeper.add([report("b", odd), report("c", odd)]);
  delete state.error;
  await keeper.settled();
  const ranges = [...rows.values()].map(({ received, isExact }) => [received.length, isExact]);
  expect(ranges).toEqual([
    [1, true],
    [90, true],
    [16, false],
  ]);
  expect(countSequences(rows.get("c")?.received ?? [])).toBeGreaterThan(90);
  await keeper.close();
});

test("a direct writer waits for one try, and for none while the database is away", async () => {
  const { keeper, calls, state } = database();
  keeper.add([report("a", "1")]);
  await keeper.tried();
  expect(calls).toHaveLength(1);
  state.error = away();
  keeper.add([report("a", "2")]);
  await keeper.tried();
  await keeper.tried();
  expect(calls).toHaveLength(2);
  delete state.error;
  await keeper.close();
  expect(calls).toHaveLength(3);
});
