/**
 * Backup of a server that is being written to, and the store that is restored from it.
 */
import { appendFile, cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readManifest, verifyBackup } from "@sightline/server/transfer/backup-folder";
import { restoreBackup } from "@sightline/server/transfer/restore-backup";
import { openStore } from "@sightline/store/open";
import { EXPORT_PATH } from "@sightline/wire/api/transfer";
import type { Job } from "@sightline/wire/model/job";
import type { Trace } from "@sightline/wire/model/trace";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { errorOf, makeTrace, START, send } from "./spans.ts";

let server: ServerUnderTest;
let folder: string;
beforeAll(async () => {
  server = await startInProcess();
  folder = await mkdtemp(join(tmpdir(), "sightline-backup-test-"));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Waits for a job by asking for it, as clients do. */
async function ended(jobId: string): Promise<Job> {
  for (;;) {
    const { job } = await server.client.getJob({ params: { jobId } });
    if (job.endTime !== undefined) return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function backUp(name: string): Promise<string> {
  const { job } = await server.client.createBackup({ body: { name } });
  expect(await ended(job.jobId)).toMatchObject({ kind: "backup", state: "succeeded" });
  return join(server.dataDir, "backups", name);
}

/** All traces of a server, by id. */
async function exportAll(url: string): Promise<Map<string, Trace>> {
  const text = await (await fetch(url + EXPORT_PATH)).text();
  const traces = text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Trace);
  return new Map(traces.map(({ info, spans }) => [info.traceId, { info, spans }]));
}

/** Restores a backup into a new data directory. */
async function restore(from: string): Promise<string> {
  const dataDir = join(await mkdtemp(join(folder, "restored-")), "data");
  await restoreBackup({ from, dataDir, onStep: () => undefined, onProgress: () => undefined });
  return dataDir;
}

test("a backup under load has everything that was acknowledged before it, and no half trace", async () => {
  const { client, url } = server;
  const experiment = { "x-sightline-experiment": encodeURIComponent("Lager №1") };
  for (let batch = 0; batch < 20; batch++) {
    const traces = Array.from({ length: 20 }, (_, index) =>
      makeTrace(4, {
        startTimeUnixNano: START + BigInt(batch * 20 + index) * 3_600_000_000_000n,
        attributes: { "mlflow.spanInputs": `{"n": 1.0, "text": "你好 \\u2028 ${index}"}`, "session.id": `s${index}` },
      }),
    );
    expect((await send(url, traces.flat(), experiment)).status).toBe(200);
  }
  const { traces: page } = await client.searchTraces({ body: { experiments: ["Lager №1"], maxResults: 3 } });
  const [tagged = "", deleted = "", judged = ""] = page.map(({ info }) => info.traceId);
  await client.setTraceTag({ params: { traceId: tagged, key: "checked" }, body: { value: "ja" } });
  await client.deleteTrace({ params: { traceId: deleted } });
  await client.createAssessment({
    params: { traceId: judged },
    body: { kind: "feedback", name: "quality", value: 0.5, source: { type: "HUMAN", id: "ann" } },
  });

  // Writers that go on before, while and after; some write into the traces of before, in parts.
  let writing = true;
  let written = 0;
  const writer = async (seed: number) => {
    for (let round = 0; writing; round++) {
      const spans = makeTrace(30, { startTimeUnixNano: START + BigInt(seed * 1_000_000 + round) });
      for (const part of [spans.slice(15), spans.slice(0, 15)]) {
        if ((await send(url, part, experiment)).status === 200) written += part.length;
      }
    }
  };
  const writers = [writer(1), writer(2), writer(3)];
  while (written < 500) await new Promise((resolve) => setImmediate(resolve));

  const before = await exportAll(url);
  const path = await backUp("under-load");
  writing = false;
  await Promise.all(writers);
  expect(before.size).toBeGreaterThan(400);

  const restored = await startInProcess({ SIGHTLINE_DATA_DIR: await restore(path) });
  try {
    const after = await exportAll(restored.url);
    expect(after.size).toBeGreaterThanOrEqual(before.size);
    for (const [traceId, { info, spans }] of before) {
      const found = after.get(traceId);
      // The trees of the writers have 31 spans, and were still growing; the others must be the same to the last field.
      if (info.spanCount === 5) expect(found).toEqual({ info, spans });
      else expect(idsOf(found?.spans)).toEqual(expect.arrayContaining(idsOf(spans)));
    }
    // Nothing half: every row counts the spans that are there.
    for (const { info, spans } of after.values()) expect(spans).toHaveLength(info.spanCount);
    expect((await restored.client.getTrace({ params: { traceId: tagged } })).trace.info.tags.checked).toBe("ja");
    expect((await restored.client.getTrace({ params: { traceId: judged } })).trace.info.assessments).toMatchObject([
      { name: "quality", value: 0.5 },
    ]);
    await expect(restored.client.getTrace({ params: { traceId: deleted } })).rejects.toThrow("does not exist");

    // It goes on as a server like any other: experiments keep their ids, new ones get new ones.
    const names = async (of: ServerUnderTest) =>
      (await of.client.listExperiments({ query: {} })).experiments.map(({ experimentId, name }) => [
        experimentId,
        name,
      ]);
    expect(await names(restored)).toEqual(await names(server));
    await send(restored.url, makeTrace(1), { "x-sightline-experiment": "after" });
    expect((await restored.client.searchTraces({ body: { experiments: ["after"] } })).traces).toHaveLength(1);
    const { jobs } = await restored.client.listJobs({ query: { kind: "backup" } });
    expect(jobs.map(({ state }) => state)).toEqual(["succeeded"]);
  } finally {
    await restored.server.close();
  }
  const store = await openStore({ dataDir: restored.dataDir });
  try {
    expect(await store.telemetry.findInconsistencies()).toEqual([]);
  } finally {
    await store.close();
  }
});

test("names are checked, a backup never replaces another, and only listed files are given", async () => {
  await backUp("first");
  await expect(server.client.createBackup({ body: { name: "first" } })).rejects.toMatchObject({
    code: "BACKUP_EXISTS",
  });
  for (const name of ["../x", ".hidden", "a/b", "", "x".repeat(200)]) {
    await expect(server.client.createBackup({ body: { name } })).rejects.toMatchObject({ code: "INVALID_PARAMETER" });
  }
  const { backups } = await server.client.listBackups();
  expect(backups.map(({ name }) => name)).toContain("first");
  const get = (file: string) => fetch(`${server.url}/api/v1/backups/first/files/${file}`);
  const [listed, manifest, outside] = await Promise.all([
    get("clickhouse.traces.jsonl.gz"),
    get("manifest.json"),
    get("..%2f..%2fsightline.lock"),
  ]);
  expect(listed.status).toBe(200);
  expect(new Uint8Array(await listed.arrayBuffer()).slice(0, 2)).toEqual(new Uint8Array([0x1f, 0x8b]));
  for (const answer of [manifest, outside]) {
    expect(answer.status).toBe(404);
    expect((await errorOf(answer)).code).toBe("BACKUP_NOT_FOUND");
  }
  await server.client.deleteBackup({ params: { name: "first" } });
  await expect(server.client.getBackup({ params: { name: "first" } })).rejects.toMatchObject({
    code: "BACKUP_NOT_FOUND",
  });
});

test("what is damaged or missing is found before anything is restored", async () => {
  const path = await backUp("damaged");
  const manifest = await readManifest(path);
  await verifyBackup(path, manifest);
  const copy = async (change: (copied: string) => Promise<void>) => {
    const copied = join(await mkdtemp(join(folder, "damaged-")), "backup");
    await cp(path, copied, { recursive: true });
    await change(copied);
    return copied;
  };
  const spans = "clickhouse.spans.jsonl.gz";
  const cases: [string, (copied: string) => Promise<void>, string][] = [
    ["cut", (at) => writeFile(join(at, spans), "short"), `${spans} has 5 bytes instead of`],
    ["changed", (at) => flipByte(join(at, spans)), `the content of ${spans} has changed`],
    ["missing", (at) => rm(join(at, spans)), `${spans} is missing`],
    ["no manifest", (at) => rm(join(at, "manifest.json")), "is no backup"],
    ["broken manifest", (at) => appendFile(join(at, "manifest.json"), "}"), "manifest.json"],
    [
      "newer format",
      async (at) => writeFile(join(at, "manifest.json"), JSON.stringify({ ...manifest, format: 99 })),
      "newer Sightline",
    ],
    [
      "newer schema",
      async (at) =>
        writeFile(
          join(at, "manifest.json"),
          JSON.stringify({ ...manifest, schema: { ...manifest.schema, clickhouse: [1, 999] } }),
        ),
      "newer Sightline",
    ],
  ];
  for (const [name, change, sentence] of cases) {
    const from = await copy(change);
    const dataDir = join(from, "..", "data");
    const work = restoreBackup({ from, dataDir, onStep: () => undefined, onProgress: () => undefined });
    await expect(work, name).rejects.toThrow(sentence);
    expect(await readdir(join(from, "..")), name).toEqual(["backup"]);
  }
});

test("a data directory that holds something is refused", async () => {
  const path = await backUp("refused");
  const work = restoreBackup({
    from: path,
    dataDir: server.dataDir,
    onStep: () => undefined,
    onProgress: () => undefined,
  });
  await expect(work).rejects.toMatchObject({ code: "STORE_NOT_EMPTY" });
});

test("a failed backup leaves nothing behind, and a cancelled one too", async () => {
  const backups = join(server.dataDir, "backups");
  await rename(backups, `${backups}.away`);
  await writeFile(backups, "a file where the folder should be");
  try {
    const { job } = await server.client.createBackup({ body: { name: "impossible" } }).catch((error) => {
      expect(String(error)).not.toBe("");
      return { job: undefined };
    });
    if (job) expect((await ended(job.jobId)).state).toBe("failed");
    expect(await readFile(backups, "utf8")).toContain("a file");
  } finally {
    await rm(backups);
    await rename(`${backups}.away`, backups);
  }
  const { job } = await server.client.createBackup({ body: { name: "cancelled" } });
  await server.client.cancelJob({ params: { jobId: job.jobId } }).catch(() => undefined);
  const { state } = await ended(job.jobId);
  const entries = await readdir(backups);
  expect(entries.filter((entry) => entry.startsWith("."))).toEqual([]);
  expect(entries.includes("cancelled")).toBe(state === "succeeded");
});

function idsOf(spans: Trace["spans"] = []): string[] {
  return spans.map(({ spanId }) => spanId);
}

/** Changes one byte in the middle of a file. */
async function flipByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
  await writeFile(file, bytes);
}
