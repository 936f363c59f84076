/**
 * The server is stopped, or killed and started again, while a program traces: the program does not notice, the queue keeps its bound,
 * what fits in it comes, and what does not is counted, by the program and by the server alike.
 */
import { flush, init, type Stats, shutdown, stats, trace } from "@sightline/sdk";
import type { SdkProcess } from "@sightline/wire/model/sdk-process";
import { afterEach, expect, test, vi } from "vitest";
import { removeDataDir, type SightlineProcess, startSightline } from "../../harness/sightline-process.ts";

vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
const MAX_QUEUE_BYTES = 400_000;
const TEXT = "x".repeat(2000);
const echo = trace((text: string) => text, { name: "echo" });

let server: SightlineProcess;
let before: Stats;
afterEach(async () => {
  await shutdown(0);
  server.kill("SIGCONT", "process");
  await server.stop();
  await removeDataDir(server.dataDir);
});

async function begin(experiment: string): Promise<void> {
  server = await startSightline();
  before = stats();
  init({ url: server.url, experiment, serviceName: experiment, maxQueueBytes: MAX_QUEUE_BYTES });
  call(10);
  expect(await flush()).toBe(true);
}

function call(times: number): void {
  for (let n = 0; n < times; n++) {
    expect(echo(TEXT)).toBe(TEXT);
    expect(stats().queuedBytes).toBeLessThanOrEqual(MAX_QUEUE_BYTES);
  }
}

/** What was counted since the test began. */
function counted() {
  const now = stats();
  return {
    ended: now.ended - before.ended,
    sent: now.sent - before.sent,
    full: now.dropped.queueFull - before.dropped.queueFull,
    otherwise: now.dropped.refused + now.dropped.broken - before.dropped.refused - before.dropped.broken,
  };
}

async function whatTheServerSays(service: string): Promise<SdkProcess | undefined> {
  const answer = await fetch(`${server.url}/api/v1/sdk-processes?service=${service}`);
  return ((await answer.json()) as { processes: SdkProcess[] }).processes[0];
}

async function storedSpans(): Promise<number> {
  const answer = await fetch(`${server.url}/api/v1/stats`);
  return ((await answer.json()) as { spans: number }).spans;
}

test("a server that is stopped: what fits in the queue comes when it goes on", async () => {
  await begin("stopped");
  server.kill("SIGSTOP", "process");
  call(50);
  expect(await flush(300)).toBe(false);
  server.kill("SIGCONT", "process");
  expect(await flush(30_000)).toBe(true);
  expect(counted()).toEqual({ ended: 60, sent: 60, full: 0, otherwise: 0 });
  expect(await storedSpans()).toBe(60);
  expect(await whatTheServerSays("stopped")).toMatchObject({ spansEnded: 60, spansReceived: 60, hasProblem: false });
});

test("a server that is stopped for longer: drops are counted exactly, on both sides", async () => {
  await begin("overrun");
  server.kill("SIGSTOP", "process");
  call(1000);
  const during = counted();
  expect(during.full).toBeGreaterThan(500);
  expect(stats().queued).toBe(1010 - during.full - during.sent);
  server.kill("SIGCONT", "process");
  expect(await flush(30_000)).toBe(true);
  call(1);
  expect(await shutdown(30_000)).toBe(true);
  const { ended, sent, full, otherwise } = counted();
  expect({ ended, otherwise, sum: sent + full }).toEqual({ ended: 1011, otherwise: 0, sum: 1011 });
  expect(await storedSpans()).toBe(sent);
  expect(await whatTheServerSays("overrun")).toMatchObject({
    state: "ended",
    spansEnded: 1011,
    spansReceived: sent,
    missing: { spans: full, dropped: full, unexplained: 0, mayStillCome: 0 },
    dropped: { queueFull: full },
  });
});

test("a server that is killed and started again: everything in the queue comes, once", async () => {
  await begin("killed");
  const { port, dataDir } = server;
  server.kill("SIGKILL", "process");
  await server.exited;
  call(50);
  expect(await flush(300)).toBe(false);
  server = await startSightline({ port, dataDir });
  expect(await flush(30_000)).toBe(true);
  expect(counted()).toEqual({ ended: 60, sent: 60, full: 0, otherwise: 0 });
  expect(await storedSpans()).toBe(60);
  expect(await whatTheServerSays("killed")).toMatchObject({ spansEnded: 60, spansReceived: 60, hasProblem: false });
});
