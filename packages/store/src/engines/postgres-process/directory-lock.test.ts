import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processStart } from "../process-state.ts";
import { lockDirectory } from "./directory-lock.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "directory-lock-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test("the lock is held until it is given back", async () => {
  const release = await lockDirectory(directory);
  await expect(lockDirectory(directory)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    message: `The directory ${directory} is in use by another process (pid ${process.pid}). Stop that server, or choose another directory with SIGHTLINE_DATA_DIR.`,
  });
  await release();
  await (await lockDirectory(directory))();
  expect(await readdir(directory)).toEqual([]);
});

test("one of many that come at once gets it, also over dead locks", async () => {
  // The number is taken by a process that was started at another time.
  const dead = JSON.stringify({ pid: process.pid, start: "1" });
  for (let round = 0; round < 20; round++) {
    await writeFile(join(directory, "server.lock"), dead);
    await writeFile(join(directory, "server.lock.takeover"), dead);
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => lockDirectory(directory)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  }
  expect(await readdir(directory)).toEqual(["server.lock"]);
  expect(JSON.parse(await readFile(join(directory, "server.lock"), "utf8"))).toEqual({
    pid: process.pid,
    start: processStart(process.pid),
  });
});

test("a lock file that says nothing is nobody's", async () => {
  await writeFile(join(directory, "server.lock"), "");
  await (await lockDirectory(directory))();
});
