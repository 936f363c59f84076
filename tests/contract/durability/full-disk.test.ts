/**
 * A disk that is really full: what was acknowledged stays, what is not taken is said, and room makes it go on.
 */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, statfs, truncate, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { exportRequestJson, newSpanId, newTraceId, postSpans } from "../../harness/otlp-json.ts";
import { type SightlineProcess, startSightline } from "../../harness/sightline-process.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A disk of its own; undefined where none can be mounted (not root, or a container without the right). */
async function smallDisk(megabytes: number): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), "sightline-disk-"));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  try {
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", directory], { stdio: "pipe" });
  } catch {
    return undefined;
  }
  cleanups.push(async () => execFileSync("/bin/umount", ["-l", directory]));
  return directory;
}

/** Sends a trace of 20 kB. */
async function sendTrace(server: SightlineProcess): Promise<{ traceId: string; status: number; body: string }> {
  const traceId = newTraceId();
  const text = Array.from({ length: 1000 }, () => Math.random().toString(36).slice(2)).join(" ");
  const spans = [
    { name: "agent", spanId: newSpanId(), attributes: { "mlflow.spanInputs": JSON.stringify({ question: text }) } },
  ];
  const answer = await postSpans(server.url, exportRequestJson(traceId, spans));
  return { traceId: `tr-${traceId}`, status: answer.status, body: await answer.text() };
}

async function traceIds(server: SightlineProcess): Promise<string[]> {
  const found: string[] = [];
  let pageToken: string | undefined;
  do {
    const answer = await fetch(`${server.url}/api/v1/traces/search`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ maxResults: 1000, pageToken }),
    });
    const text = await answer.text();
    expect(answer.status, text).toBe(200);
    const page = JSON.parse(text) as { traces: { info: { traceId: string } }[]; nextPageToken?: string };
    for (const { info } of page.traces) found.push(info.traceId);
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return found.sort();
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen within a minute`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("a disk that fills up under writes costs no acknowledged trace, and room makes it go on", async (context) => {
  const disk = await smallDisk(400);
  if (disk === undefined) return context.skip("no disk can be mounted here");
  const dataDir = join(disk, "data");
  // The engines are to meet the full disk themselves: the server's own guard is switched off.
  const env = { SIGHTLINE_MIN_FREE_DISK_BYTES: "0" };
  let server = await startSightline({ dataDir, env });
  cleanups.push(async () => server.stop());
  const acknowledged: string[] = [];
  for (let count = 0; count < 20; count += 1) {
    const { traceId, status, body } = await sendTrace(server);
    expect(status, body).toBe(200);
    acknowledged.push(traceId);
  }
  // Before the disk is filled they are in the engine, which has room for its merges.
  expect(await traceIds(server)).toEqual([...acknowledged].sort());

  const filler = join(disk, "filler");
  await writeFile(filler, "");
  const { bavail, bsize } = await statfs(disk);
  // Real bytes: a hole would take no room.
  await writeFile(filler, Buffer.alloc(bavail * bsize - 2_000_000));
  let refusals = 0;
  for (let count = 0; refusals < 5; count += 1) {
    const { traceId, status, body } = await sendTrace(server);
    if (status === 200) {
      acknowledged.push(traceId);
    } else {
      expect(status, body).toBe(503);
      expect(JSON.parse(body)).toMatchObject({ error: { code: "STORAGE_FULL" } });
      refusals += 1;
    }
    if (count > 500) throw new Error("the disk did not become full");
  }
  expect((await fetch(`${server.url}/health`)).status).toBeLessThanOrEqual(503);

  await truncate(filler, 0);
  await unlink(filler);
  await until(async () => {
    const { traceId, status } = await sendTrace(server);
    if (status === 200) acknowledged.push(traceId);
    return status === 200;
  }, "taking spans again");
  expect(await traceIds(server)).toEqual([...acknowledged].sort());

  expect(await server.stop()).toBe(0);
  server = await startSightline({ dataDir, env });
  expect(await traceIds(server)).toEqual([...acknowledged].sort());
});

test("a nearly full disk is refused with a sentence before any engine meets it", async (context) => {
  const disk = await smallDisk(400);
  if (disk === undefined) return context.skip("no disk can be mounted here");
  const server = await startSightline({
    dataDir: join(disk, "data"),
    env: { SIGHTLINE_MIN_FREE_DISK_BYTES: "100000000" },
  });
  cleanups.push(() => server.stop());
  const before = await sendTrace(server);
  expect(before.status, before.body).toBe(200);
  const { bavail, bsize } = await statfs(disk);
  await writeFile(join(disk, "filler"), Buffer.alloc(bavail * bsize - 50_000_000));
  let refusal = "";
  await until(async () => {
    const { status, body } = await sendTrace(server);
    refusal = body;
    return status === 503;
  }, "the refusal");
  expect(JSON.parse(refusal)).toMatchObject({
    error: {
      code: "STORAGE_FULL",
      message: expect.stringMatching(/has \d+ MB free, under the 100 MB of SIGHTLINE_MIN_FREE_DISK/),
    },
  });
  expect(await traceIds(server)).toContain(before.traceId);
});
