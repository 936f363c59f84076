/**
 * Whole traces of a selection: as a stream of traces, and as Parquet.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { joinParquet, readParquetFile } from "../parquet/join-parquet.ts";
import type { TelemetryStore } from "../telemetry-store.ts";
import type { TracePart } from "../trace-transfer.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

describe.each(clickHouseEngines)("$name", ({ start }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url);
  });
  afterAll(async () => {
    await store.close();
    await engine.stop();
  });

  async function readAll(experimentId: string): Promise<TracePart[]> {
    const parts: TracePart[] = [];
    for await (const part of store.readTraces({ experimentIds: [experimentId] })) parts.push(part);
    return parts;
  }

  async function parquetOf(experimentId: string, table: "spans" | "traces"): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of store.readParquet({ experimentIds: [experimentId] }, table)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Traces of 1 to 3 spans, a second apart, the last one newest. */
  async function writeTraces(count: number): Promise<{ experimentId: string; ids: string[] }> {
    const experimentId = freshExperimentId();
    const ids = Array.from({ length: count }, freshTraceId);
    const spans = ids.flatMap((traceId, index) =>
      Array.from({ length: 1 + (index % 3) }, (_, child) =>
        sampleSpan({
          experimentId,
          traceId,
          spanId: spanId(child + 1),
          parentSpanId: child === 0 ? "" : spanId(1),
          startTimeUnixNano: SAMPLE_START + BigInt(index) * 1_000_000_000n + BigInt(child),
          inputs: { json: `{"n":${index}}` },
          attributes: { child: String(child) },
        }),
      ),
    );
    await store.writeSpans(spans);
    return { experimentId, ids };
  }

  test("all traces come with all spans, newest first, over pages and runs", async () => {
    const { experimentId, ids } = await writeTraces(3000);
    const parts = await readAll(experimentId);
    expect(parts.map(({ info }) => info.traceId)).toEqual(ids.toReversed());
    for (const { info, spans } of parts) {
      expect(spans.map((span) => span.spanId)).toEqual(Array.from({ length: info.spanCount }, (_, i) => spanId(i + 1)));
    }
    const some = [];
    // Starts are kept in microseconds.
    const from = SAMPLE_START + 2_990_000_000_000n - 1000n;
    for await (const { info } of store.readTraces({ experimentIds: [experimentId], from })) some.push(info.traceId);
    expect(some).toEqual(ids.slice(2990).toReversed());
  });

  test("spans that lie elsewhere than the trace's row says are there too", async () => {
    const experimentId = freshExperimentId();
    const traceId = freshTraceId();
    await store.writeSpans([
      sampleSpan({ experimentId, traceId, spanId: spanId(1) }),
      sampleSpan({ experimentId, traceId, spanId: spanId(2), startTimeUnixNano: SAMPLE_START + 9_000_000_000n }),
    ]);
    await store.putClientInfo({
      traceId,
      experimentId,
      requestTimeUnixNano: SAMPLE_START - 7_200_000_000_000n,
      durationNano: 5n,
    });
    const [part] = await readAll(experimentId);
    expect(part?.spans.map((span) => span.spanId)).toEqual([spanId(1), spanId(2)]);
    expect(readParquetFile(await parquetOf(experimentId, "spans")).numRows).toBe(2);
  });

  test("a trace without spans is there, a deleted one is not", async () => {
    const { experimentId, ids } = await writeTraces(2);
    const told = freshTraceId();
    await store.putClientInfo({ traceId: told, experimentId, name: "told", requestTimeUnixNano: SAMPLE_START });
    await store.deleteTraces([ids[0] ?? ""]);
    const parts = await readAll(experimentId);
    expect(parts.map(({ info, spans }) => [info.traceId, spans.length])).toEqual([
      [ids[1], 2],
      [told, 0],
    ]);
  });

  test("leaving the loop, or an abort, ends the reading", async () => {
    const { experimentId } = await writeTraces(3000);
    for await (const _part of store.readTraces({ experimentIds: [experimentId] })) break;
    const abort = new AbortController();
    const reading = store.readTraces({ experimentIds: [experimentId] }, { signal: abort.signal });
    await reading.next();
    abort.abort(new Error("enough"));
    await expect(
      (async () => {
        for await (const _part of reading);
      })(),
    ).rejects.toThrow("enough");
  });

  test("Parquet that was joined is read by others: every row, types, NULLs and maps", async ({ skip }) => {
    const python = process.env.SIGHTLINE_TEST_PYTHON;
    if (!python) return skip("SIGHTLINE_TEST_PYTHON names no Python with pyarrow");
    const { experimentId, ids } = await writeTraces(3000);
    await store.setTraceTags(ids[7] ?? "", { "it's": 'a "tag" \\ 你好' });
    const folder = mkdtempSync(join(tmpdir(), "sightline-parquet-"));
    try {
      writeFileSync(join(folder, "spans.parquet"), await parquetOf(experimentId, "spans"));
      writeFileSync(join(folder, "traces.parquet"), await parquetOf(experimentId, "traces"));
      const script = `
import json, sys, pyarrow.parquet as pq
s = pq.read_table(sys.argv[1] + "/spans.parquet"); t = pq.read_table(sys.argv[1] + "/traces.parquet")
row = s.slice(s.num_rows - 1).to_pylist()[0]
tags = [dict(x) for x in t["tags"].to_pylist() if x]
print(json.dumps({
  "rows": [s.num_rows, t.num_rows], "groups": pq.ParquetFile(sys.argv[1] + "/spans.parquet").num_row_groups,
  "ids": len(set(t["trace_id"].to_pylist())), "pairs": len(set(zip(s["trace_id"].to_pylist(), s["span_id"].to_pylist()))),
  "types": [str(s.schema.field(n).type) for n in ("trace_id", "start_time", "input_tokens", "duration_us", "attributes")],
  "first": [row["parent_span_id"], row["inputs"], dict(row["attributes"]), row["start_time"].isoformat(), row["start_time_unix_nano"]],
  "tags": tags, "request": str(t.schema.field("request_time").type)}))`;
      const output = execFileSync(python, ["-c", script, folder], { encoding: "utf8" });
      expect(JSON.parse(output)).toEqual({
        rows: [6000, 3000],
        groups: expect.any(Number),
        ids: 3000,
        pairs: 6000,
        types: ["string", "timestamp[us, tz=UTC]", "int64", "int64", expect.stringMatching(/^map<string, string/)],
        first: [null, '{"n":0}', { child: "0" }, "2026-11-24T08:25:09.717123+00:00", Number(SAMPLE_START)],
        tags: [{ "it's": 'a "tag" \\ 你好' }],
        request: "timestamp[us, tz=UTC]",
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a joined file is the same when it is joined again", async () => {
    const { experimentId } = await writeTraces(3000);
    const file = readParquetFile(await parquetOf(experimentId, "spans"));
    expect(file.numRows).toBe(6000);
    const again: Uint8Array[] = [];
    for await (const piece of joinParquet(
      (async function* () {
        yield file;
      })(),
    )) {
      again.push(piece);
    }
    expect(readParquetFile(Buffer.concat(again))).toEqual(file);
  });
});
