import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BackupTable } from "./backup-source.ts";
import { freshTraceId, spanId } from "./contract/samples.ts";
import { openStore } from "./open.ts";
import { restoreStore, type StoredBackup } from "./restore.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "sightline-restore-"));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

/** A table as lines of JSON, cut into pieces anywhere. */
function table(engine: BackupTable["engine"], name: string, rows: readonly object[]): BackupTable {
  const bytes = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return {
    engine,
    table: name,
    async *rows() {
      for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
    },
  };
}

const [whole, grown, rowOnly, spansOnly, tagOnly] = Array.from({ length: 5 }, freshTraceId) as [
  string,
  string,
  string,
  string,
  string,
];

function span(traceId: string, id: number, version: number) {
  const start_time = "2026-11-24 08:25:09.717123456";
  const parent_span_id = id === 1 ? "" : spanId(1);
  return {
    ...{ experiment_id: "7", trace_id: traceId, span_id: spanId(id), parent_span_id, name: "agent", status_code: "OK" },
    ...{ start_time, end_time: "2026-11-24 08:25:10.000000000", inputs: '{"a":"\u2028"}', version },
  };
}

function trace(traceId: string, span_count: number, version: number) {
  const start_time = "2026-11-24 08:25:09.717123";
  return { experiment_id: "7", trace_id: traceId, start_time, name: "agent", state: "OK", span_count, version };
}

/** As the first released schema had it, made while one trace grew and others were deleted. */
const oldBackup: StoredBackup = {
  schema: { clickhouse: [1, 2, 3, 4, 5, 6, 7], postgres: [1] },
  newestVersion: 1000,
  tables: [
    table("clickhouse", "spans", [
      span(whole, 1, 900),
      span(grown, 1, 900),
      span(grown, 2, 1100),
      span(spansOnly, 1, 900),
    ]),
    table("clickhouse", "trace_tags", [
      { experiment_id: "7", trace_id: whole, key: "k", value: "v", removed: 0, version: 950 },
      { experiment_id: "7", trace_id: tagOnly, key: "k", value: "v", removed: 0, version: 950 },
    ]),
    table("clickhouse", "traces", [trace(whole, 1, 900), trace(grown, 1, 900), trace(rowOnly, 3, 900)]),
    table("postgres", "experiments", [
      { experiment_id: 0, name: "Default", created_at: "2026-01-01T00:00:00.123456+00:00", lifecycle_stage: "active" },
      { experiment_id: 7, name: "shöp \u2028", created_at: "2026-01-02T00:00:00+00:00", lifecycle_stage: "active" },
    ]),
    table("postgres", "sequences", [{ name: "experiments_experiment_id_seq", last: "41", called: true }]),
  ],
};

test("a backup of an older schema is brought up to date, and its traces are whole", async () => {
  await restoreStore({ dataDir }, oldBackup);
  const store = await openStore({ dataDir });
  try {
    const infos = await store.telemetry.getTraceInfos([whole, grown, rowOnly, spansOnly]);
    expect(infos.map(({ traceId, spanCount, tags }) => [traceId, spanCount, tags])).toEqual([
      [whole, 1, { k: "v" }],
      [grown, 2, {}],
      [spansOnly, 1, {}],
    ]);
    expect(await store.telemetry.findInconsistencies()).toEqual([]);
    const spans = await store.telemetry.getSpans([whole]);
    expect(spans.get(whole)?.[0]).toMatchObject({ inputs: { json: '{"a":"\u2028"}' } });
    expect(await store.entities.getExperimentByName("shöp \u2028")).toMatchObject({ experimentId: "7" });
    // Its sequence goes on where it was, also if the latest experiments were deleted.
    expect(await store.entities.ensureExperiment("next")).toMatchObject({ experimentId: "42" });
  } finally {
    await store.close();
  }
});

test("a store that holds something is refused and left as it is; so is a backup of a newer schema", async () => {
  await (await openStore({ dataDir })).close();
  await expect(restoreStore({ dataDir }, oldBackup)).rejects.toMatchObject({ code: "STORE_NOT_EMPTY" });
  const newer = { ...oldBackup, schema: { clickhouse: [1, 9999], postgres: [1] } };
  await expect(restoreStore({ dataDir }, newer)).rejects.toMatchObject({ code: "BACKUP_UNUSABLE" });
  const store = await openStore({ dataDir });
  expect(await store.telemetry.stats()).toMatchObject({ traces: 0, spans: 0 });
  await store.close();
});
