/**
 * What the store makes of a process that ended in the middle of something: ours or the engine's.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshExperimentId, freshTraceId, sampleSpan, spanId } from "../contract/samples.ts";
import { type EmbeddedClickHouse, startChdb } from "../engines/chdb/supervisor.ts";
import { connectClickHouse } from "../engines/clickhouse.ts";
import type { TelemetryStore } from "../telemetry-store.ts";
import { openClickHouseTelemetryStore } from "./clickhouse-telemetry-store.ts";

let directory: string;
let engine: EmbeddedClickHouse;
let admin: ClickHouseClient;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sightline-recovery-"));
  engine = await startChdb({ dataDir: directory });
  admin = connectClickHouse(engine.url);
});
afterAll(async () => {
  await admin?.close();
  await engine?.close();
  await rm(directory, { recursive: true, force: true });
});

/** Opens the store, does something with it and closes it again: one life of the server. */
async function inOneLife<T>(work: (store: TelemetryStore) => Promise<T>): Promise<T> {
  const store = await openClickHouseTelemetryStore({ client: connectClickHouse(engine.url), database: "sightline" });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function run(query: string): Promise<void> {
  await admin.command({ query });
}

test("what one life wrote the next one reads, and changes", async () => {
  const traceId = freshTraceId();
  await inOneLife(async (store) => {
    await store.writeSpans([sampleSpan({ traceId })]);
    await store.setTraceTags(traceId, { a: "b" });
  });
  await inOneLife(async (store) => {
    expect(await store.getTraceInfos([traceId])).toMatchObject([{ spanCount: 1, tags: { a: "b" } }]);
    await store.writeSpans([sampleSpan({ traceId, spanId: spanId(2) })]);
    expect(await store.getTraceInfos([traceId])).toMatchObject([{ spanCount: 2, tags: { a: "b" } }]);
    await store.deleteTraces([traceId]);
  });
  await inOneLife(async (store) => expect(await store.getTraceInfos([traceId])).toEqual([]));
});

test("spans that were kept without the row of their trace get it at the next start", async () => {
  const [missing, old, whole] = [freshTraceId(), freshTraceId(), freshTraceId()];
  await inOneLife(async (store) => {
    await store.writeSpans([missing, old, whole].map((traceId) => sampleSpan({ traceId })));
    await store.writeSpans([sampleSpan({ traceId: old, spanId: spanId(2), startTimeUnixNano: 1_000_000_000n })]);
  });
  // As if the process had ended between the inserts: no row at all, and a row from before the second span.
  await run(`ALTER TABLE sightline.traces DELETE WHERE trace_id = '${missing}' SETTINGS mutations_sync = 1`);
  await run(
    `ALTER TABLE sightline.traces DELETE WHERE trace_id = '${old}' AND version =
      (SELECT max(version) FROM sightline.traces WHERE trace_id = '${old}') SETTINGS mutations_sync = 1`,
  );
  await inOneLife(async (store) => {
    const infos = await store.getTraceInfos([missing, old, whole]);
    expect(infos.map((info) => info.spanCount)).toEqual([1, 2, 1]);
    expect(infos[1]?.requestTime).toBe("1970-01-01T00:00:01.000000Z");
    expect(await store.stats()).toMatchObject({ traces: 3, spans: 4 });
  });
});

test("a write that failed half-way leaves nothing behind once it is repeated", async () => {
  const traceId = freshTraceId();
  const experimentId = freshExperimentId();
  const late = sampleSpan({ traceId, experimentId, spanId: spanId(2), parentSpanId: spanId(1) });
  const root = sampleSpan({ traceId, experimentId, startTimeUnixNano: late.startTimeUnixNano - 1_000_000n });
  await inOneLife(async (store) => {
    await store.writeSpans([late]);
    // The spans are kept, the row of the trace, which moves to an earlier start, is not.
    await run("RENAME TABLE sightline.traces TO sightline.traces_away");
    await expect(store.writeSpans([root])).rejects.toMatchObject({ code: "INTERNAL_ERROR" });
    await run("RENAME TABLE sightline.traces_away TO sightline.traces");
    await store.writeSpans([root]);
    expect(await store.getTraceInfos([traceId])).toMatchObject([{ spanCount: 2, state: "OK" }]);
    expect((await store.experimentActivity()).get(experimentId)?.traces).toBe(1);
  });
});

test("a deletion that was cut short is finished at the next start", async () => {
  const traceId = freshTraceId();
  const experimentId = freshExperimentId();
  await inOneLife((store) => store.writeSpans([sampleSpan({ traceId, experimentId })]));
  await run(
    `INSERT INTO sightline.spans (experiment_id, start_time, trace_id, span_id, version, is_deleted)
      SELECT experiment_id, start_time, trace_id, span_id, version + 1, 1 FROM sightline.spans WHERE trace_id = '${traceId}'`,
  );
  await inOneLife(async (store) => {
    expect(await store.getTraceInfos([traceId])).toEqual([]);
    expect((await store.experimentActivity()).has(experimentId)).toBe(false);
  });
});

test("a client info that was kept without the row of its trace gets it at the next start", async () => {
  const traceId = freshTraceId();
  await inOneLife(async (store) => {
    await store.writeSpans([sampleSpan({ traceId })]);
    await store.putClientInfo({ traceId, experimentId: "0", name: "said", state: "ERROR" });
  });
  await run(
    `ALTER TABLE sightline.traces DELETE WHERE trace_id = '${traceId}' AND version =
      (SELECT max(version) FROM sightline.traces WHERE trace_id = '${traceId}') SETTINGS mutations_sync = 1`,
  );
  await inOneLife(async (store) => {
    expect(await store.getTraceInfos([traceId])).toMatchObject([{ name: "said", state: "ERROR", spanCount: 1 }]);
  });
});

test("a deletion that was cut short takes the parts of the trace too", async () => {
  const traceId = freshTraceId();
  await inOneLife(async (store) => {
    await store.writeSpans([sampleSpan({ traceId })]);
    await store.putClientInfo({ traceId, experimentId: "0", name: "said" });
    await store.setTraceTags(traceId, { a: "b" });
    await store.createAssessment({ traceId, kind: "feedback", name: "x", source: { type: "HUMAN", id: "ada" } });
  });
  await run(
    `INSERT INTO sightline.spans (experiment_id, start_time, trace_id, span_id, version, is_deleted)
      SELECT experiment_id, start_time, trace_id, span_id, ${Date.now() * 1000 + 10_000_000}, 1
      FROM sightline.spans WHERE trace_id = '${traceId}'`,
  );
  await inOneLife(async (store) => {
    expect(await store.getTraceInfos([traceId])).toEqual([]);
    expect(await store.getAssessments([traceId])).toEqual(new Map());
    await store.writeSpans([sampleSpan({ traceId })]);
    expect(await store.getTraceInfos([traceId])).toMatchObject([{ name: "agent", tags: {} }]);
  });
});

test("versions go on from the highest that was kept, also when the clock has gone back since", async () => {
  const traceId = freshTraceId();
  const record = sampleSpan({ traceId, name: "old" });
  await inOneLife((store) => store.writeSpans([record]));
  const future = 9_000_000_000_000_000n;
  for (const table of ["spans", "traces"]) {
    await run(
      `INSERT INTO sightline.${table} SELECT * REPLACE (${future} AS version) FROM sightline.${table} WHERE trace_id = '${traceId}'`,
    );
  }
  await inOneLife(async (store) => {
    await store.writeSpans([{ ...record, name: "new" }]);
    expect((await store.getSpan(traceId, record.spanId))?.name).toBe("new");
    expect(await store.getTraceInfos([traceId])).toMatchObject([{ name: "new" }]);
  });
});

test("writes outlive the engine's death: what was answered is there once", async () => {
  const experimentId = freshExperimentId();
  const restarted = new Promise<void>((resolve) => {
    const stop = engine.onRestart(() => {
      stop();
      resolve();
    });
  });
  await inOneLife(async (store) => {
    const answered: string[] = [];
    let isKilled = false;
    const writer = async (): Promise<void> => {
      // Some rounds before the kill, some after the restart.
      for (let after = 0; after < 3; after += isKilled ? 1 : 0) {
        const traceIds = Array.from({ length: 5 }, freshTraceId);
        await store.writeSpans(
          traceIds.flatMap((traceId) => [1, 2].map((id) => sampleSpan({ traceId, experimentId, spanId: spanId(id) }))),
        );
        answered.push(...traceIds);
        if (answered.length >= 100 && !isKilled) {
          isKilled = true;
          process.kill(engine.pid() ?? 0, "SIGKILL");
        }
      }
    };
    await Promise.all([writer(), writer(), writer()]);
    await restarted;
    const infos = await store.getTraceInfos(answered);
    expect(infos.map((info) => info.traceId)).toEqual(answered);
    expect(new Set(infos.map((info) => info.spanCount))).toEqual(new Set([2]));
    const total = (await store.experimentActivity()).get(experimentId)?.traces;
    expect(total).toBe(answered.length);
  });
});

test("while the engine is away reads say so", async () => {
  await inOneLife(async (store) => {
    const restarted = new Promise<void>((resolve) => {
      const stop = engine.onRestart(() => {
        stop();
        resolve();
      });
    });
    process.kill(engine.pid() ?? 0, "SIGKILL");
    await expect(store.ping()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await restarted;
    await expect(store.ping()).resolves.toBeUndefined();
  });
});

test("a closed store takes no more changes", async () => {
  const store = await openClickHouseTelemetryStore({ client: connectClickHouse(engine.url), database: "sightline" });
  const traceId = freshTraceId();
  const write = store.writeSpans([sampleSpan({ traceId })]);
  await Promise.all([store.close(), store.close()]);
  await expect(write).resolves.toBeUndefined();
  await expect(store.writeSpans([sampleSpan({ traceId })])).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
});

test("a database name that could be SQL is refused", async () => {
  const client = connectClickHouse(engine.url);
  await expect(openClickHouseTelemetryStore({ client, database: "a`; DROP" })).rejects.toMatchObject({
    code: "INVALID_PARAMETER",
  });
  await client.close();
});
