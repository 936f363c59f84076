/**
 * The whole store: both engines, from an empty directory to the last process.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processTable } from "./contract/process-table.ts";
import { freshTraceId, sampleSpan } from "./contract/samples.ts";
import { startChdb } from "./engines/chdb/supervisor.ts";
import { startPostgres } from "./engines/embedded-postgres.ts";
import { openStore } from "./open.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "sightline-open-"));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

/** Command lines of the processes below this one. */
function childProcesses(): string[] {
  const rows = processTable();
  const below = (parent: number): string[] =>
    rows.filter((row) => row.parent === parent).flatMap((row) => [row.args, ...below(row.pid)]);
  return below(process.pid);
}

test("opens on an empty directory, keeps what was written, leaves no process", async () => {
  const before = childProcesses();
  const sentences: string[] = [];
  const first = await openStore({ dataDir, onProgress: (sentence) => sentences.push(sentence) });
  expect(childProcesses().length).toBeGreaterThan(before.length);
  expect(sentences).toContain("The store is open.");
  const experiment = await first.entities.ensureExperiment("kept");
  const traceId = freshTraceId();
  await first.telemetry.writeSpans([sampleSpan({ traceId, experimentId: experiment.experimentId })]);
  await Promise.all([first.close(), first.close()]);
  expect(childProcesses()).toEqual(before);

  const second = await openStore({ dataDir });
  expect(await second.entities.getExperimentByName("kept")).toEqual(experiment);
  expect(await second.telemetry.getTraceInfos([traceId])).toMatchObject([{ experimentId: experiment.experimentId }]);
  await second.close();
});

test("closing finishes the writes that were begun", async () => {
  const store = await openStore({ dataDir });
  const traceIds = Array.from({ length: 20 }, freshTraceId);
  const writes = traceIds.map((traceId) => store.telemetry.writeSpans([sampleSpan({ traceId })]));
  await store.close();
  await expect(Promise.all(writes)).resolves.toHaveLength(20);
  await expect(store.telemetry.writeSpans([])).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  const again = await openStore({ dataDir });
  expect(await again.telemetry.getTraceInfos(traceIds)).toHaveLength(20);
  await again.close();
});

test("two servers cannot use one directory, and the first is not harmed", async () => {
  const first = await openStore({ dataDir });
  await expect(openStore({ dataDir })).rejects.toMatchObject({
    code: expect.stringMatching(/STORE_UNAVAILABLE|DATA_DIR/),
  });
  await expect(first.telemetry.ping()).resolves.toBeUndefined();
  await expect(first.entities.ping()).resolves.toBeUndefined();
  await first.close();
});

test("given URLs, it uses what is there and touches no directory", async () => {
  const engines = await mkdtemp(join(tmpdir(), "sightline-engines-"));
  const chdb = await startChdb({ dataDir: join(engines, "chdb") });
  const postgres = await startPostgres({ dataDir: join(engines, "postgres") });
  const urls = { clickhouseUrl: `${chdb.url}somewhere`, databaseUrl: postgres.url };
  const sentences: string[] = [];
  // Two servers that start at once: the schema is made once.
  const stores = await Promise.all(
    [1, 2].map(() =>
      openStore({ dataDir: join(dataDir, "none"), ...urls, onProgress: (said) => sentences.push(said) }),
    ),
  );
  const traceId = freshTraceId();
  await stores[0]!.telemetry.writeSpans([sampleSpan({ traceId })]);
  expect(await stores[1]!.telemetry.getTraceInfos([traceId])).toHaveLength(1);
  expect(await readdir(dataDir)).toEqual([]);
  const { password } = new URL(postgres.url);
  expect(sentences.join("\n")).toContain(`PostgreSQL at postgres://127.0.0.1:${new URL(postgres.url).port}/`);
  expect(sentences.join("\n")).not.toContain(password);
  await Promise.all(stores.map((store) => store.close()));
  await Promise.all([chdb.close(), postgres.close()]);
  await rm(engines, { recursive: true, force: true });
});

test.each([
  [
    "clickhouseUrl",
    "http://user:secret@127.0.0.1:9/db",
    /^ClickHouse at http:\/\/127\.0\.0\.1:9\/db does not answer: .*SIGHTLINE_CLICKHOUSE_URL/,
  ],
  [
    "databaseUrl",
    "postgres://user:secret@127.0.0.1:9/db",
    /^PostgreSQL at postgres:\/\/127\.0\.0\.1:9\/db does not answer: .*SIGHTLINE_DATABASE_URL/,
  ],
] as const)("says that nothing answers at %s, and stops the other engine", async (option, url, message) => {
  const before = childProcesses();
  await expect(openStore({ dataDir, [option]: url })).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    message: expect.stringMatching(message),
  });
  await expect(openStore({ dataDir, [option]: url })).rejects.toMatchObject({
    message: expect.not.stringContaining("secret"),
  });
  expect(childProcesses()).toEqual(before);
});

test("a URL that is none is refused without showing it", async () => {
  await expect(openStore({ dataDir, databaseUrl: "secret at somewhere" })).rejects.toMatchObject({
    code: "BAD_SETTING",
    message: expect.not.stringContaining("secret"),
  });
});
