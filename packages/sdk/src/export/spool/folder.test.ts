/**
 * Taking over what gone processes left: by one process, of the right server, within bounds.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PreparedSpan } from "../prepared-span.ts";
import { prepareFolder, serverMark, takeOverNext, trimGone } from "./folder.ts";
import { segmentFiles, spoolsIn, statePath } from "./names.ts";
import { isGone, type Owner, ownerText, parseOwner, startOf, thisProcess } from "./owner.ts";
import { Spool } from "./spool.ts";

let parent: string;
let dir: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "sightline-spool-test-"));
  dir = join(parent, "spool");
});
afterEach(() => rmSync(parent, { recursive: true }));

const SERVER = serverMark({ url: "http://127.0.0.1:1" });

/** A process that has ended. */
async function goneProcess(): Promise<Owner> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return { ...thisProcess(), pid: child.pid as number };
}

/** A spool with one span of `bytes` bytes, silent for `silentMs`. */
async function leaveSpool(owner: Owner, { server = SERVER, bytes = 100, silentMs = 0 } = {}): Promise<string> {
  prepareFolder(dir);
  const instanceId = randomUUID();
  const name = { instanceId, server, owner };
  const who = { startTime: 1, pid: owner.pid, host: "h", runtime: "node", sdk: "0", resource: {} };
  const spool = Spool.create(dir, name, { version: 1, instanceId, ...who }, 1e9);
  const span: PreparedSpan = {
    bytes: [Buffer.alloc(bytes)],
    sequence: 1,
    experiment: undefined,
    isRunning: false,
    attachments: [],
  };
  await spool.append([span]);
  spool.state.writeEnded(1);
  spool.close();
  const time = new Date(Date.now() - silentMs);
  utimesSync(statePath(dir, name), time, time);
  return instanceId;
}

const takenId = (server = SERVER): string | undefined => takeOverNext(dir, server)?.state.header.instanceId;

describe("a spool", () => {
  test("of a process that is gone is taken over once, the longest silent first", async () => {
    const owner = await goneProcess();
    const newer = await leaveSpool(owner, { silentMs: 1000 });
    const older = await leaveSpool(owner, { silentMs: 5000 });
    expect([takenId(), takenId(), takenId()]).toEqual([older, newer, undefined]);
    expect(spoolsIn(dir).map((spool) => spool.owner)).toEqual([thisProcess(), thisProcess()]);
  });

  test("of a process that lives stays its own", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    await once(child, "spawn");
    const startedAt = thisProcess().startedAt === "0" ? "0" : (startOf(child.pid as number) as string);
    await leaveSpool({ ...thisProcess(), pid: child.pid as number, startedAt });
    await leaveSpool(thisProcess());
    expect(takenId()).toBeUndefined();
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(takenId()).toBeDefined();
  });

  test.runIf(process.platform === "linux")("whose process id is used again is one of a gone process", async () => {
    const { startedAt } = thisProcess();
    const instanceId = await leaveSpool({ ...thisProcess(), startedAt: String(Number(startedAt) - 1) });
    expect(takenId()).toBe(instanceId);
  });

  test("of another container or boot is taken over when it has been silent for minutes", async () => {
    const foreign = { pid: 1, startedAt: "5", space: "0123456789ab" };
    await leaveSpool(foreign, { silentMs: 60_000 });
    expect(takenId()).toBeUndefined();
    const silent = await leaveSpool(foreign, { silentMs: 180_000 });
    expect(takenId()).toBe(silent);
  });

  test("for another address or key is left alone", async () => {
    await leaveSpool(await goneProcess(), { server: serverMark({ url: "http://127.0.0.1:1", apiKey: "k" }) });
    expect(takenId()).toBeUndefined();
  });
});

describe("what gone processes left", () => {
  test("is held to the bound; the oldest spans go, what the server must hear of them stays", async () => {
    const owner = await goneProcess();
    const old = await leaveSpool(owner, { bytes: 1000, silentMs: 9000 });
    const middle = await leaveSpool(owner, { bytes: 1000, silentMs: 6000 });
    const young = await leaveSpool(owner, { bytes: 1000, silentMs: 3000 });
    expect(trimGone(dir, 2500)).toBe(1);
    expect(segmentFiles(dir, old)).toEqual([]);
    expect(segmentFiles(dir, middle)).toHaveLength(1);
    expect(segmentFiles(dir, young)).toHaveLength(1);
    expect(trimGone(dir, 2500)).toBe(0);
    const taken = takeOverNext(dir, SERVER);
    expect(taken?.state.header.instanceId).toBe(old);
    expect(taken?.state.get("ended")).toBe(1);
    expect(taken?.next(10, 1000)).toBeUndefined();
  });

  test("is removed after a month in which nobody came for it", async () => {
    await leaveSpool(await goneProcess(), { silentMs: 31 * 86_400_000 });
    expect(trimGone(dir, 1e9)).toBe(1);
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe("a folder", () => {
  test("that others can read is not used", () => {
    mkdirSync(dir);
    chmodSync(dir, 0o755);
    expect(() => prepareFolder(dir)).toThrow("chmod 700");
  });

  test("that is a link is not used", () => {
    mkdirSync(join(parent, "elsewhere"), { mode: 0o700 });
    symlinkSync(join(parent, "elsewhere"), dir);
    expect(() => prepareFolder(dir)).toThrow("is not a folder");
  });
});

test("owners are read back from file names, and this process lives", () => {
  expect(parseOwner(ownerText(thisProcess()))).toEqual(thisProcess());
  expect(parseOwner("1-2")).toBeUndefined();
  expect(isGone(thisProcess(), 1e9)).toBe(false);
});
