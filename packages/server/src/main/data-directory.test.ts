import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LOCK_FILE, openDataDirectory } from "./data-directory.ts";

let parent: string;
let dir: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "sightline-lock-"));
  dir = join(parent, "data");
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const open = (options = { minFreeBytes: 0 }) => openDataDirectory(dir, options);

test("a missing directory is made and fresh; released, nothing is left in it", async () => {
  const directory = await open();
  expect(directory.isFresh).toBe(true);
  expect((await stat(dir)).mode & 0o777).toBe(0o711);
  expect(await readdir(dir)).toEqual([LOCK_FILE]);
  await directory.release();
  expect(await readdir(dir)).toEqual([]);
});

test("a directory with data is not fresh; one with a leftover lock alone is", async () => {
  await mkdir(dir);
  await writeFile(join(dir, LOCK_FILE), JSON.stringify({ pid: 2 ** 22 - 1, startedAt: "1 ticks" }));
  const first = await open();
  expect(first.isFresh).toBe(true);
  await first.release();
  await writeFile(join(dir, "telemetry"), "");
  expect((await open()).isFresh).toBe(false);
});

test("a second server is told who has the directory", async () => {
  const first = await open();
  await first.setPort(5511);
  await expect(open()).rejects.toMatchObject({
    code: "DATA_DIR_IN_USE",
    message:
      `The data directory ${dir} is in use by the server with process id ${process.pid} at port 5511; ` +
      "stop that server, or choose another directory with SIGHTLINE_DATA_DIR.",
  });
  expect(JSON.parse(await readFile(join(dir, LOCK_FILE), "utf8"))).toMatchObject({ pid: process.pid, port: 5511 });
  await first.release();
  await (await open()).release();
});

test("of many that start at once one gets the directory, also over a stale lock", async () => {
  await mkdir(dir);
  await writeFile(join(dir, LOCK_FILE), "{ cut short");
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => open()));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("the lock of a process that was killed is stale", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  const startedAt = startOf(child.pid!);
  await mkdir(dir);
  await writeFile(join(dir, LOCK_FILE), JSON.stringify({ pid: child.pid, startedAt }));
  await expect(open()).rejects.toMatchObject({ code: "DATA_DIR_IN_USE" });
  child.kill("SIGKILL");
  await once(child, "exit");
  await (await open()).release();
});

test("a lock whose process id is used by another process now is stale", async () => {
  await mkdir(dir);
  await writeFile(join(dir, LOCK_FILE), JSON.stringify({ pid: process.pid, startedAt: "12 ticks" }));
  await (await open()).release();
});

test("releasing leaves the lock of another server alone", async () => {
  const first = await open();
  const other = JSON.stringify({ pid: 1, startedAt: "other" });
  await writeFile(join(dir, LOCK_FILE), other);
  await first.release();
  expect(await readFile(join(dir, LOCK_FILE), "utf8")).toBe(other);
});

test("a directory that cannot be made is told with the reason", async () => {
  await writeFile(join(parent, "file"), "");
  dir = join(parent, "file", "data");
  await expect(open()).rejects.toMatchObject({
    code: "DATA_DIR_UNUSABLE",
    message: `The data directory ${dir} cannot be written to (ENOTDIR); make it writable, or choose another with SIGHTLINE_DATA_DIR.`,
  });
});

test("too little free space is told in megabytes, and the lock is given back", async () => {
  await expect(open({ minFreeBytes: 2 ** 52 })).rejects.toMatchObject({
    code: "DATA_DIR_UNUSABLE",
    message: expect.stringMatching(/has \d+ MB free and 4503599627 MB are needed; make room, choose another disk/),
  });
  expect(await readdir(dir)).toEqual([]);
});

/** What the lock records of a process, told by ps and /proc rather than by the code under test. */
function startOf(pid: number): string {
  if (process.platform !== "linux")
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  const stat = execFileSync("cut", ["-d)", "-f2-", `/proc/${pid}/stat`], { encoding: "utf8" });
  return `${stat.trim().split(" ")[19]} ticks`;
}
