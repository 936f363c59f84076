import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readPostmasterFile } from "./postmaster-file.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "postmaster-file-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("reads pid, directory, port and status", async () => {
  await writeFile(
    join(directory, "postmaster.pid"),
    "4711\n/data\n1794000000\n40001\n\n127.0.0.1\n  1234567    42\nready   \n",
  );
  expect(await readPostmasterFile(directory)).toEqual({ pid: 4711, dataDir: "/data", port: 40001, status: "ready" });
});

test("a file that is just being written has no port and status yet", async () => {
  await writeFile(join(directory, "postmaster.pid"), "4711\n/data\n1794000000\n");
  expect(await readPostmasterFile(directory)).toEqual({ pid: 4711, dataDir: "/data", port: 0, status: "unknown" });
});

test("no file, or one without a pid, is nothing", async () => {
  await writeFile(join(directory, "postmaster.pid"), "\n");
  expect(await readPostmasterFile(directory)).toBeUndefined();
  expect(await readPostmasterFile(join(directory, "nowhere"))).toBeUndefined();
});
