import { type KeptSdkProcess, SILENT_AFTER_MS } from "@sightline/store/sdk-processes";
import { expect, test } from "vitest";
import { describeSdkProcess } from "./describe-sdk-process.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const none = { queueFull: 0, refused: 0, unsentAtExit: 0, broken: 0 };

function describe(some: Partial<KeptSdkProcess>) {
  const process: KeptSdkProcess = {
    instanceId: "0b0e9a3c-5f0e-4f0a-9d55-000000000001",
    service: "checkout",
    host: "web-1",
    pid: 42,
    runtime: "node 20.20.0",
    sdkVersion: "0.1.0",
    startMs: NOW - 3_600_000,
    lastSeenMs: NOW - 1000,
    isFinal: false,
    ended: 1204,
    received: [],
    isExact: true,
    dropped: none,
    truncations: 0,
    retries: 0,
    failures: 0,
    mode: "full",
    overheadMs: 12.5,
    experimentIds: ["0"],
    unreceived: 0,
    overdue: 0,
    ...some,
  };
  return describeSdkProcess(process, NOW);
}

test("a process of which everything came has no problem", () => {
  const described = describe({});
  expect(described).toMatchObject({
    state: "running",
    startTime: "2026-11-24T11:00:00.000000Z",
    lastSeenTime: "2026-11-24T11:59:59.000000Z",
    spansEnded: 1204,
    spansReceived: 1204,
    missing: { spans: 0, dropped: 0, unexplained: 0, mayStillCome: 0, isExact: true },
    hasProblem: false,
  });
  expect(described.summary).toMatchInlineSnapshot(`"Process checkout (pid 42 on web-1): all 1,204 spans came."`);
  expect(describe({ ended: 0 }).summary).toMatchInlineSnapshot(
    `"Process checkout (pid 42 on web-1): no span has ended yet."`,
  );
});

test("of a running process spans may still come, unless it dropped them or they are overdue", () => {
  const waiting = describe({ unreceived: 4 });
  expect([waiting.missing.mayStillCome, waiting.hasProblem]).toEqual([4, false]);
  expect(waiting.summary).toMatchInlineSnapshot(
    `"Process checkout (pid 42 on web-1): 1,200 of 1,204 spans came, 4 may still come."`,
  );
  const mixed = describe({ unreceived: 10, overdue: 3, dropped: { ...none, queueFull: 2 } });
  expect(mixed.missing).toEqual({ spans: 10, dropped: 2, unexplained: 1, mayStillCome: 7, isExact: true });
  expect(mixed.summary).toMatchInlineSnapshot(
    `"Process checkout (pid 42 on web-1): 3 of 1,204 spans never came: 2 because the queue was full, 1 for no known reason; 7 may still come."`,
  );
});

test("of a process that ended or fell silent nothing is expected any more", () => {
  for (const [state, some] of [
    ["ended", { isFinal: true }],
    ["silent", { lastSeenMs: NOW - SILENT_AFTER_MS }],
  ] as const) {
    const described = describe({ ...some, unreceived: 3, dropped: { ...none, unsentAtExit: 1, broken: 1 } });
    expect(described).toMatchObject({
      state,
      hasProblem: true,
      missing: { dropped: 2, unexplained: 1, mayStillCome: 0 },
    });
  }
  expect(
    describe({ isFinal: true, ended: 1, unreceived: 1, dropped: { ...none, refused: 5 }, isExact: false, service: "" })
      .summary,
  ).toMatchInlineSnapshot(
    `"Process 0b0e9a3c (pid 42 on web-1): at least 1 of 1 span never came: 1 because the server refused them."`,
  );
});

test("dropped spans and a reduced mode are problems, also when nothing is missing", () => {
  expect(describe({ dropped: { ...none, refused: 1 } }).hasProblem).toBe(true);
  expect(describe({ mode: "sampling" }).hasProblem).toBe(true);
  expect(describe({ host: "", pid: 0, startMs: 0 })).not.toHaveProperty("startTime");
});
