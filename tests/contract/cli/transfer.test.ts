/**
 * Export, import, backup and restore as processes, against a server that is one too.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { createClient } from "@sightline/wire/api/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { removeDataDir, type SightlineProcess, startSightline } from "../../harness/sightline-process.ts";
import { makeTrace, send } from "../server/spans.ts";

const main = fileURLToPath(new URL("../../../packages/cli/src/main.ts", import.meta.url));

let server: SightlineProcess;
let folder: string;
beforeAll(async () => {
  server = await startSightline({ env: { SIGHTLINE_DEMO: "off" } });
  folder = await mkdtemp(join(tmpdir(), "sightline-cli-test-"));
  const traces = Array.from({ length: 30 }, (_, index) => makeTrace(3, { name: `t${index}` }));
  expect((await send(server.url, traces.flat(), { "x-sightline-experiment": "shop" })).status).toBe(200);
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await removeDataDir(server.dataDir);
  await rm(folder, { recursive: true, force: true });
});

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

function sightline(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  const argv = ["--import", import.meta.resolve("tsx"), "--conditions=@sightline/source", main, ...args];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      argv,
      { cwd: folder, env: { ...process.env, SIGHTLINE_URL: server.url, ...env } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

test("export writes a file, import takes it into another server, and refused lines are exit code 2", async () => {
  const exported = await sightline(["export", "traces.jsonl.gz", "--experiment", "shop"]);
  expect(exported).toMatchObject({ code: 0, stdout: "" });
  expect(exported.stderr).toContain("Exported 30 traces to traces.jsonl.gz");
  const lines = gunzipSync(await readFile(join(folder, "traces.jsonl.gz")))
    .toString()
    .trim()
    .split("\n");
  expect(lines).toHaveLength(30);
  expect(await readdir(folder)).toEqual(["traces.jsonl.gz"]);

  const again = await sightline(["export", "traces.jsonl.gz"]);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("exists already") });
  const some = await sightline(["export", "-", "--filter", "name = 't7'"]);
  expect(JSON.parse(some.stdout).info.name).toBe("t7");

  await writeFile(join(folder, "bad.jsonl"), `${lines[0]}\n\nnonsense\n${lines[1]}\n`);
  const other = await startSightline({ env: { SIGHTLINE_DEMO: "off" } });
  try {
    const imported = await sightline(["import", "traces.jsonl.gz", "bad.jsonl", "--json", "--url", other.url]);
    expect(imported.code).toBe(2);
    expect(JSON.parse(imported.stdout)).toMatchObject({
      lines: 33,
      imported: 32,
      refused: 1,
      problems: [{ file: "bad.jsonl", line: 3, reason: "it is not JSON" }],
    });
    const client = createClient({ baseUrl: other.url });
    const stats = await client.getStats();
    expect([stats.traces, stats.spans]).toEqual([30, 120]);
    const plain = await sightline(["import", "bad.jsonl", "--url", other.url, "--experiment", "else"]);
    expect(plain.stderr).toContain("bad.jsonl:3: it is not JSON\n");
    expect(plain.stderr).toContain("1 line refused.");
  } finally {
    await other.stop();
    await removeDataDir(other.dataDir);
  }
});

test("a Parquet export of spans is taken into another experiment; one of traces is refused in a sentence", async () => {
  for (const table of ["spans", "traces"]) {
    expect(await sightline(["export", `${table}.parquet`, "--experiment", "shop", "--table", table])).toMatchObject({
      code: 0,
    });
  }
  const other = await startSightline({ env: { SIGHTLINE_DEMO: "off" } });
  try {
    const args = ["--url", other.url, "--experiment", "copy"];
    const imported = await sightline(["import", "spans.parquet", "--json", ...args]);
    expect(imported).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(imported.stdout)).toMatchObject({ lines: 120, spans: 120, refused: 0 });
    const client = createClient({ baseUrl: other.url });
    const { traces } = await client.searchTraces({ body: { experiments: ["copy"], filter: "name = 't7'" } });
    expect(traces.map(({ info }) => [info.name, info.spanCount])).toEqual([["t7", 4]]);
    expect(await sightline(["import", "traces.parquet", ...args])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has no column "span_id"'),
    });
  } finally {
    await other.stop();
    await removeDataDir(other.dataDir);
  }
});

test("attachments travel with an export, or are left out of it", async () => {
  const client = createClient({ baseUrl: server.url });
  const { traces } = await client.searchTraces({ body: { experiments: ["shop"], filter: "name = 't7'" } });
  const params = { traceId: traces[0]?.info.traceId ?? "", attachmentId: "0d9e7a4c-53c1-4b8a-9f5e-7c1f9f0f2a11" };
  // More than the command sends at once.
  const bytes = new Uint8Array(9_000_001).fill(7);
  await client.putAttachment({ params, body: bytes, contentType: "image/png" });
  const some = ["--filter", "name = 't7'"];
  expect(await sightline(["export", "with.jsonl.gz", ...some])).toMatchObject({ code: 0 });
  const without = await sightline(["export", "-", "--no-attachments", ...some]);
  expect(JSON.parse(without.stdout).attachments).toMatchObject([
    { attachmentId: params.attachmentId, size: 9_000_001 },
  ]);

  const other = await startSightline({ env: { SIGHTLINE_DEMO: "off" } });
  try {
    const imported = await sightline(["import", "with.jsonl.gz", "--url", other.url]);
    expect(imported).toMatchObject({ code: 0, stderr: expect.stringContaining("with 4 spans and 1 attachment in") });
    const answer = await createClient({ baseUrl: other.url }).getAttachment({ params });
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
  } finally {
    await other.stop();
    await removeDataDir(other.dataDir);
  }
});

test("backup --to fetches a backup, verify checks it, restore makes a data directory that a server starts on", async () => {
  const to = join(folder, "backup");
  const backedUp = await sightline(["backup", "--to", to, "--json"]);
  expect(backedUp).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(backedUp.stdout)).toMatchObject({ to });
  // The server's own copy is gone: it was a step on the way.
  expect((await createClient({ baseUrl: server.url }).listBackups()).backups).toEqual([]);
  expect(await sightline(["backup", "--to", to])).toMatchObject({ code: 1, stderr: expect.stringContaining("exists") });
  expect(await sightline(["backup", "verify", to])).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("is whole"),
  });

  const dataDir = join(await mkdtemp(join(folder, "restored-")), "data");
  const restored = await sightline(["restore", "--from", to, "--data-dir", dataDir]);
  expect(restored.stderr).toContain("Restored ");
  expect(restored.code).toBe(0);
  const refused = await sightline(["restore", "--from", to, "--data-dir", dataDir]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("is not empty") });
  const second = await startSightline({ dataDir, env: { SIGHTLINE_DEMO: "off" } });
  try {
    const stats = await createClient({ baseUrl: second.url }).getStats();
    expect([stats.traces, stats.spans]).toEqual([30, 120]);
  } finally {
    expect(await second.stop()).toBe(0);
  }

  await writeFile(join(to, "clickhouse.spans.jsonl.gz"), "broken");
  const broken = await sightline(["backup", "verify", to, "--json"]);
  expect(broken.code).toBe(1);
  expect(JSON.parse(broken.stderr)).toMatchObject({ error: { code: "BACKUP_UNUSABLE" } });
});

test("backup without --to stays on the server, under its name", async () => {
  const backedUp = await sightline(["backup", "--name", "nightly"]);
  expect(backedUp.stderr).toContain('"nightly" on the server');
  const verified = await sightline(["backup", "verify", join(server.dataDir, "backups", "nightly")]);
  expect(verified.code).toBe(0);
  const twice = await sightline(["backup", "--name", "nightly"]);
  expect(twice).toMatchObject({ code: 1, stderr: expect.stringContaining('There is a backup "nightly" already') });
});
