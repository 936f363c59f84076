/**
 * Attachments on their way: in backups, in exports, over a crash, and where there is no room for them.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readManifest, verifyBackup } from "@sightline/server/transfer/backup-folder";
import { restoreBackup } from "@sightline/server/transfer/restore-backup";
import { EXPORT_PATH, IMPORT_PATH, type ImportResult } from "@sightline/wire/api/transfer";
import type { Job } from "@sightline/wire/model/job";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startExternalClickHouse, startExternalPostgres } from "../../harness/external-engines.ts";
import { makeDataDir, removeDataDir, startSightline } from "../../harness/sightline-process.ts";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { errorOf, makeSpan, send } from "./spans.ts";

let server: ServerUnderTest;
let folder: string;
beforeAll(async () => {
  server = await startInProcess();
  folder = await mkdtemp(join(tmpdir(), "sightline-attachments-"));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function ended({ client }: Pick<ServerUnderTest, "client">, { jobId }: Job): Promise<Job> {
  for (;;) {
    const { job } = await client.getJob({ params: { jobId }, query: { waitSeconds: "30" } });
    if (job.endTime !== undefined) return job;
  }
}

async function check(of: ServerUnderTest): Promise<Readonly<Record<string, number>>> {
  return (await ended(of, (await of.client.checkStorage()).job)).counts;
}

async function makeStoredTrace(url: string, experiment: string): Promise<string> {
  const span = makeSpan();
  expect((await send(url, [span], { "x-sightline-experiment": experiment })).status).toBe(200);
  return `tr-${span.traceId}`;
}

async function put(url: string, traceId: string, bytes: Uint8Array): Promise<string> {
  const attachmentId = randomUUID();
  const answer = await fetch(`${url}/api/v1/traces/${traceId}/attachments/${attachmentId}`, {
    method: "PUT",
    headers: { "content-type": "image/png" },
    body: new Uint8Array(bytes),
  });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return attachmentId;
}

/** Digests of all attachments of a trace, by id. */
async function digests({ url, client }: ServerUnderTest, traceId: string): Promise<Record<string, string>> {
  const { attachments } = await client.listAttachments({ params: { traceId } });
  const found: Record<string, string> = {};
  for (const { attachmentId, sha256 } of attachments) {
    const answer = await fetch(`${url}/api/v1/traces/${traceId}/attachments/${attachmentId}`);
    found[attachmentId] = createHash("sha256")
      .update(new Uint8Array(await answer.arrayBuffer()))
      .digest("hex");
    expect(found[attachmentId]).toBe(sha256);
  }
  return found;
}

test("a backup has the bytes of every attachment, also of those that are deleted while it is made", async () => {
  const kept = await makeStoredTrace(server.url, "backup");
  // Larger than a line of the dump, a whole one, and an empty one.
  for (const size of [2_000_001, 3 * 256 * 1024, 0]) await put(server.url, kept, randomBytes(size));
  const doomed = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const traceId = await makeStoredTrace(server.url, "backup");
      await put(server.url, traceId, randomBytes(50_000));
      return traceId;
    }),
  );
  const { job } = await server.client.createBackup({ body: { name: "all" } });
  const deleting = Promise.all(doomed.map((traceId) => server.client.deleteTrace({ params: { traceId } })));
  expect(await ended(server, job)).toMatchObject({ state: "succeeded", counts: { attachments: expect.any(Number) } });
  await deleting;
  // What was held for the backup goes after it.
  expect(await check(server)).toEqual({ problems: 0 });
  const from = join(server.dataDir, "backups", "all");
  const manifest = await readManifest(from);
  await verifyBackup(from, manifest);
  expect(manifest.files.map(({ file }) => file)).toContain("blobs.attachments.jsonl.gz");

  const dataDir = join(folder, "restored");
  await restoreBackup({ from, dataDir, onStep: () => undefined, onProgress: () => undefined });
  const restored = await startInProcess({ SIGHTLINE_DATA_DIR: dataDir });
  try {
    expect(await digests(restored, kept)).toEqual(await digests(server, kept));
    expect(Object.keys(await digests(restored, kept))).toHaveLength(3);
    const counts = await check(restored);
    expect(counts["attachments-without-bytes"]).toBeUndefined();
  } finally {
    await restored.stop();
  }
});

test("a restore into two external engines leaves attachments out, and says so", async () => {
  const traceId = await makeStoredTrace(server.url, "external");
  await put(server.url, traceId, randomBytes(1000));
  await ended(server, (await server.client.createBackup({ body: { name: "external" } })).job);
  const engines = await Promise.all([startExternalClickHouse(), startExternalPostgres()]);
  try {
    const [clickhouseUrl, databaseUrl] = [new URL("/restored", engines[0].url).href, engines[1].url];
    const steps: string[] = [];
    await restoreBackup({
      ...{ from: join(server.dataDir, "backups", "external"), dataDir: "", clickhouseUrl, databaseUrl },
      onStep: (step) => steps.push(step),
      onProgress: () => undefined,
    });
    expect(steps.join(" ")).toMatch(/\d+ attachments are left out: two external engines have no data directory/);
    const restored = await startInProcess({
      ...{ SIGHTLINE_CLICKHOUSE_URL: clickhouseUrl, SIGHTLINE_DATABASE_URL: databaseUrl },
    });
    expect(await restored.client.listAttachments({ params: { traceId } })).toEqual({ attachments: [] });
    expect(await check(restored)).toEqual({ problems: 0 });
    await restored.stop();
  } finally {
    await Promise.all(engines.map((engine) => engine.stop()));
  }
});

async function exportLines(query: string): Promise<string[]> {
  const text = await (await fetch(`${server.url}${EXPORT_PATH}?experiments=export${query}`)).text();
  return text.split("\n").slice(0, -1);
}

async function importText(url: string, text: string): Promise<ImportResult> {
  const answer = await fetch(url + IMPORT_PATH, { method: "POST", body: text });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return (await answer.json()) as ImportResult;
}

test("an export carries attachments to another server; importing twice doubles nothing", async () => {
  const traceId = await makeStoredTrace(server.url, "export");
  const bare = await makeStoredTrace(server.url, "export");
  for (const size of [1, 600_000, 0]) await put(server.url, traceId, randomBytes(size));
  const lines = await exportLines("");
  expect(lines).toHaveLength(5);
  const target = await startInProcess();
  try {
    for (let round = 0; round < 2; round += 1) {
      const result = await importText(target.url, lines.join("\n"));
      expect(result).toEqual({ lines: 5, imported: 5, spans: 2, attachments: 3, refused: 0, problems: [] });
      expect(await digests(target, traceId)).toEqual(await digests(server, traceId));
    }
    expect(await digests(target, bare)).toEqual({});

    const without = (await exportLines("&attachments=false")).map((line) => JSON.parse(line));
    expect(without).toHaveLength(2);
    const listed = without.map(({ info, attachments }) => [info.traceId, attachments?.length]);
    expect(Object.fromEntries(listed)).toEqual({ [traceId]: 3, [bare]: undefined });

    const line = JSON.parse(lines.find((text) => text.startsWith('{"attachment"')) ?? "{}");
    const wrong = [
      { ...line, data: "AAAA" },
      { ...line, attachment: { ...line.attachment, attachmentId: "../x" } },
      { ...line, attachment: { ...line.attachment, traceId: "tr-1" } },
      {
        ...line,
        data: "b3RoZXI=",
        attachment: { ...line.attachment, sha256: createHash("sha256").update("other").digest("hex") },
      },
    ];
    const refused = await importText(target.url, wrong.map((value) => JSON.stringify(value)).join("\n"));
    expect(refused).toMatchObject({ lines: 4, imported: 0, refused: 4 });
    expect(refused.problems.map(({ reason }) => reason)).toEqual([
      expect.stringContaining("are not those that its sha256 names"),
      expect.stringContaining('"attachment.attachmentId"'),
      expect.stringContaining('"tr-1" is not tr- and 32 hex digits'),
      expect.stringContaining("has other bytes"),
    ]);
  } finally {
    await target.stop();
  }
});

test("at the cap attachments are refused under the policy refuse, and deleted with the oldest traces under the other", async () => {
  const empty = await startInProcess();
  const { bytes } = await empty.client.getStorage();
  await empty.stop();
  const env = { SIGHTLINE_MAX_DISK_BYTES: String(bytes.total + 20_000_000) };
  const work = new Set<() => void>();
  const clock = {
    now: () => Date.now(),
    every: (_ms: number, each: () => void) => {
      work.add(each);
      return () => work.delete(each);
    },
  };

  const refusing = await startInProcess({ ...env, SIGHTLINE_DISK_POLICY: "refuse" }, undefined, { clock });
  try {
    const traceId = await makeStoredTrace(refusing.url, "full");
    let refused: Response | undefined;
    for (let index = 0; refused === undefined && index < 100; index += 1) {
      const address = `${refusing.url}/api/v1/traces/${traceId}/attachments/${randomUUID()}`;
      const answer = await fetch(address, { method: "PUT", body: new Uint8Array(randomBytes(4_000_000)) });
      if (answer.status !== 200) refused = answer;
      for (const each of work) each();
    }
    expect(refused?.status).toBe(503);
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await errorOf(refused as Response)).toMatchObject({
      code: "STORAGE_FULL",
      message: expect.stringContaining("SIGHTLINE_MAX_DISK_BYTES"),
    });
    // What is there can be read and deleted, and then there is room.
    await refusing.client.deleteTrace({ params: { traceId } });
    await expect
      .poll(async () => {
        for (const each of work) each();
        const address = `${refusing.url}/api/v1/traces/${traceId}/attachments/${randomUUID()}`;
        return (await fetch(address, { method: "PUT", body: "small" })).status;
      })
      .toBe(200);
  } finally {
    await refusing.stop();
  }

  work.clear();
  const deleting = await startInProcess(env, undefined, { clock });
  try {
    const traceIds: string[] = [];
    let jobs: readonly Job[] = [];
    for (let index = 0; jobs.length === 0 && index < 100; index += 1) {
      const span = makeSpan({ startTimeUnixNano: BigInt(Date.now() - 1_000_000 + index * 1000) * 1_000_000n });
      if ((await send(deleting.url, [span])).status !== 200) continue;
      traceIds.push(`tr-${span.traceId}`);
      const address = `${deleting.url}/api/v1/traces/tr-${span.traceId}/attachments/${randomUUID()}`;
      await fetch(address, { method: "PUT", body: new Uint8Array(randomBytes(1_000_000)) });
      for (const each of work) each();
      ({ jobs } = await deleting.client.listJobs({ query: { kind: "free-disk" } }));
    }
    const freed = await ended(deleting, jobs[0] as Job);
    expect(freed).toMatchObject({ state: "succeeded", requestedBy: "disk-cap" });
    expect(freed.counts.attachments).toBeGreaterThan(0);
    expect(freed.counts.bytesFreed).toBeGreaterThan((freed.counts.attachments ?? 0) * 900_000);
    await expect(deleting.client.getTrace({ params: { traceId: traceIds[0] ?? "" } })).rejects.toThrow(
      "does not exist",
    );
    expect(await check(deleting)).toEqual({ problems: 0 });
  } finally {
    await deleting.stop();
  }
});

test("what was acknowledged before a kill -9 is there after it, and nothing else", async () => {
  const dataDir = await makeDataDir();
  let running = await startSightline({ dataDir, env: { SIGHTLINE_DEMO: "off" } });
  try {
    const traceId = await makeStoredTrace(running.url, "killed");
    const acknowledged = new Map<string, string>();
    let isUp = true;
    const upload = async () => {
      while (isUp) {
        const bytes = randomBytes(300_000);
        const attachmentId = randomUUID();
        const address = `${running.url}/api/v1/traces/${traceId}/attachments/${attachmentId}`;
        const status = await fetch(address, { method: "PUT", body: new Uint8Array(bytes) }).then(
          (answer) => answer.status,
          () => undefined,
        );
        if (status === 200) acknowledged.set(attachmentId, createHash("sha256").update(bytes).digest("hex"));
        if (status === undefined) return;
      }
    };
    const uploads = [upload(), upload(), upload()];
    await expect.poll(() => acknowledged.size, { timeout: 60_000 }).toBeGreaterThan(20);
    running.kill("SIGKILL", "group");
    expect(await running.exited).toBe("SIGKILL");
    isUp = false;
    await Promise.all(uploads);

    running = await startSightline({ dataDir, env: { SIGHTLINE_DEMO: "off" } });
    const list = await fetch(`${running.url}/api/v1/traces/${traceId}/attachments`);
    expect(list.status, running.output()).toBe(200);
    const { attachments } = (await list.json()) as { attachments: { attachmentId: string }[] };
    const found = new Set(attachments.map(({ attachmentId }) => attachmentId));
    for (const [attachmentId, sha256] of acknowledged) {
      expect(found.has(attachmentId)).toBe(true);
      const answer = await fetch(`${running.url}/api/v1/traces/${traceId}/attachments/${attachmentId}`);
      const digest = createHash("sha256")
        .update(new Uint8Array(await answer.arrayBuffer()))
        .digest("hex");
      expect(digest).toBe(sha256);
    }
    // At most the three that were under way are there beside, or have left a draft.
    expect(found.size - acknowledged.size).toBeLessThanOrEqual(3);
    expect((await readdir(join(dataDir, "blobs", "drafts"))).length).toBeLessThanOrEqual(3);
  } finally {
    await running.stop();
    await removeDataDir(dataDir);
  }
});
