/**
 * The promise that the row of a trace does not depend on how the trace came, on every ClickHouse engine.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TelemetryStore } from "../telemetry-store.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshTraceId } from "./samples.ts";
import { type Report, reportedTrace } from "./trace-reports.ts";

const memories = [
  { memory: "remembering traces", rememberedSpans: 50_000, rememberedTraces: 2000 },
  { memory: "looking every trace up", rememberedSpans: 0, rememberedTraces: 0 },
];
const cases = clickHouseEngines.flatMap((engine) => memories.map((memory) => ({ ...engine, ...memory })));

describe.each(cases)("order on $name, $memory", ({ start, rememberedSpans, rememberedTraces }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url, { rememberedSpans, rememberedTraces });
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  async function write(reports: readonly Report[]): Promise<void> {
    for (const report of reports) {
      if ("spans" in report) await store.writeSpans(report.spans);
      else await store.putClientInfo(report.info);
    }
  }

  test("spans and client infos in any order, in any batches, late or twice give one and the same trace", async () => {
    const property = fc.asyncProperty(fc.array(reportedTrace(), { minLength: 4, maxLength: 4 }), async (traces) => {
      const ids = traces.map(() => [freshTraceId(), freshTraceId()] as const);
      // Different traces at once, since waiting for the engine is most of the time.
      await Promise.all(
        traces.map(async (trace, index) => {
          const [plainId = "", otherId = ""] = ids[index] ?? [];
          await Promise.all([write(trace(plainId).plain), write(trace(otherId).other)]);
        }),
      );
      const infos = await store.getTraceInfos(ids.flat());
      const spans = await store.getSpans(ids.flat());
      expect(infos).toHaveLength(ids.length * 2);
      for (const [plainId, otherId] of ids) {
        const [plain, other] = [plainId, otherId].map((id) => infos.find(({ traceId }) => traceId === id));
        expect({ ...other, traceId: "" }).toEqual({ ...plain, traceId: "" });
        const [plainSpans, otherSpans] = [plainId, otherId].map((id) =>
          spans.get(id)?.map((span) => ({ ...span, traceId: "" })),
        );
        expect(otherSpans).toEqual(plainSpans);
      }
    });
    await fc.assert(property, { numRuns: 8 });
  });
});
