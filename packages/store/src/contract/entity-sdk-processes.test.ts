/**
 * What the entity store promises about processes of the SDK, on every PostgreSQL engine.
 */
import { Readable } from "node:stream";
import { parseSequences, type Sequences } from "@sightline/wire/sequence-ranges";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { BackupTable } from "../backup-source.ts";
import { connectPostgres } from "../engines/postgres.ts";
import type { EntityStore } from "../entity-store.ts";
import { dumpTables, loadTables } from "../postgres/dump.ts";
import { migratePostgres } from "../postgres/migrate-postgres.ts";
import { openPostgresEntityStore } from "../postgres/postgres-entity-store.ts";
import { OVERDUE_MS, type SdkProcessCursor, type SdkProcessFacts } from "../sdk-processes.ts";
import { postgresEngines, type RunningEngine } from "./engines.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const selection = { silentBeforeMs: NOW - 300_000 };

let serial = 0;
function makeFacts(overrides: Partial<SdkProcessFacts> & { readonly came?: string } = {}): SdkProcessFacts {
  serial += 1;
  const { came = "1-10", ...rest } = overrides;
  return {
    instanceId: `0b0e9a3c-5f0e-4f0a-9d55-${String(serial).padStart(12, "0")}`,
    service: "checkout",
    host: "web-1",
    pid: 42,
    runtime: "node 20.20.0",
    sdkVersion: "0.1.0",
    startMs: NOW - 1_000_000,
    lastSeenMs: NOW,
    isFinal: false,
    ended: 10,
    received: parseSequences(came) as Sequences,
    isExact: true,
    dropped: { queueFull: 0, refused: 0, unsentAtExit: 0, broken: 0 },
    truncations: 1,
    retries: 2,
    failures: 3,
    mode: "full",
    overheadMs: 4.5,
    experimentIds: ["0"],
    ...rest,
  };
}

describe.each(postgresEngines)("SDK processes on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: EntityStore;
  let other: EntityStore;
  beforeAll(async () => {
    engine = await start();
    const pools = [connectPostgres(engine.url), connectPostgres(engine.url)];
    await migratePostgres(pools[0]!, async () => undefined);
    store = openPostgresEntityStore(pools[0]!);
    other = openPostgresEntityStore(pools[1]!);
  });
  beforeEach(async () => {
    await store.trimSdkProcesses(new Date(NOW + 1e9));
  });
  afterAll(async () => {
    await store?.close();
    await other?.close();
    await engine?.stop();
  });

  const list = (query: Partial<Parameters<EntityStore["listSdkProcesses"]>[0]> = {}) =>
    store.listSdkProcesses({ ...selection, onlyProblems: false, limit: 100, ...query });

  test("what is said of a process comes back, to the last field", async () => {
    const facts = makeFacts({
      service: "日本 💡",
      dropped: { queueFull: 1, refused: 2, unsentAtExit: 3, broken: 4 },
      came: "1-3,7",
      mode: "sampling",
      isFinal: true,
      isExact: false,
      experimentIds: ["7", "12"],
    });
    const unknown = makeFacts({
      startMs: 0,
      pid: 0,
      host: "",
      lastSeenMs: NOW - 1,
      came: "",
      ended: 0,
      experimentIds: [],
    });
    await store.mergeSdkProcesses([facts, unknown]);
    expect((await list()).processes).toEqual([
      { ...facts, unreceived: 6, overdue: 0 },
      { ...unknown, unreceived: 0, overdue: 0 },
    ]);
    await store.mergeSdkProcesses([]);
  });

  test("reports add up, also when they come twice, in one call, and from two servers at once", async () => {
    const one = makeFacts({ ended: 0, came: "" });
    const reports = Array.from({ length: 40 }, (_, index) => ({
      ...one,
      ended: index + 1,
      received: parseSequences(String(index + 1)) as Sequences,
      experimentIds: [String(index % 3)],
      retries: index,
    }));
    await Promise.all(
      [...reports, ...reports.slice(0, 10)].map((report, index) =>
        (index % 2 === 0 ? store : other).mergeSdkProcesses([report, report]),
      ),
    );
    const { processes } = await list();
    expect(processes).toMatchObject([{ ended: 40, received: [[1, 40]], unreceived: 0, retries: 39 }]);
    expect([...(processes[0]?.experimentIds ?? [])].sort()).toEqual(["0", "1", "2"]);
  });

  test("what a running process misses is overdue when it ended long before the latest report", async () => {
    const early = makeFacts({ ended: 10, came: "1-8", lastSeenMs: NOW - OVERDUE_MS });
    await store.mergeSdkProcesses([early]);
    expect((await list()).processes).toMatchObject([{ unreceived: 2, overdue: 0 }]);
    expect((await list({ onlyProblems: true })).processes).toEqual([{ ...early, unreceived: 2, overdue: 0 }]);
    await store.mergeSdkProcesses([{ ...early, ended: 12, lastSeenMs: NOW }]);
    expect((await list({ onlyProblems: true })).processes).toMatchObject([{ unreceived: 4, overdue: 2 }]);
    await store.mergeSdkProcesses([{ ...early, received: parseSequences("9-12") as Sequences }]);
    expect((await list()).processes).toMatchObject([{ unreceived: 0, overdue: 0, lastSeenMs: NOW }]);
    expect((await list({ onlyProblems: true })).processes).toEqual([]);
  });

  /** One of each kind, by what it is. */
  const kinds = () => ({
    whole: makeFacts({ lastSeenMs: NOW - 1000 }),
    wholeAndSilent: makeFacts({ lastSeenMs: NOW - 900_000 }),
    waiting: makeFacts({ came: "1-7" }),
    silent: makeFacts({ came: "1-7", lastSeenMs: NOW - 400_000 }),
    ended: makeFacts({ came: "1-9", isFinal: true, lastSeenMs: NOW - 5000, service: "billing" }),
    dropping: makeFacts({ came: "1-4", dropped: { queueFull: 5, refused: 0, unsentAtExit: 0, broken: 0 } }),
    reduced: makeFacts({ mode: "previews", lastSeenMs: NOW - 7000, experimentIds: ["0", "5"] }),
  });

  test("processes with problems come first, the latest before others; pages neither overlap nor leave a gap", async () => {
    const all = kinds();
    await store.mergeSdkProcesses(Object.values(all));
    const nameOf = (id: string) => Object.entries(all).find(([, { instanceId }]) => instanceId === id)?.[0];
    const expected = ["dropping", "ended", "reduced", "silent", "waiting", "whole", "wholeAndSilent"];
    for (const limit of [1, 2, 3, 4, 7, 100]) {
      const seen: (string | undefined)[] = [];
      let after: SdkProcessCursor | undefined;
      do {
        const { processes, next } = await list({ limit, ...(after && { after }) });
        expect(processes.length).toBeLessThanOrEqual(limit);
        seen.push(...processes.map(({ instanceId }) => nameOf(instanceId)));
        after = next;
      } while (after !== undefined);
      expect(seen, `pages of ${limit}`).toEqual(expected);
    }
    const names = async (query: Parameters<typeof list>[0]) =>
      (await list(query)).processes.map(({ instanceId }) => nameOf(instanceId));
    expect(await names({ onlyProblems: true })).toEqual(expected.slice(0, 4));
    expect(await names({ service: "billing" })).toEqual(["ended"]);
    expect(await names({ service: "bill\u0000ing" })).toEqual([]);
    expect(await names({ experimentId: "5" })).toEqual(["reduced"]);
    expect(await names({ sinceMs: NOW - 5000 })).toEqual(["dropping", "ended", "waiting", "whole"]);
  });

  test("sums count what never came: not what may still come", async () => {
    await store.mergeSdkProcesses(Object.values(kinds()));
    expect(await store.sumSdkProcesses(selection)).toEqual({
      problems: 4,
      // silent 3, ended 1, dropping 5 (the sixth may still come)
      lost: 9,
      unexplained: 4,
      dropped: { queueFull: 5, refused: 0, unsentAtExit: 0, broken: 0 },
      running: 4,
    });
    expect(await store.sumSdkProcesses({ ...selection, service: "billing" })).toMatchObject({ problems: 1, lost: 1 });
    expect(await store.sumSdkProcesses({ ...selection, experimentId: "5" })).toMatchObject({ problems: 1, lost: 0 });
    expect(await store.sumSdkProcesses({ ...selection, service: "none" })).toEqual({
      problems: 0,
      lost: 0,
      unexplained: 0,
      dropped: { queueFull: 0, refused: 0, unsentAtExit: 0, broken: 0 },
      running: 0,
    });
  });

  test("the largest figures that a report can have are kept and summed", async () => {
    const max = Number.MAX_SAFE_INTEGER;
    const dropped = { queueFull: max, refused: max, unsentAtExit: max, broken: max };
    const huge = () =>
      makeFacts({ ended: max, came: "", dropped, pid: max, truncations: max, retries: max, overheadMs: 1e308 });
    await store.mergeSdkProcesses([huge(), huge()]);
    expect((await list()).processes[0]).toMatchObject({ ended: max, dropped, unreceived: max });
    expect((await store.sumSdkProcesses(selection)).dropped.broken).toBeCloseTo(2 * max, -3);
  });

  test("a backup holds them, and a restore brings them back to the last field", async () => {
    await store.mergeSdkProcesses(Object.values(kinds()));
    const before = (await list()).processes;
    const pool = connectPostgres(engine.url);
    const tables: BackupTable[] = [];
    for await (const { rows, ...table } of dumpTables(pool, { signal: new AbortController().signal })) {
      const lines: Uint8Array[] = [];
      for await (const line of rows()) lines.push(line);
      tables.push({ ...table, rows: () => Readable.from(lines) });
    }
    await store.trimSdkProcesses(new Date(NOW + 1e9));
    await loadTables(pool, Readable.from(tables));
    await pool.end();
    expect((await list()).processes).toEqual(before);
    expect(before).toHaveLength(7);
  });

  test("thousands of processes are merged in one call, and forgotten by age", async () => {
    const many = Array.from({ length: 2500 }, (_, index) => makeFacts({ lastSeenMs: NOW - index * 1000 }));
    await store.mergeSdkProcesses(many);
    await store.mergeSdkProcesses(many);
    expect(await store.trimSdkProcesses(new Date(NOW - 999_000))).toBe(1500);
    expect((await list({ limit: 5000 })).processes).toHaveLength(1000);
    expect(await store.trimSdkProcesses(new Date(NOW - 999_000))).toBe(0);
  });
});
