/**
 * Reports of SDK processes survive what spans survive: the server and its engines are killed and frozen while requests come. Of what was
 * acknowledged every sequence number is known afterwards, and no other one.
 */
import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@sightline/wire/api/client";
import type { SdkProcess } from "@sightline/wire/model/sdk-process";
import { afterEach, expect, test } from "vitest";
import { enginesOf, removeDataDir, type SightlineProcess, startSightline } from "../../harness/sightline-process.ts";
import { FakeSdkProcess } from "../server/sdk-reports.ts";
import { makeSpan, send } from "../server/spans.ts";

let server: SightlineProcess | undefined;
afterEach(async () => {
  if (server === undefined) return;
  await server.stop();
  await removeDataDir(server.dataDir);
  server = undefined;
});

async function start(): Promise<SightlineProcess> {
  server = await startSightline();
  return server;
}

async function killAndStartAgain(running: SightlineProcess): Promise<SightlineProcess> {
  running.kill("SIGKILL", "group");
  await running.exited;
  server = await startSightline({ dataDir: running.dataDir, port: running.port });
  return server;
}

async function of(url: string, process: FakeSdkProcess): Promise<SdkProcess | undefined> {
  const { processes } = await createClient({ baseUrl: url }).listSdkProcesses({ query: { service: process.service } });
  return processes.find(({ instanceId }) => instanceId === process.instanceId);
}

async function sendSequence(url: string, process: FakeSdkProcess, sequence: number, ended: number): Promise<number> {
  const answer = await send(url, process.request({ seq: String(sequence), ended, retries: sequence }, [makeSpan()]));
  await answer.arrayBuffer();
  return answer.status;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`nothing came of it within 60 s:\n${server?.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Children of a process, read from /proc (Linux). */
async function childrenOf(parent: number): Promise<number[]> {
  const children: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    // A process may end while it is looked at.
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    // proc(5): behind the name in brackets come state and parent.
    if (Number(stat.replace(/^.*\) /s, "").split(" ")[1]) === parent) children.push(Number(entry));
  }
  return children;
}

test("reports that wait in the journal when everything is killed are there after the start, and once when killed again", async () => {
  const first = await start();
  process.kill((await enginesOf(first)).chdb, "SIGSTOP");
  const sdk = new FakeSdkProcess("journaled");
  const odd = Array.from({ length: 30 }, (_, index) => 2 * index + 1);
  const statuses = await Promise.all(odd.map((sequence) => sendSequence(first.url, sdk, sequence, 60)));
  expect(new Set(statuses)).toEqual(new Set([200]));

  const second = await killAndStartAgain(first);
  expect(second.output()).toContain("Replaying 30 requests");
  expect(await of(second.url, sdk)).toMatchObject({ spansEnded: 60, spansReceived: 30, retries: 59 });
  const third = await killAndStartAgain(second);
  // The SDK had no answer to one and sends it again.
  expect(await sendSequence(third.url, sdk, 1, 60)).toBe(200);
  expect(await of(third.url, sdk)).toMatchObject({ spansEnded: 60, spansReceived: 30, retries: 59 });
});

test("PostgreSQL is killed again and again: no request fails, and every report is known when it is back", async () => {
  const running = await start();
  const sdk = new FakeSdkProcess("restarts");
  const statuses: number[] = [];
  let isOver = false;
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let sequence = writer + 1; !isOver; sequence += 4) {
      statuses.push(await sendSequence(running.url, sdk, sequence, 1_000_000));
    }
    return undefined;
  });
  for (let round = 1; round <= 3; round += 1) {
    await until(() => statuses.length >= round * 60);
    process.kill((await enginesOf(running)).postgres, "SIGKILL");
    const before = statuses.length;
    await until(() => statuses.length >= before + 40);
    await until(async () => (await fetch(`${running.url}/health`)).ok);
  }
  isOver = true;
  await Promise.all(writers);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(await of(running.url, sdk)).toMatchObject({ spansReceived: statuses.length });
});

test("while PostgreSQL hangs a file keeps reports; then everything is killed and the journal is gone, and nothing is lost", async () => {
  const first = await start();
  const sdk = new FakeSdkProcess("frozen");
  expect(await sendSequence(first.url, sdk, 1, 9)).toBe(200);
  expect(await of(first.url, sdk)).toMatchObject({ spansReceived: 1 });
  const journal = join(first.dataDir, "journal");
  const file = join(journal, "sdk-reports.json");
  const { postgres } = await enginesOf(first);
  const frozen = [postgres, ...(await childrenOf(postgres))];
  for (const pid of frozen) process.kill(pid, "SIGSTOP");
  try {
    for (const sequence of [2, 3, 5]) expect(await sendSequence(first.url, sdk, sequence, 9)).toBe(200);
    await until(async () => existsSync(file) && (await readFile(file, "utf8")).includes("[5,5]"));
    first.kill("SIGKILL", "group");
    await first.exited;
  } finally {
    for (const pid of frozen) process.kill(pid, "SIGKILL");
  }
  // Only the file knows now.
  for (const name of await readdir(journal)) if (name.endsWith(".journal")) await rm(join(journal, name));
  server = await startSightline({ dataDir: first.dataDir, port: first.port });
  expect(await of(server.url, sdk)).toMatchObject({ spansEnded: 9, spansReceived: 4, retries: 5 });
  expect(existsSync(file)).toBe(false);
});

test("rounds of kill -9 while requests come: every acknowledged sequence number is known, none that was not sent", async () => {
  let running = await start();
  const sdk = new FakeSdkProcess("killed");
  const acknowledged = new Set<number>();
  let last = 0;
  for (let round = 0; round < 3; round += 1) {
    const target = running;
    let isDown = false;
    const writers = Array.from({ length: 4 }, async () => {
      while (!isDown) {
        last += 1;
        const sequence = last;
        // fetch's way to say that the connection broke: nobody knows whether the request came.
        const status = await sendSequence(target.url, sdk, sequence, sequence).catch((error: unknown) => {
          if (!(error instanceof TypeError) || !isDown) throw error;
          return 0;
        });
        if (status === 200) acknowledged.add(sequence);
      }
    });
    const wanted = acknowledged.size + 50 + round * 17;
    await until(() => acknowledged.size >= wanted);
    isDown = true;
    running = await killAndStartAgain(target);
    await Promise.all(writers);
  }
  const known = await of(running.url, sdk);
  expect(known?.spansReceived).toBeGreaterThanOrEqual(acknowledged.size);
  expect(known?.spansReceived).toBeLessThanOrEqual(last);
  // Each that may not have come is sent again, as the SDK does; then all are there, each once.
  for (let sequence = 1; sequence <= last; sequence += 1) {
    if (!acknowledged.has(sequence)) expect(await sendSequence(running.url, sdk, sequence, last)).toBe(200);
  }
  expect(await of(running.url, sdk)).toMatchObject({ spansEnded: last, spansReceived: last, missing: { spans: 0 } });
});
