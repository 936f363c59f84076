/**
 * Orders of traces by every key, alone and together: each trace once, in order, what has nothing last.
 */
import { ORDER_KEYS, type OrderKey } from "@sightline/wire/filter/order";
import type { TraceInfo } from "@sightline/wire/model/trace";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TelemetryStore, TraceCursor, TraceOrder } from "../telemetry-store.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan } from "./samples.ts";

/** What a trace has under a key, by what the API shows of it. */
const shown: Readonly<Record<OrderKey, (info: TraceInfo) => string | number | undefined>> = {
  timestamp_ms: (info) => info.requestTime,
  execution_time_ms: (info) => info.durationMs,
  end_time_ms: (info) => Date.parse(info.requestTime) + info.durationMs,
  status: (info) => info.state,
  trace_id: (info) => info.traceId,
  experiment: (info) => Number(info.experimentId),
  name: (info) => info.name || undefined,
  run: (info) => info.metadata["mlflow.sourceRun"],
  tags: (info) => info.tags["env"],
  metadata: (info) => info.metadata["size"],
  session: (info) => info.sessionId,
  user: (info) => info.userId,
  "tokens.total": (info) => info.tokenUsage?.totalTokens,
  cost: (info) => info.costUsd,
};

const keys = Object.keys(ORDER_KEYS) as OrderKey[];
const NAMES: Partial<Record<OrderKey, string>> = { tags: "env", metadata: "size" };
const orderBy = (key: OrderKey, direction: "ASC" | "DESC"): TraceOrder => {
  const name = NAMES[key];
  return { key, direction, ...(name !== undefined && { name }) };
};

function compare(a: TraceInfo, b: TraceInfo, orders: readonly TraceOrder[]): number {
  for (const { key, direction } of orders) {
    const [left, right] = [shown[key](a), shown[key](b)];
    if (left === right) continue;
    if (left === undefined || right === undefined) return left === undefined ? 1 : -1;
    return left < right === (direction === "ASC") ? -1 : 1;
  }
  if (a.requestTime !== b.requestTime) return a.requestTime > b.requestTime ? -1 : 1;
  return a.traceId < b.traceId ? -1 : 1;
}

describe.each(clickHouseEngines)("orders on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  const experimentIds = [freshExperimentId(), freshExperimentId()];
  let traceIds: readonly string[];

  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url);
    // Few different values of each kind, so that there are ties, and some traces have nothing.
    const records = Array.from({ length: 40 }, (_, index) => {
      const startTimeUnixNano = (SAMPLE_START / 1_000_000n) * 1_000_000n + BigInt(index % 7) * 1_000_000n;
      const total = index % 4 === 0 ? undefined : (index % 3) * 1000 + 5;
      return sampleSpan({
        traceId: freshTraceId(),
        experimentId: experimentIds[index % 2] ?? "",
        startTimeUnixNano,
        endTimeUnixNano: startTimeUnixNano + BigInt(index % 5) * 2_000_000n,
        name: ["", "b", "a", "B", "é", "😀"][index % 6] ?? "",
        statusCode: index % 5 === 0 ? "ERROR" : "OK",
        sessionId: ["", "s2", "s10"][index % 3] ?? "",
        userId: ["u", "", "v", "w"][index % 4] ?? "",
        ...(total !== undefined && { usage: { inputTokens: total - 1, outputTokens: 1, totalTokens: total } }),
        ...(index % 3 === 0 && { costUsd: (index % 2) * 0.1 + 0.2 }),
        traceTags: index % 4 === 1 ? { env: "prod" } : index % 4 === 2 ? { env: "" } : {},
        traceMetadata: {
          ...(index % 5 === 1 && { size: "big" }),
          ...(index % 2 === 1 && { "mlflow.sourceRun": `r${index % 4}` }),
        },
      });
    });
    await store.writeSpans(records);
    traceIds = records.map((record) => record.traceId);
    for (const traceId of traceIds.slice(0, 6)) await store.setTraceTags(traceId, { env: "dev" });
    await store.deleteTraceTag(traceIds[9] ?? "", "env");
    await store.setTraceMetadata(traceIds[3] ?? "", { size: "small" });
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  async function allPages(order: readonly TraceOrder[], limit: number): Promise<TraceInfo[]> {
    const found: TraceInfo[] = [];
    let after: TraceCursor | undefined;
    do {
      const page = await store.searchTraces({ experimentIds, order, limit, ...(after && { after }) });
      expect(page.places.map((place) => place.traceId)).toEqual(page.traces.map((trace) => trace.traceId));
      found.push(...page.traces);
      after = page.next;
    } while (after !== undefined);
    return found;
  }

  async function expectOrder(orders: readonly TraceOrder[], limit: number): Promise<void> {
    const found = await allPages(orders, limit);
    expect(found.map((info) => info.traceId).toSorted()).toEqual(traceIds.toSorted());
    const sorted = found.toSorted((a, b) => compare(a, b, orders));
    expect(found.map((info) => info.traceId)).toEqual(sorted.map((info) => info.traceId));
  }

  test.each(keys)("by %s, in both directions", async (key) => {
    await expectOrder([orderBy(key, "ASC")], 9);
    await expectOrder([orderBy(key, "DESC")], 9);
  });

  test("by several keys", async () => {
    await expectOrder([orderBy("status", "DESC"), orderBy("tags", "ASC"), orderBy("cost", "DESC")], 7);
    await expectOrder([orderBy("timestamp_ms", "ASC"), orderBy("execution_time_ms", "DESC")], 7);
    await expectOrder([], 7);
  });

  test("a place of another order is refused", async () => {
    const traceId = traceIds[0] ?? "";
    for (const values of [[], ["1", "2"], ["x"], [null]]) {
      const query = { order: orderBy("execution_time_ms", "ASC"), limit: 1, after: { values, startUs: "1", traceId } };
      await expect(store.searchTraces(query)).rejects.toMatchObject({ code: "BAD_PAGE_TOKEN" });
    }
  });
});
