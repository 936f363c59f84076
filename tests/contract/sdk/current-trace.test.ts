/**
 * What programs say of their traces, as a real server tells it afterwards.
 */
import * as sightline from "@sightline/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "../server/in-process.ts";

let server: ServerUnderTest;
beforeAll(async () => {
  server = await startInProcess();
  sightline.init({ url: server.url, experiment: "of init", version: "from init" });
});
afterAll(async () => {
  await sightline.shutdown();
  await server?.stop();
});

test("everything that is said of the running trace is on it, and nothing twice", async () => {
  const step = sightline.trace(async () => {
    sightline.updateCurrentTrace({
      tags: { env: "prod" },
      metadata: { build: "7" },
      sessionId: "s-1",
      userId: "ada",
      version: "3f2a",
      clientRequestId: "req-1",
      requestPreview: "asked",
      responsePreview: "answered",
      state: "ERROR",
    });
  });
  const traceId = await sightline.withSpan({ name: "agent", inputs: "question" }, async (span) => {
    await step();
    span.setOutputs("answer");
    return span.traceId;
  });
  const { info, spans } = await sightline.getTrace(traceId);
  expect(info).toMatchObject({
    name: "agent",
    state: "ERROR",
    sessionId: "s-1",
    userId: "ada",
    version: "3f2a",
    clientRequestId: "req-1",
    requestPreview: "asked",
    responsePreview: "answered",
    spanCount: 2,
  });
  expect(info.tags).toMatchObject({ env: "prod", "service.version": "from init" });
  expect(info.metadata).toEqual({ build: "7", "sightline.version": "3f2a" });
  // The trace failed in the eyes of the program; its root did what it should.
  expect(spans.find(({ name }) => name === "agent")?.status.code).toBe("OK");
  const failed = await sightline.searchTraces({ experiments: ["of init"], filter: "status = 'ERROR'" });
  expect(failed.map((found) => found.info.traceId)).toEqual([traceId]);
});

test("a failed root can be called a success; the version is that of init() where nothing else is said", async () => {
  let traceId = "";
  const run = (): never =>
    sightline.withSpan({ name: "retried by the caller" }, (span) => {
      traceId = span.traceId;
      sightline.updateCurrentTrace({ state: "OK" });
      throw new Error("known");
    });
  expect(run).toThrow("known");
  const { info } = await sightline.getTrace(traceId);
  expect(info).toMatchObject({ state: "OK", version: "from init" });
});

test("traces lie in the experiment that they name, with links, events and times as given", async () => {
  const other = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
  const span = sightline.startSpan({
    name: "past",
    experiment: "of the trace",
    startTime: 1_764_000_000_000_123_456n,
    links: [other],
  });
  span.addEvent("step", { n: 1 }, 1_764_000_000_500);
  span.end({ endTime: new Date(1_764_000_001_000) });
  await sightline.flush();
  const [found] = await sightline.searchTraces({ experiments: ["of the trace"], include: ["spans"] });
  expect(found?.info).toMatchObject({ traceId: span.traceId, requestTime: "2025-11-24T16:00:00.000123Z" });
  const [stored] = found?.spans ?? [];
  // Milliseconds in a double resolve a quarter of a microsecond.
  expect(Math.abs(Number(BigInt(stored?.startTimeUnixNano ?? 0) - 1_764_000_000_000_123_456n))).toBeLessThan(250);
  expect(stored).toMatchObject({
    endTimeUnixNano: "1764000001000000000",
    links: [{ ...other, attributes: {} }],
    events: [{ name: "step", timeUnixNano: "1764000000500000000", attributes: { n: 1 } }],
  });
});
