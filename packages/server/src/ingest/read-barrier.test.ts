import type { TelemetryStore } from "@sightline/store/telemetry-store";
import { SightlineError } from "@sightline/wire/errors";
import { expect, test } from "vitest";
import { IngestMetrics } from "./ingest-metrics.ts";
import { withReadBarrier } from "./read-barrier.ts";

/** A store that writes down what is called, behind a barrier that does the same. */
function recorded(settled: (traceIds?: readonly string[]) => Promise<void> | undefined = async () => undefined) {
  const calls: string[] = [];
  const store = {
    getTraceInfos: async () => calls.push("getTraceInfos"),
    searchTraces: async () => calls.push("searchTraces"),
    deleteTraces: async () => calls.push("deleteTraces"),
    setTraceTags: async () => calls.push("setTraceTags"),
    ping: async () => calls.push("ping"),
    async *readTraces() {
      calls.push("readTraces");
      yield 1;
    },
    // Stands for a method that is added to the port some day.
    newMethod: async () => calls.push("newMethod"),
  };
  const metrics = new IngestMetrics();
  const telemetry = withReadBarrier({
    // The wrapper passes calls on by name; the test calls only these.
    telemetry: store as unknown as TelemetryStore,
    settled: (traceIds) => {
      calls.push(`settled ${traceIds === undefined ? "all" : traceIds.join()}`);
      return settled(traceIds);
    },
    checkpoint: async () => void calls.push("checkpoint"),
    metrics,
  });
  return { calls, metrics, telemetry: telemetry as TelemetryStore & Pick<typeof store, "newMethod"> };
}

test("reads by id wait for what is about them, searches for everything, pings for nothing", async () => {
  const { calls, telemetry, metrics } = recorded();
  await telemetry.getTraceInfos(["a", "b"]);
  await telemetry.searchTraces({ order: { key: "timestamp_ms", direction: "DESC" }, limit: 1 });
  await telemetry.ping();
  expect(calls).toEqual(["settled a,b", "getTraceInfos", "settled all", "searchTraces", "ping"]);
  expect(metrics.read().barrier.count).toBe(2);
});

test("streams wait before their first piece", async () => {
  const { calls, telemetry } = recorded();
  const stream = telemetry.readTraces({});
  expect(calls).toEqual([]);
  for await (const part of stream) expect(part).toBe(1);
  expect(calls).toEqual(["settled all", "readTraces"]);
});

test("what changes traces is not begun before a replay cannot write over it", async () => {
  const { calls, telemetry } = recorded();
  await telemetry.deleteTraces(["a"]);
  expect(calls).toEqual(["settled all", "checkpoint", "deleteTraces"]);
});

test("a method that no table knows gets the strictest rule", async () => {
  const { calls, telemetry } = recorded();
  await telemetry.newMethod();
  expect(calls).toEqual(["settled all", "checkpoint", "newMethod"]);
});

test("edits of a trace wait for that trace and need no checkpoint", async () => {
  const { calls, telemetry } = recorded();
  await telemetry.setTraceTags("a", { k: "v" });
  expect(calls).toEqual(["settled a", "setTraceTags"]);
});

test("an engine that is away fails the read; a full disk lets it see what was written before", async () => {
  const gone = recorded(() => Promise.reject(new SightlineError("STORE_UNAVAILABLE", "away")));
  await expect(gone.telemetry.getTraceInfos(["a"])).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(gone.calls).toEqual(["settled a"]);
  const full = recorded(() => Promise.reject(new SightlineError("STORAGE_FULL", "full")));
  await full.telemetry.getTraceInfos(["a"]);
  expect(full.calls).toEqual(["settled a", "getTraceInfos"]);
});
