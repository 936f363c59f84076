/**
 * What deleting by selection, giving space back and the check for orphans promise, on every ClickHouse engine.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { clickHouseAddress } from "../clickhouse/address.ts";
import { connectClickHouse } from "../engines/clickhouse.ts";
import type { TelemetryStore } from "../telemetry-store.ts";
import type { RemovalSelection } from "../trace-removal.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

const HOUR = 3_600_000_000_000n;
const DAY = 24n * HOUR;
const hasFailed = { kind: "comparison", left: { field: "status" }, operator: "=", value: "ERROR" } as const;

describe.each(clickHouseEngines)("removal on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url);
  });
  afterEach(async () => {
    expect(await store.findInconsistencies()).toEqual([]);
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  /** Traces of two spans, an hour apart; the even ones failed. */
  async function writeTraces(count: number, experimentId: string, from = SAMPLE_START): Promise<string[]> {
    const ids = Array.from({ length: count }, freshTraceId);
    await store.writeSpans(
      ids.flatMap((traceId, index) => {
        const startTimeUnixNano = from + BigInt(index) * HOUR;
        const root = sampleSpan({ traceId, experimentId, startTimeUnixNano });
        const failed = index % 2 === 0 ? ({ statusCode: "ERROR" } as const) : {};
        return [
          { ...root, ...failed },
          sampleSpan({ traceId, experimentId, startTimeUnixNano, spanId: spanId(2), parentSpanId: root.spanId }),
        ];
      }),
    );
    return ids;
  }

  /** Everything that can be said of a trace beside its spans. */
  async function addParts(traceId: string): Promise<void> {
    await store.setTraceTags(traceId, { a: "b" });
    await store.setTraceMetadata(traceId, { a: "b" });
    await store.linkTraces("run", "run-1", [traceId]);
    await store.createAssessment({
      traceId,
      kind: "feedback",
      name: "good",
      valueJson: "true",
      source: { type: "HUMAN", id: "me" },
      metadata: {},
    });
  }

  async function remove(selection: RemovalSelection, limit = 3): Promise<{ traces: number; spans: number }> {
    const id = crypto.randomUUID();
    const sum = { traces: 0, spans: 0 };
    await store.beginRemoval(id, selection);
    for (;;) {
      const step = await store.continueRemoval(id, limit);
      if (step.traces === 0) break;
      expect(step.traces).toBeLessThanOrEqual(limit);
      sum.traces += step.traces;
      sum.spans += step.spans;
    }
    await store.endRemoval(id);
    return sum;
  }

  async function left(experimentId: string): Promise<string[]> {
    const order = { key: "timestamp_ms", direction: "ASC" } as const;
    const page = await store.searchTraces({ experimentIds: [experimentId], order, limit: 1000 });
    return page.traces.map((trace) => trace.traceId);
  }

  test("a removal deletes what its selection means, in steps, with everything said of the traces", async () => {
    const [experimentId, other] = [freshExperimentId(), freshExperimentId()];
    const ids = await writeTraces(8, experimentId);
    const untouched = await writeTraces(2, other);
    for (const traceId of [ids[0]!, ids[1]!]) await addParts(traceId);

    // The failed ones (0, 2, 4, 6) that start before the sixth.
    const selection = {
      experimentIds: [experimentId],
      filter: hasFailed,
      to: SAMPLE_START + 5n * HOUR,
    };
    expect(await remove(selection, 2)).toEqual({ traces: 3, spans: 6 });
    expect(await left(experimentId)).toEqual([1, 3, 5, 6, 7].map((index) => ids[index]));
    expect(await store.getSpan(ids[0]!, spanId(2))).toBeUndefined();
    expect((await store.getAssessments([ids[0]!, ids[1]!])).size).toBe(1);
    expect((await store.getTraceLinks([ids[0]!, ids[1]!])).size).toBe(1);

    expect(await remove({ traceIds: [ids[1]!, ids[3]!, freshTraceId()] })).toEqual({ traces: 2, spans: 4 });
    expect(await remove({ experimentIds: [experimentId], oldest: 1 })).toEqual({ traces: 1, spans: 2 });
    expect(await left(experimentId)).toEqual([ids[6], ids[7]]);
    expect(await remove({ experimentIds: [experimentId] })).toEqual({ traces: 2, spans: 4 });
    expect(await left(experimentId)).toEqual([]);
    expect(await left(other)).toEqual(untouched);
    expect(await remove({ experimentIds: [experimentId] })).toEqual({ traces: 0, spans: 0 });
  });

  test("traces that moved, or whose spans lie outside of their time, go with all their spans", async () => {
    const experimentId = freshExperimentId();
    const [moved, odd, plain] = await writeTraces(3, experimentId);
    const id = crypto.randomUUID();
    await store.beginRemoval(id, { experimentIds: [experimentId] });
    // An earlier span gives one another start than the list has; a client says another time of the other.
    await store.writeSpans([
      sampleSpan({ traceId: moved!, experimentId, spanId: spanId(3), startTimeUnixNano: SAMPLE_START - 90n * DAY }),
      sampleSpan({ traceId: odd!, experimentId, spanId: spanId(3), startTimeUnixNano: SAMPLE_START + 70n * DAY }),
    ]);
    await store.putClientInfo({
      traceId: odd!,
      experimentId,
      requestTimeUnixNano: SAMPLE_START,
      durationNano: 1_000_000n,
    });
    while ((await store.continueRemoval(id, 10)).traces > 0);
    await store.endRemoval(id);
    for (const traceId of [moved!, odd!, plain!]) expect(await store.getSpanOutlines(traceId)).toEqual([]);
    expect(await left(experimentId)).toEqual([]);
  });

  test("many ids are no trouble", async () => {
    const experimentId = freshExperimentId();
    const ids = await writeTraces(5, experimentId);
    const traceIds = [...Array.from({ length: 2500 }, freshTraceId), ...ids];
    expect(await remove({ traceIds }, 1000)).toEqual({ traces: 5, spans: 10 });
  });

  test("traces that begin to match after the removal began stay; spans that come before a trace's step go with it", async () => {
    const experimentId = freshExperimentId();
    const ids = await writeTraces(4, experimentId);
    const id = crypto.randomUUID();
    expect(await store.beginRemoval(id, { experimentIds: [experimentId] })).toBe(4);
    expect((await store.continueRemoval(id, 1)).traces).toBe(1);

    const late = await writeTraces(1, experimentId, SAMPLE_START - HOUR);
    // One more span for a trace that is still to go, one for the trace that is gone: the latter begins a new trace.
    const more = (traceId: string) =>
      store.writeSpans([
        sampleSpan({ traceId, experimentId, spanId: spanId(3), startTimeUnixNano: SAMPLE_START + DAY }),
      ]);
    await more(ids[3]!);
    await more(ids[0]!);
    while ((await store.continueRemoval(id, 2)).traces > 0);
    await store.endRemoval(id);
    expect(await left(experimentId)).toEqual([...late, ids[0]]);
    expect(await store.getSpanOutlines(ids[3]!)).toEqual([]);
    expect(await store.getSpanOutlines(ids[0]!)).toHaveLength(1);
  });

  test("a removal goes on where it was when another process takes it up", async () => {
    const experimentId = freshExperimentId();
    const ids = await writeTraces(6, experimentId);
    const id = crypto.randomUUID();
    expect(await store.beginRemoval(id, { experimentIds: [experimentId] })).toBe(6);
    await store.continueRemoval(id, 2);

    // The store is opened anew, as after a crash; meanwhile one more trace matches.
    await store.close();
    store = await openTelemetryStore(engine.url);
    const late = await writeTraces(1, experimentId);
    expect(await store.beginRemoval(id, { experimentIds: [experimentId] })).toBe(4);
    expect(await store.continueRemoval(id, 100)).toEqual({ traces: 4, spans: 8 });
    expect(await store.continueRemoval(id, 100)).toEqual({ traces: 0, spans: 0 });
    await store.endRemoval(id);
    expect(await left(experimentId)).toEqual(late);
    // The job may be run once more, if the process ended before it could say that it was done.
    expect(await store.beginRemoval(id, { experimentIds: [experimentId] })).toBe(0);
    expect(await store.continueRemoval(id, 100)).toEqual({ traces: 0, spans: 0 });
    expect(await left(experimentId)).toEqual(late);
    expect(ids).not.toContain(late[0]);
  });

  test("what goes with the traces is told of them before they go, again if that failed, and only of those", async () => {
    const experimentId = freshExperimentId();
    const ids = await writeTraces(3, experimentId);
    const id = crypto.randomUUID();
    await store.beginRemoval(id, { experimentIds: [experimentId] });
    const failing = store.continueRemoval(id, 2, async () => {
      throw new Error("no answer");
    });
    await expect(failing).rejects.toThrow("no answer");
    expect((await left(experimentId)).length).toBe(3);
    const told: string[] = [];
    const tell = async (traceIds: readonly string[]) => {
      expect(await store.findMissingTraces(traceIds)).toEqual([]);
      told.push(...traceIds);
    };
    while ((await store.continueRemoval(id, 2, tell)).traces > 0);
    await store.endRemoval(id);
    expect(told).toEqual(ids);
    const stranger = freshTraceId();
    const [other = ""] = await writeTraces(1, experimentId);
    expect(await store.findMissingTraces([stranger, other, ...ids])).toEqual([stranger, ...ids]);
  });

  test("a list that a crash left half made is made anew", async () => {
    const experimentId = freshExperimentId();
    const ids = await writeTraces(3, experimentId);
    const id = crypto.randomUUID();
    // What the engine may have kept of the list before the process ended: some rows, but not the one that says that it is whole.
    await query(`INSERT INTO removals (removal_id, start_time, trace_id, version) VALUES ('${id}', 0, 'tr-other', 1)`);
    expect(await store.beginRemoval(id, { traceIds: ids })).toBe(3);
    while ((await store.continueRemoval(id, 10)).traces > 0);
    await store.endRemoval(id);
    expect(await left(experimentId)).toEqual([]);
  });

  test("a purge gives the space of deleted traces back, and keeps what is alive and what is written meanwhile", async () => {
    // Two months: nothing stays of the first, something of the second.
    const [experimentId, months] = [
      freshExperimentId(),
      [SAMPLE_START - 400n * DAY, SAMPLE_START - 300n * DAY] as const,
    ];
    const payload = () => ({ json: JSON.stringify(Array.from({ length: 200 }, () => crypto.randomUUID()).join(" ")) });
    const write = async (from: bigint, count: number) => {
      const ids = Array.from({ length: count }, freshTraceId);
      await store.writeSpans(
        ids.map((traceId) => sampleSpan({ traceId, experimentId, startTimeUnixNano: from, inputs: payload() })),
      );
      return ids;
    };
    const [first, second] = [await write(months[0], 300), await write(months[1], 300)];
    const kept = second.slice(0, 20);
    const before = (await store.stats()).bytesOnDisk;
    await remove({ traceIds: [...first, ...second.slice(20)] }, 1000);

    let isPurging = true;
    const writing = (async () => {
      const ids: string[] = [];
      while (isPurging) ids.push(...(await write(months[0], 1)), ...(await write(months[1], 1)));
      return ids;
    })();
    const result = await store.purge({ minDeadShare: 0 });
    isPurging = false;
    const written = await writing;
    expect(result.rewritten).toBeGreaterThan(0);
    // Under 40 KB of hexadecimal text each, which compresses to about half.
    expect(result.bytesFreed).toBeGreaterThan(560 * 2000);
    expect((await store.stats()).bytesOnDisk).toBeLessThan(before - 560 * 2000);
    expect(new Set(await left(experimentId))).toEqual(new Set([...kept, ...written]));
    expect(written.length).toBeGreaterThan(1);

    await remove({ experimentIds: [experimentId] }, 1000);
    const dropped = await store.purge();
    expect(dropped.dropped).toBeGreaterThan(0);
    expect(await store.purge({ minDeadShare: 0 })).toEqual({ rewritten: 0, dropped: 0, bytesFreed: 0 });
    expect(await query(`SELECT count() FROM spans WHERE experiment_id = '${experimentId}'`)).toBe("0");
  });

  test("a partition with few dead rows is left alone unless it is asked for", async () => {
    const experimentId = freshExperimentId();
    const ids = await writeTraces(40, experimentId, SAMPLE_START - 800n * DAY);
    await remove({ traceIds: ids.slice(0, 2) });
    const lookAt = `SELECT countIf(is_deleted = 1) > 0 FROM spans WHERE experiment_id = '${experimentId}'`;
    await store.purge({ minDeadShare: 0.5 });
    expect(await query(lookAt)).toBe("1");
    await store.purge({ minDeadShare: 0 });
    expect(await query(lookAt)).toBe("0");
    expect(await left(experimentId)).toEqual(ids.slice(2));
  });

  test("a purge takes the words of deleted spans out of the index, and keeps those of spans that are there", async () => {
    const experimentId = freshExperimentId();
    const write = async (text: string, days: bigint) => {
      const traceId = freshTraceId();
      const startTimeUnixNano = SAMPLE_START - 1000n * DAY + days * DAY;
      const inputs = { json: JSON.stringify(text) };
      await store.writeSpans([sampleSpan({ traceId, experimentId, startTimeUnixNano, inputs })]);
      return traceId;
    };
    const gone = [await write("secret common", 0n), await write("secret", 1n)];
    const kept = await write("common public", 0n);
    const words = () =>
      query(
        `SELECT arrayStringConcat(arraySort(groupUniqArray(word)), ' ') FROM span_words WHERE experiment_id = '${experimentId}'`,
      );
    // The index is written behind the spans, by itself.
    while ((await words()) !== "common public secret");
    await remove({ traceIds: gone });
    await store.purge({ minDeadShare: 0 });
    expect(await words()).toBe("common public");
    const found = await store.searchTraces({
      experimentIds: [experimentId],
      filter: { kind: "text", text: "public" },
      order: { key: "timestamp_ms", direction: "DESC" },
      limit: 10,
    });
    expect(found.traces.map((trace) => trace.traceId)).toEqual([kept]);
    await remove({ traceIds: [kept] });
    await store.purge();
    expect(await words()).toBe("");
  });

  test("a purge that is given up ends", async () => {
    const experimentId = freshExperimentId();
    await writeTraces(2, experimentId);
    await remove({ experimentIds: [experimentId] });
    const gone = new AbortController();
    gone.abort(new Error("nobody waits"));
    await expect(store.purge({ signal: gone.signal })).rejects.toThrow("nobody waits");
  });

  test("sizes count rows, bytes and times", async () => {
    const experimentId = freshExperimentId();
    await writeTraces(3, experimentId);
    expect((await store.experimentSizes()).get(experimentId)).toEqual({
      traces: 3,
      spans: 6,
      oldestTraceUnixNano: (SAMPLE_START / 1000n) * 1000n,
      newestTraceUnixNano: ((SAMPLE_START + 2n * HOUR) / 1000n) * 1000n,
    });
    const sizes = await store.tableSizes();
    expect(sizes.reduce((sum, { bytesOnDisk }) => sum + bytesOnDisk, 0)).toBeGreaterThan(1000);
    expect(sizes.find(({ table }) => table === "spans")?.rows).toBeGreaterThanOrEqual(6);
  });

  test("the check finds orphans, doubled traces and wrong counts", async () => {
    const experimentId = freshExperimentId();
    const [whole, torn, miscounted] = await writeTraces(3, experimentId);
    await addParts(torn!);
    const row = (traceId: string) => `experiment_id = '${experimentId}' AND trace_id = '${traceId}'`;
    const bury = (table: string, key: string, traceId: string) =>
      query(`INSERT INTO ${table} (${key}, version, is_deleted)
        SELECT ${key}, version + 1, 1 FROM ${table} FINAL WHERE ${row(traceId)}`);
    await bury("traces", "experiment_id, start_time, trace_id", torn!);
    await bury("spans", "experiment_id, start_time, trace_id, span_id", miscounted!);
    await query(
      `INSERT INTO traces SELECT * REPLACE (start_time + 1 AS start_time) FROM traces FINAL WHERE ${row(whole!)}`,
    );

    const found = await store.findInconsistencies();
    expect(Object.fromEntries(found.map(({ name, examples }) => [name, examples]))).toEqual({
      "spans-without-trace": [torn],
      "trace-tags-without-trace": [torn],
      "trace-metadata-without-trace": [torn],
      "assessments-without-trace": [torn],
      "trace-links-without-trace": [torn],
      "traces-without-spans": [miscounted],
      "doubled-traces": [whole],
      "wrong-span-counts": expect.arrayContaining([whole, torn, miscounted]),
    });
    expect(found.every(({ count, examples }) => count === examples.length)).toBe(true);
    // Deleting them all puts it right.
    await store.deleteTraces([whole!, torn!, miscounted!]);
  });

  /** SQL of the test's own, in the database of the store; the first value of the answer. */
  async function query(text: string): Promise<string> {
    const { serverUrl, database } = clickHouseAddress(engine.url);
    const client = connectClickHouse(serverUrl);
    try {
      const tables = /\b(INTO|FROM) (\w+)/g;
      const { stream } = await client.exec({ query: text.replaceAll(tables, `$1 \`${database}\`.$2`) });
      let answer = "";
      for await (const chunk of stream) answer += String(chunk);
      return answer.trim();
    } finally {
      await client.close();
    }
  }
});
